"""Winograd's tiles of a convolution in whole vectors: a row of voxels along i at a time.

F(2, 3) (Winograd 1980; Lavin & Gray, CVPR 2016) makes two neighbours of a filter of three taps by four products, not
six: ``y = A (G w * B d)`` for four voxels ``d``.  Here it is applied along j, and along k where the filter is three
deep; along i taps stay taps, so that a row is read as it lies::

    B = 1  0 -1  0      G =  1    0    0      A = 1  1  1  0
        0  1  1  0          1/2  1/2  1/2         0  1 -1 -1
        0 -1  1  0          1/2 -1/2  1/2
        0  1  0 -1           0    0    1

Multiplication and addition are one rounding (``fma``), in an order that the shape of the filter alone decides: every
CPU that has float32 computes the same bits, with registers of any width.  Nothing here looks at bounds; that is the
caller's part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

Size = tuple[int, int, int]
"""Voxels along k, j, i."""

LANES = 8
"""Voxels of a vector: a register of AVX."""

ROWS = 4
"""Channels that ``multiply`` makes at once; with ``COLUMNS`` what the sixteen registers of AVX hold."""

COLUMNS = 24
"""Voxels that ``multiply`` makes at once."""

_VECTOR = ir.VectorType(ir.FloatType(), LANES)


def _multiply(typing: Any, out: Any, o: Any, row: Any, w: Any, a: Any, x: Any, b: Any, offsets: Any) -> Any:
    """``out[o + m * row + l] = sum(w[a + n * ROWS + m] * x[b + offsets[n] + l] for n in range(len(offsets)))``.

    For m in ``range(ROWS)`` and l in ``range(COLUMNS)``; added up in the order of n.  Flat arrays: float32, and offsets
    intp, at least one.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made, weight, line = (_at(context, builder, signature, arguments, n) for n in (0, 3, 5))
        row, table = arguments[2], context.make_array(signature.args[7])(context, builder, arguments[7])
        fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_VECTOR, [_VECTOR] * 3), f"llvm.fma.v{LANES}f32"
        )
        parts, count = range(COLUMNS // LANES), table.nitems
        before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
        builder.branch(loop)

        builder.position_at_end(loop)
        n = builder.phi(count.type)
        sums = [[builder.phi(_VECTOR) for _ in parts] for _ in range(ROWS)]
        source = builder.gep(line, [builder.load(builder.gep(table.data, [n]))])
        seen = [_load(builder, _away(builder, source, LANES * part)) for part in parts]
        factors = builder.gep(weight, [_times(builder, n, ROWS)])
        steps = [(n, ir.Constant(count.type, 0), _plus(builder, n, 1))]
        for m in range(ROWS):
            factor = _splat(builder, _away(builder, factors, m))
            for part in parts:
                total = builder.call(fma, [factor, seen[part], sums[m][part]])
                steps.append((sums[m][part], ir.Constant(_VECTOR, [0.0] * LANES), total))
        builder.cbranch(builder.icmp_signed("<", steps[0][2], count), loop, after)
        for phi, begin, following in steps:
            phi.add_incoming(begin, before)
            phi.add_incoming(following, loop)

        builder.position_at_end(after)
        for number, (_, _, total) in enumerate(steps[1:]):
            m, part = divmod(number, len(parts))
            _store(builder, total, _away(builder, builder.gep(made, [_times(builder, row, m)]), LANES * part))
        return context.get_dummy_value()

    index = types.intp
    return types.void(out, index, index, w, index, x, index, offsets), generate


def _spread(deep: bool) -> Callable[..., Any]:
    def spread(typing: Any, out: Any, o: Any, position: Any, x: Any, a: Any, plane: Any, row: Any) -> Any:
        """``out[o + p * position + l]``: what ``B`` makes of the voxels ``x[a + k * plane + j * row + l]``, l a lane.

        j in ``range(4)``; k too, or 0 alone.  Positions p count j within k.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            made, line = (_at(context, builder, signature, arguments, n) for n in (0, 3))
            position, plane, row = arguments[2], arguments[5], arguments[6]
            seen = []
            for k in range(4 if deep else 1):
                first = builder.gep(line, [_times(builder, plane, k)])
                seen.append([_load(builder, builder.gep(first, [_times(builder, row, j)])) for j in range(4)])
            spread_ = _both(builder, seen, _differences)
            for p, value in enumerate(v for of_k in spread_ for v in of_k):
                _store(builder, value, builder.gep(made, [_times(builder, position, p)]))
            return context.get_dummy_value()

        index = types.intp
        return types.void(out, index, index, x, index, index, index), generate

    return spread


def _gather(deep: bool) -> Callable[..., Any]:
    def gather(typing: Any, out: Any, o: Any, row: Any, x: Any, a: Any, position: Any) -> Any:
        """``out[o + (2 * k + j) * row + l]``: what ``A`` makes of the products ``x[a + p * position + l]``, l a lane.

        j in ``range(2)``; k too, or 0 alone.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            made, line = (_at(context, builder, signature, arguments, n) for n in (0, 3))
            row, position = arguments[2], arguments[5]
            places = [[4 * k + j for j in range(4)] for k in range(4 if deep else 1)]
            seen = [
                [_load(builder, builder.gep(line, [_times(builder, position, p)])) for p in of_k] for of_k in places
            ]
            for n, value in enumerate(v for of_k in _both(builder, seen, _sums) for v in of_k):
                _store(builder, value, builder.gep(made, [_times(builder, row, n)]))
            return context.get_dummy_value()

        index = types.intp
        return types.void(out, index, index, x, index, index), generate

    return gather


def _both(builder: Any, rows: list[list[Any]], along: Callable[[Any, list[Any]], list[Any]]) -> list[list[Any]]:
    """A matrix along j, then along k where there is more than one."""
    rows = [along(builder, row) for row in rows]
    if len(rows) == 1:
        return rows
    columns = [along(builder, list(column)) for column in zip(*rows, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]


def _differences(builder: Any, d: list[Any]) -> list[Any]:
    """``B d``."""
    return [
        builder.fsub(d[0], d[2]),
        builder.fadd(d[1], d[2]),
        builder.fsub(d[2], d[1]),
        builder.fsub(d[1], d[3]),
    ]


def _sums(builder: Any, m: list[Any]) -> list[Any]:
    """``A m``."""
    return [
        builder.fadd(builder.fadd(m[0], m[1]), m[2]),
        builder.fsub(builder.fsub(m[1], m[2]), m[3]),
    ]


def _at(context: Any, builder: Any, signature: Any, arguments: Any, n: int) -> Any:
    """Address of an element of a flat array: arguments n and n + 1."""
    array = context.make_array(signature.args[n])(context, builder, arguments[n])
    return builder.gep(array.data, [arguments[n + 1]])


def _plus(builder: Any, value: Any, number: int) -> Any:
    return builder.add(value, ir.Constant(value.type, number))


def _away(builder: Any, address: Any, number: int) -> Any:
    return builder.gep(address, [ir.Constant(ir.IntType(32), number)])


def _times(builder: Any, value: Any, number: int) -> Any:
    return builder.mul(value, ir.Constant(value.type, number))


def _load(builder: Any, address: Any) -> Any:
    value = builder.load(builder.bitcast(address, _VECTOR.as_pointer()))
    value.align = 4
    return value


def _store(builder: Any, value: Any, address: Any) -> None:
    builder.store(value, builder.bitcast(address, _VECTOR.as_pointer()), align=4)


def _splat(builder: Any, address: Any) -> Any:
    """The number there, in every lane."""
    word = ir.IntType(32)
    nothing = ir.Constant(_VECTOR, ir.Undefined)
    one = builder.insert_element(nothing, builder.load(address), ir.Constant(word, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(word, LANES), [0] * LANES))


multiply: Any = intrinsic(_multiply)
spread: Any = intrinsic(_spread(deep=True))
spread_flat: Any = intrinsic(_spread(deep=False))
gather: Any = intrinsic(_gather(deep=True))
gather_flat: Any = intrinsic(_gather(deep=False))


def blocks(matrix: np.ndarray) -> np.ndarray:
    """``[..., filter, n]`` as ``multiply`` reads it: float32, flat, ``[..., block of ROWS filters, n, one of it]``."""
    *more, count, length = matrix.shape
    full = np.zeros((*more, -(-count // ROWS) * ROWS, length), np.float32)
    full[..., :count, :] = matrix
    return np.ascontiguousarray(full.reshape(*more, -1, ROWS, length).swapaxes(-1, -2)).ravel()
