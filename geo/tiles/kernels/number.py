# mypy: ignore-errors
"""Write a float64 as JSON text that reads back as the same number."""

from __future__ import annotations

import numpy as np
from numba import float64, int64, types, uint64

from geo.tiles.kernels import inner
from geo.tiles.kernels.machine import (
    bits_of,
    high_product,
    leading_zeros,
    move_bytes,
    store_byte,
    store_word,
)
from geo.tiles.kernels.text import ZEROS, eight_digits, put_integer


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


@inner(types.UniTuple(int64, 2)(float64))
def _digits(value: float) -> tuple[int, int]:
    """(d, q) with d / 10^q nearest to a positive ``value`` and 17 digits of d."""
    bits = bits_of(value)
    e = ((bits >> 52) & 0x7FF) - 1023
    if 1e-7 <= value < 1e15:
        # Most numbers were short decimals once: a quotient of exact numbers is the nearest
        # float to the decimal that is written (Clinger 1990).
        q = 14 - ((e * 78913) >> 18)  # log10 of 2 is 78913 / 2^18
        d = np.rint(value * _EXACT[q])
        if d >= 1e15:
            q -= 1
            d = np.rint(value * _EXACT[q])
        if d / _EXACT[q] == value:
            d = int64(d)
            while d < 10000000000000000:
                d *= 10
                q += 1
            return d, q
    m = uint64(bits & 0xFFFFFFFFFFFFF)
    if e == -1023:
        e += 1
    else:
        m |= uint64(1) << uint64(52)
    zeros = leading_zeros(m)
    m <<= uint64(zeros)
    e -= 52 + zeros
    # 17 digits tell any two floats apart, even when the last is wrong by a thirtieth.
    q = 16 - (((e + 63) * 78913) >> 18)
    while True:
        high = high_product(m, _M[q - _FIRST])
        shift = uint64(-(e + _E[q - _FIRST] + 64))
        d = int64((high + (uint64(1) << (shift - uint64(1)))) >> shift)
        if d >= 100000000000000000:
            q -= 1
        elif d < 10000000000000000:
            q += 1
        else:
            return d, q


@inner(int64(int64, float64))
def put_number(at: int, value: float) -> int:
    """At most 26 bytes, and 16 behind them are spoiled; ``value`` is finite."""
    if value < 0:
        store_byte(at, 45)
        at += 1
        value = -value
    if value == 0:
        store_byte(at, 48)
        return at + 1
    d, q = _digits(value)
    point = 17 - q  # digits before the point
    # The digits, from the place where they stand when there is no point among them.
    plain = -7 < point <= 15
    start = at - point + 2 if plain and point <= 0 else at
    first = d // 10000000000000000
    d -= first * 10000000000000000
    high = eight_digits(d // 100000000)
    low = eight_digits(d % 100000000)
    store_byte(start, 48 + first)
    store_word(start + 1, high | uint64(ZEROS))
    store_word(start + 9, low | uint64(ZEROS))
    # Zeros at the end go.
    size = 17 - (leading_zeros(low) >> 3)
    if low == 0:
        size = 9 - (leading_zeros(high) >> 3)
    if plain and point <= 0:
        for i in range(at, start):
            store_byte(i, 48)
        store_byte(at + 1, 46)
        return start + size
    if plain:
        if size <= point:
            return at + point  # what lies between the digits and the point is zeros
        move_bytes(start + point + 1, start + point, size - point)
        store_byte(at + point, 46)
        return at + size + 1
    if size > 1:
        move_bytes(start + 2, start + 1, size - 1)
        store_byte(at + 1, 46)
        size += 1
    at += size
    store_byte(at, 101)
    return put_integer(at + 1, point - 1)
