# mypy: ignore-errors
"""Write dates and whole numbers as text."""

from __future__ import annotations

from typing import Any

from numba import int64, njit, uint8

OUT = uint8[::1]


@njit(int64(OUT, int64, int64, int64), cache=True, nogil=True)
def put_digits(out: Any, at: int, value: int, digits: int) -> int:
    """``value`` with leading zeros."""
    for i in range(digits):
        out[at + digits - 1 - i] = uint8(48 + value % 10)
        value //= 10
    return at + digits


@njit(int64(OUT, int64, int64), cache=True, nogil=True)
def put_date(out: Any, at: int, days: int) -> int:
    """YYYY-MM-DD of days since 1970-01-01 (proleptic Gregorian, years 0 to 9999)."""
    z = days + 719468
    era = z // 146097
    day_of_era = z - era * 146097
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    at = put_digits(out, at, year, 4)
    out[at] = 45
    at = put_digits(out, at + 1, month, 2)
    out[at] = 45
    return put_digits(out, at + 1, day, 2)


@njit(int64(OUT, int64, int64), cache=True, nogil=True)
def put_time(out: Any, at: int, microseconds: int) -> int:
    """YYYY-MM-DDThh:mm:ssZ; what is below a second is left out."""
    seconds = microseconds // 1000000
    days = seconds // 86400
    at = put_date(out, at, days)
    seconds -= days * 86400
    out[at] = 84
    at = put_digits(out, at + 1, seconds // 3600, 2)
    out[at] = 58
    at = put_digits(out, at + 1, seconds // 60 % 60, 2)
    out[at] = 58
    at = put_digits(out, at + 1, seconds % 60, 2)
    out[at] = 90
    return at + 1


@njit(int64(OUT, int64, int64), cache=True, nogil=True)
def put_integer(out: Any, at: int, value: int) -> int:
    if value < 0:
        out[at] = 45
        at += 1
        if value == -9223372036854775808:  # has no positive
            out[at] = 57
            return put_digits(out, at + 1, 223372036854775808, 18)
        value = -value
    digits = 1
    rest = value
    while rest >= 10:
        digits += 1
        rest //= 10
    return put_digits(out, at, value, digits)
