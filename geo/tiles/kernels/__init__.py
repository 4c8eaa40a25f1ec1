"""Compiled loops. Their types are numba's: a wrong one fails when the module is imported."""
