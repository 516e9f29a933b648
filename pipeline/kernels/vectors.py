"""Whole vectors, for compiled kernels: what a compiler does not reliably make of a loop.

Multiplication and addition stay separate operations, in the order of the taps: every CPU computes the same bits, with
registers of any width.  Nothing here looks at bounds; that is the caller's part.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 64
"""Neighbouring voxels that ``blend`` computes at once: eight registers of AVX, four of AVX-512."""

SIDE = 8
"""Of the square that ``transpose`` turns."""

_LONG = ir.VectorType(ir.FloatType(), LANES)
_SHORT = ir.VectorType(ir.FloatType(), SIDE)


def _blend(typing: Any, out: Any, o: Any, x: Any, a: Any, stride: Any, weights: Any, w: Any, taps: Any) -> Any:
    """``out[o + l] = sum(weights[w + n] * x[a + n * stride + l] for n in range(taps))`` for all lanes l.

    Flat float32 arrays; at least one tap.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def at(n: int) -> Any:
            return _at(context, builder, signature.args[n], arguments[n], arguments[n + 1])

        made, line, weight = at(0), at(2), at(5)
        step, count = arguments[4], arguments[7]
        one = ir.Constant(count.type, 1)
        first = builder.fmul(_splat(builder, weight), _load(builder, line, _LONG))
        before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
        builder.cbranch(builder.icmp_signed(">", count, one), loop, after)

        builder.position_at_end(loop)
        n, away, total = builder.phi(count.type), builder.phi(step.type), builder.phi(_LONG)
        tap = _load(builder, builder.gep(line, [away]), _LONG)
        sum_ = builder.fadd(total, builder.fmul(_splat(builder, builder.gep(weight, [n])), tap))
        following, farther = builder.add(n, one), builder.add(away, step)
        builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
        for phi, begin, next_ in ((n, one, following), (away, step, farther), (total, first, sum_)):
            phi.add_incoming(begin, before)
            phi.add_incoming(next_, loop)

        builder.position_at_end(after)
        result = builder.phi(_LONG)
        result.add_incoming(first, before)
        result.add_incoming(sum_, loop)
        _store(builder, result, made)
        return context.get_dummy_value()

    return types.void(out, types.intp, x, types.intp, types.intp, weights, types.intp, types.intp), generate


def _transpose(typing: Any, out: Any, o: Any, row: Any, x: Any, a: Any, stride: Any) -> Any:
    """``out[o + p * row + q] = x[a + q * stride + p]`` for p and q in ``range(SIDE)``; flat float32 arrays.

    Off-diagonal blocks of 1, 2 and 4 are swapped in turn: J. O. Eklundh, A fast computer method for matrix transposing,
    IEEE Transactions on Computers 21(7), 1972.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def lines(n: int) -> list[Any]:
            first = _at(context, builder, signature.args[n], arguments[n], arguments[n + 1])
            step = arguments[n + 2]
            return [builder.gep(first, [builder.mul(step, ir.Constant(step.type, m))]) for m in range(SIDE)]

        rows = [_load(builder, line, _SHORT) for line in lines(3)]
        for size in (1, 2, 4):
            low = _lanes([q if not q & size else SIDE + q - size for q in range(SIDE)])
            high = _lanes([q + size if not q & size else SIDE + q for q in range(SIDE)])
            for n in (n for n in range(SIDE) if not n & size):
                pair = rows[n], rows[n + size]
                rows[n], rows[n + size] = (builder.shuffle_vector(*pair, mask) for mask in (low, high))
        for value, line in zip(rows, lines(0), strict=True):
            _store(builder, value, line)
        return context.get_dummy_value()

    return types.void(out, types.intp, types.intp, x, types.intp, types.intp), generate


def _at(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Address of an element of a flat array."""
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [index])


def _load(builder: Any, address: Any, kind: Any) -> Any:
    value = builder.load(builder.bitcast(address, kind.as_pointer()))
    value.align = 4
    return value


def _store(builder: Any, value: Any, address: Any) -> None:
    builder.store(value, builder.bitcast(address, value.type.as_pointer()), align=4)


def _splat(builder: Any, address: Any) -> Any:
    """The number there, in every lane."""
    nothing = ir.Constant(_LONG, ir.Undefined)
    one = builder.insert_element(nothing, builder.load(address), ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, nothing, _lanes([0] * LANES))


def _lanes(numbers: list[int]) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers)


blend: Any = intrinsic(_blend)
transpose: Any = intrinsic(_transpose)
