"""Compiled loops over flat arrays for totals."""
