"""Plans of networks: nnU-Net's own, and their laws."""

import json
from math import prod
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.models.planning import planned, stages

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "planning.json").read_text())["cases"]

SPACINGS = st.tuples(*[st.floats(0.3, 8)] * 3)
SHAPES = st.tuples(*[st.integers(1, 600)] * 3)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: "x".join(map(str, case["patch"])))
def test_stages_are_those_of_nnunet(case: dict[str, list]) -> None:
    """In two dimensions k is one voxel long, whatever its spacing."""
    flat = 3 - len(case["patch"])
    made = stages([0.1] * flat + case["spacing"], [1] * flat + case["patch"])
    assert [list(stride) for stride in made.strides] == [[1] * flat + stride for stride in case["strides"]]
    assert [list(kernel) for kernel in made.kernels] == [[1] * flat + kernel for kernel in case["kernels"]]
    assert list(made.patch) == [1] * flat + case["padded"]


@given(SPACINGS, SHAPES)
def test_the_patch_is_the_least_multiple_of_the_strides(spacing: tuple[float, ...], patch: tuple[int, ...]) -> None:
    made = stages(spacing, patch)
    for asked, got, strides in zip(patch, made.patch, zip(*made.strides, strict=True), strict=True):
        assert got % prod(strides) == 0
        assert asked <= got < asked + prod(strides)


@given(SPACINGS, SHAPES)
def test_no_pooled_axis_runs_away_from_the_others(spacing: tuple[float, ...], patch: tuple[int, ...]) -> None:
    """After each stage that halves it, an axis is less than 4 times as coarse as the finest that could be halved."""
    made = stages(spacing, patch)
    space, size = list(spacing), list(patch)
    for stride in made.strides[1:]:
        finest = min(s for s, n in zip(space, size, strict=True) if n >= 8)
        for axis, n in enumerate(stride):
            assert n == 1 or space[axis] < 2 * finest
            space[axis], size[axis] = space[axis] * n, -(-size[axis] // n)
            assert n == 1 or size[axis] >= 4


@given(SPACINGS, SHAPES)
def test_kernels_grow_once(spacing: tuple[float, ...], patch: tuple[int, ...]) -> None:
    for axis, kernels in enumerate(zip(*stages(spacing, patch).kernels, strict=True)):
        assert list(kernels) == sorted(kernels)
        assert kernels[-1] == (3 if patch[axis] > 1 else 1)


@given(SPACINGS, SHAPES, st.sampled_from([1, 4096, 32**3, 128**3]), st.none() | st.integers(1, 4))
def test_a_plan_fits_its_budget(
    spacing: tuple[float, ...], shape: tuple[int, ...], budget: int, deepest: int | None
) -> None:
    topology, patch = planned(spacing, shape, 2, budget=budget, deepest=deepest)
    assert prod(patch) <= budget
    assert all(n % m == 0 for n, m in zip(patch, topology.multiple, strict=True))
    assert all(n < length + m for n, length, m in zip(patch, shape, topology.multiple, strict=True))
    assert deepest is None or len(topology.widths) <= deepest


@pytest.mark.parametrize(
    ("spacing", "shape", "patch"),
    [
        ((1.0, 1.0, 1.0), (250, 300, 300), (128, 128, 128)),
        ((5.0, 0.8, 0.8), (40, 512, 512), (24, 256, 320)),
        ((1.5, 1.5, 1.5), (200, 300, 300), (96, 128, 160)),
        ((3.0, 0.7, 0.7), (1, 512, 512), (1, 512, 512)),
    ],
)
def test_what_is_shortened_is_shortened_by_as_little_as_can_be(
    spacing: tuple[float, ...], shape: tuple[int, ...], patch: tuple[int, ...]
) -> None:
    assert planned(spacing, shape, 2)[1] == patch


@given(SPACINGS, SHAPES)
def test_axes_may_be_exchanged(spacing: tuple[float, ...], patch: tuple[int, ...]) -> None:
    made, turned = stages(spacing, patch), stages(spacing[::-1], patch[::-1])
    assert [stride[::-1] for stride in turned.strides] == list(made.strides)
    assert [kernel[::-1] for kernel in turned.kernels] == list(made.kernels)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="spacing"):
        stages((0.0, 1.0, 1.0), (8, 8, 8))
    with pytest.raises(ValueError, match="patch"):
        stages((1.0, 1.0, 1.0), (0, 8, 8))
