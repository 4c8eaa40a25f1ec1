# mypy: ignore-errors
"""Compiled loops. Their types are numba's: a wrong one fails when the module is imported."""

from __future__ import annotations

from functools import partial

from numba import njit

#: A loop that Python calls.
loop = partial(njit, cache=True, nogil=True, no_cfunc_wrapper=True)
#: A function that only loops call and that makes no arrays. It does not count references to the
#: arrays that it is given: that would cost more than most of these functions do.
inner = partial(loop, _nrt=False, error_model="numpy")
