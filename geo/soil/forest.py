"""Trees of a regression forest as flat arrays, walked in one compiled loop."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def walk(x, root, feature, threshold, left, right, value):  # type: ignore[no-untyped-def]
    """Mean of the trees' values, float64[n], for x float32[n, p]; NaN where any x is NaN.

    ``root``: index of each tree's first node; a node with ``left`` below 0 is a leaf. A
    sample goes left when ``x[feature] <= threshold``, as scikit-learn's trees decide.
    """
    n, p = x.shape
    out = np.empty(n)
    for i in range(n):
        total = 0.0
        for k in range(p):
            if np.isnan(x[i, k]):
                total = np.nan
        if np.isnan(total):
            out[i] = total
            continue
        for t in range(len(root)):
            at = root[t]
            while left[at] >= 0:
                at = left[at] if x[i, feature[at]] <= threshold[at] else right[at]
            total += value[at]
        out[i] = total / len(root)
    return out
