# mypy: ignore-errors
"""What numba has no word for: memory at an address, bits of numbers."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _load(kind: Any, form: Any) -> Any:
    @intrinsic
    def load(typing_context: Any, address: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], form.as_pointer())
            return builder.load(builder.gep(pointer, [arguments[1]]), align=1)

        return kind(types.int64, types.int64), generate

    return load


byte_at = _load(types.uint8, ir.IntType(8))  # (address, index) -> the value there
int32_at = _load(types.int32, ir.IntType(32))
int64_at = _load(types.int64, ir.IntType(64))
float_at = _load(types.float64, ir.DoubleType())


def _simple(result: Any, *parameters: Any) -> Any:
    """An intrinsic of one instruction or two: the decorated function writes them."""

    def decorate(write: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return write(builder, *arguments)

        if len(parameters) == 1:
            return intrinsic(lambda typing_context, a: (result(*parameters), generate))
        return intrinsic(lambda typing_context, a, b: (result(*parameters), generate))

    return decorate


@_simple(types.float64, types.int64)
def float_of(builder: Any, bits: Any) -> Any:
    """The float64 that has these bits."""
    return builder.bitcast(bits, ir.DoubleType())


@_simple(types.int64, types.float64)
def bits_of(builder: Any, value: Any) -> Any:
    """The bits of a float64."""
    return builder.bitcast(value, ir.IntType(64))


@_simple(types.int64, types.uint64)
def leading_zeros(builder: Any, value: Any) -> Any:
    """Bits before the first that is set, of 64."""
    return builder.ctlz(value, ir.Constant(ir.IntType(1), 0))


@_simple(types.int64, types.uint64)
def trailing_zeros(builder: Any, value: Any) -> Any:
    """Bits after the last that is set, of 64."""
    return builder.cttz(value, ir.Constant(ir.IntType(1), 0))


@_simple(types.uint64, types.uint64, types.uint64)
def high_product(builder: Any, a: Any, b: Any) -> Any:
    """The upper 64 bits of a product of two 64-bit numbers."""
    wide = ir.IntType(128)
    product = builder.mul(builder.zext(a, wide), builder.zext(b, wide))
    return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))


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


def _store(kind: Any, bits: int) -> Any:
    @intrinsic
    def store(typing_context: Any, address: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer())
            builder.store(arguments[1], pointer, align=1)
            return context.get_dummy_value()

        return types.void(types.int64, kind), generate

    return store


store_byte = _store(types.uint8, 8)  # (address, value); of a larger number the lowest byte
store_word = _store(types.uint64, 64)  # 8 bytes, the lowest first


copy_bytes = _moving(cgutils.raw_memcpy)  # (to, source, count): addresses, bytes
move_bytes = _moving(cgutils.raw_memmove)  # the same where both overlap
