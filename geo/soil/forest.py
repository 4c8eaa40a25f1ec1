"""Trees of a regression forest as flat arrays, walked in compiled loops."""

from __future__ import annotations

import numpy as np
from numba import njit

#: Samples that go through one tree together: they and the tree stay in the cache.
TOGETHER = 2048


@njit(cache=True, nogil=True)
def walk(x, root, feature, threshold, left, right, value):  # type: ignore[no-untyped-def]
    """Mean of the trees' values, float64[n], for x float32[n, p]; NaN where any x is NaN.

    ``root``: index of each tree's first node; a node with ``left`` below 0 is a leaf. A
    sample goes left when ``x[feature] <= threshold``, as scikit-learn's trees decide.
    """
    n, p = x.shape
    out = np.zeros(n)
    for begin in range(0, n, TOGETHER):
        end = min(n, begin + TOGETHER)
        for i in range(begin, end):
            for k in range(p):
                if np.isnan(x[i, k]):
                    out[i] = np.nan
        for t in range(len(root)):
            first = root[t]
            for i in range(begin, end):
                if np.isnan(out[i]):
                    continue
                at = first
                while left[at] >= 0:
                    at = left[at] if x[i, feature[at]] <= threshold[at] else right[at]
                out[i] += value[at]
        for i in range(begin, end):
            out[i] /= len(root)
    return out
