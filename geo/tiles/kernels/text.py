# mypy: ignore-errors
"""Write dates and whole numbers as text.

``at`` is the address to write to; what comes back is the address behind.
"""

from __future__ import annotations

from numba import int64, uint64

from geo.tiles.kernels import inner
from geo.tiles.kernels.machine import store_byte, store_word, trailing_zeros

ZEROS = 0x3030303030303030  # "00000000"


@inner(uint64(int64))
def eight_digits(value: int) -> int:
    """The decimal digits of 0 <= value < 10^8 as bytes, the first digit in the lowest."""
    # All at once: halves of 4 digits, of 2 digits, of 1 digit, side by side in one number.
    word = uint64(value)
    high = word // uint64(10000)
    fours = high | ((word - high * uint64(10000)) << uint64(32))
    hundreds = ((fours * uint64(10486)) >> uint64(20)) & uint64(0x0000007F0000007F)
    twos = hundreds | ((fours - hundreds * uint64(100)) << uint64(16))
    tens = ((twos * uint64(103)) >> uint64(10)) & uint64(0x000F000F000F000F)
    return tens | ((twos - tens * uint64(10)) << uint64(8))


@inner(int64(int64, int64, int64))
def put_digits(at: int, value: int, digits: int) -> int:
    """The last ``digits`` (at most 8) of 0 <= value < 10^8, with zeros before."""
    skipped = uint64(8 * (8 - digits))
    store_word(at, (eight_digits(value) | uint64(ZEROS)) >> skipped)
    return at + digits


@inner(int64(int64, int64))
def put_integer(at: int, value: int) -> int:
    """At most 20 bytes, and 7 behind them are spoiled."""
    rest = uint64(value)
    if value < 0:
        store_byte(at, 45)
        at += 1
        rest = uint64(-value)  # the smallest number has no positive but as unsigned
    parts = 1
    top = rest
    while top >= uint64(100000000):
        top //= uint64(100000000)
        parts += 1
    word = eight_digits(int64(top))
    zeros = min(trailing_zeros(word) >> 3, 7)
    store_word(at, (word | uint64(ZEROS)) >> uint64(8 * zeros))
    at += 8 - zeros
    if parts == 3:
        middle = rest // uint64(100000000)
        at = put_digits(at, int64(middle - top * uint64(100000000)), 8)
    if parts > 1:
        at = put_digits(at, int64(rest % uint64(100000000)), 8)
    return at


@inner(int64(int64, int64))
def put_date(at: int, days: int) -> int:
    """YYYY-MM-DD of days since 1970-01-01 (proleptic Gregorian, years 0 to 9999);
    6 bytes behind it are spoiled."""
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
    digits = eight_digits(year * 10000 + month * 100 + day) | uint64(ZEROS)
    dashes = uint64(45 << 32 | 45 << 56)
    month_digits = ((digits >> uint64(32)) & uint64(0xFFFF)) << uint64(40)
    store_word(at, (digits & uint64(0xFFFFFFFF)) | dashes | month_digits)
    store_word(at + 8, digits >> uint64(48))
    return at + 10


@inner(int64(int64, int64))
def put_time(at: int, microseconds: int) -> int:
    """YYYY-MM-DDThh:mm:ssZ; what is below a second is left out."""
    seconds = microseconds // 1000000
    days = seconds // 86400
    at = put_date(at, days)
    seconds -= days * 86400
    store_byte(at, 84)
    at = put_digits(at + 1, seconds // 3600, 2)
    store_byte(at, 58)
    at = put_digits(at + 1, seconds // 60 % 60, 2)
    store_byte(at, 58)
    at = put_digits(at + 1, seconds % 60, 2)
    store_byte(at, 90)
    return at + 1
