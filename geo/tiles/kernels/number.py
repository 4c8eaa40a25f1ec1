# mypy: ignore-errors
"""Write a float64 as JSON text that reads back as the same number."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import float64, int64, njit, types, uint64
from numba.extending import intrinsic

from geo.tiles.kernels.columns import bits_of
from geo.tiles.kernels.text import OUT, put_digits, put_integer


def _powers(first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """10^q as m * 2^e with 2^63 <= m < 2^64, rounded down: all m, all e."""
    m, e = [], []
    for q in range(first, last + 1):
        # 1200 more bits than needed, so that a quotient keeps its first 64.
        number = 10**q << 1200 if q >= 0 else (1 << 2400) // 10**-q
        extra = number.bit_length() - 64
        m.append(number >> extra)
        e.append(extra - (1200 if q >= 0 else 2400))
    return np.array(m, dtype=np.uint64), np.array(e, dtype=np.int64)


_FIRST, _LAST = -310, 345
_M, _E = _powers(_FIRST, _LAST)
_EXACT = np.array([10.0**k for k in range(23)])  # the powers of ten that a float64 holds exactly


@intrinsic
def _high(typing_context: Any, a: Any, b: Any) -> Any:
    """The upper 64 bits of a product of two 64-bit numbers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(each, wide) for each in arguments))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


@njit(types.UniTuple(int64, 2)(float64), cache=True, nogil=True)
def _digits(value: float) -> tuple[int, int]:
    """(d, q) with d / 10^q nearest to a positive ``value``: all digits that tell it from others."""
    if 1e-7 <= value < 1e15:
        # Most numbers were short decimals once: a quotient of exact numbers is the nearest
        # float to the decimal that is written (Clinger 1990).
        q = 15
        power = 1.0
        while q > 0 and value >= power:
            power *= 10.0
            q -= 1
        power = 0.1
        while q < 22 and value < power:
            power *= 0.1
            q += 1
        d = np.rint(value * _EXACT[q])
        if d / _EXACT[q] == value:
            return int64(d), q
    bits = bits_of(value)
    e = ((bits >> 52) & 0x7FF) - 1075
    m = uint64(bits & 0xFFFFFFFFFFFFF)
    if e == -1075:
        e = -1074
    else:
        m |= uint64(1) << uint64(52)
    while m < uint64(1) << uint64(63):
        m <<= uint64(1)
        e -= 1
    # 17 digits tell any two floats apart, even when the last is wrong by a thirtieth.
    q = 16 - int64(np.floor((e + 63) * 0.30102999566398120))
    while True:
        high = _high(m, _M[q - _FIRST])
        shift = uint64(-(e + _E[q - _FIRST] + 64))
        d = int64((high + (uint64(1) << (shift - uint64(1)))) >> shift)
        if d >= 100000000000000000:
            q -= 1
        elif d < 10000000000000000:
            q += 1
        else:
            return d, q


@njit(int64(OUT, int64, float64), cache=True, nogil=True)
def put_number(out: Any, at: int, value: float) -> int:
    """At most 26 bytes; ``value`` is finite."""
    if value < 0:
        out[at] = 45
        at += 1
        value = -value
    if value == 0:
        out[at] = 48
        return at + 1
    d, q = _digits(value)
    while d % 10 == 0:
        d //= 10
        q -= 1
    size, rest = 1, d
    while rest >= 10:
        rest //= 10
        size += 1
    point = size - q  # digits before the point
    if q <= 0 and point <= 15:  # whole, and exactly so in any reader
        at = put_digits(out, at, d, size)
        for _ in range(-q):
            out[at] = 48
            at += 1
        return at
    if 0 < point < size:
        put_digits(out, at, d, size)
        for i in range(size, point, -1):
            out[at + i] = out[at + i - 1]
        out[at + point] = 46
        return at + size + 1
    if -7 < point <= 0:
        out[at], out[at + 1] = 48, 46
        return put_digits(out, at + 2, d, q)
    put_digits(out, at + 1, d, size)
    out[at] = out[at + 1]
    if size > 1:
        out[at + 1] = 46
        at += size
    out[at + 1] = 101
    return put_integer(out, at + 2, point - 1)
