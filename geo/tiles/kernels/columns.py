# mypy: ignore-errors
"""Read property columns in compiled loops, straight from Arrow's buffers.

A column is one line of whole numbers (`geo.tiles.columns.Line`): what kind it is
and the addresses of its buffers. So one compiled loop takes any number of columns
of any kinds, and a tile costs no call per column.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import boolean, int64, njit, types, uint8, uint64
from numba.core import cgutils
from numba.extending import intrinsic

STRING, INTEGER, NUMBER, BOOLEAN, DATE, DATETIME = range(6)

#: Places in a line. Addresses are of the first row; ``FIRST``: bits before it in bitmaps.
KIND, VALUES, VALID, FIRST, OFFSETS, DATA, WORDS, BYTES, LONGEST, ONCE, PLAIN, FACTOR = range(12)
WIDTH = 12

LINE = types.Array(int64, 1, "C", readonly=True)
LINES = types.Array(int64, 2, "C", readonly=True)


def _load(kind: Any, bits: int) -> Any:
    @intrinsic
    def load(typing_context: Any, address: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer())
            return builder.load(builder.gep(pointer, [arguments[1]]), align=1)

        return kind(types.int64, types.int64), generate

    return load


byte_at = _load(types.uint8, 8)  # (address, index) -> the value there
int32_at = _load(types.int32, 32)
int64_at = _load(types.int64, 64)


@intrinsic
def float_of(typing_context: Any, bits: Any) -> Any:
    """The float64 that has these bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


@intrinsic
def bits_of(typing_context: Any, value: Any) -> Any:
    """The bits of a float64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


def _moving(move: Any) -> Any:
    @intrinsic
    def copy(typing_context: Any, to: Any, source: Any, count: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            byte = ir.IntType(8).as_pointer()
            places = [builder.inttoptr(a, byte) for a in arguments[:2]]
            move(builder, *places, arguments[2], 1)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64), generate

    return copy


copy_bytes = _moving(cgutils.raw_memcpy)  # (to, source, count): addresses, bytes
move_bytes = _moving(cgutils.raw_memmove)  # the same where both overlap


@njit(boolean(LINE, int64), cache=True, nogil=True)
def has_value(line: Any, row: int) -> bool:
    """Whether the row is not null, NaN or infinite (which no style and no JSON knows)."""
    if line[VALID]:
        bit = line[FIRST] + row
        if not (byte_at(line[VALID], bit >> 3) >> uint8(bit & 7)) & 1:
            return False
    if line[KIND] == NUMBER:
        return (int64_at(line[VALUES], row) & 0x7FF0000000000000) != 0x7FF0000000000000
    return True


@njit(int64(LINE, int64), cache=True, nogil=True)
def value_at(line: Any, row: int) -> int:
    """A value as 64 bits; of a string its number in the dictionary, of a float its bits."""
    kind = line[KIND]
    if kind in (STRING, DATE):
        return int64(int32_at(line[VALUES], row))
    if kind == BOOLEAN:
        bit = line[FIRST] + row
        return int64((byte_at(line[VALUES], bit >> 3) >> uint8(bit & 7)) & 1)
    if kind == NUMBER and line[FACTOR]:
        return bits_of(float_of(int64_at(line[VALUES], row)) * float_of(line[FACTOR]))
    return int64_at(line[VALUES], row)


@njit(uint64(int64, int64), cache=True, nogil=True)
def hash_bytes(address: int, count: int) -> int:
    """A 64-bit hash of ``count`` bytes."""
    # Eight bytes a multiplication: a byte at a time would wait for each product.
    h = uint64(count)
    at = int64(0)
    while at + 8 <= count:
        h = (h ^ uint64(int64_at(address + at, 0))) * uint64(0x9E3779B97F4A7C15)
        h ^= h >> uint64(32)
        at += 8
    word = uint64(0)
    while at < count:
        word = (word << uint64(8)) | uint64(byte_at(address, at))
        at += 1
    h = (h ^ word) * uint64(0x9E3779B97F4A7C15)
    return h ^ (h >> uint64(32))
