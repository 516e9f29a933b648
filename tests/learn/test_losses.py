"""Losses, against loops over voxels in float64, and at their edges."""

from dataclasses import dataclass
from itertools import pairwise, product
from math import exp, log

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pipeline.learn.losses import CrossEntropy, Deep, Dice, Focal, Loss, Sum, coarser, weights

torch.set_num_threads(1)  # two tests run at a time

CLASSES, IGNORED = 3, 3
BOTH = Sum(((1.0, Dice()), (0.5, CrossEntropy())))
EVERY: tuple[Loss, ...] = (
    Dice(),
    Dice(batch=False, background=True, smooth=1.0),
    CrossEntropy(),
    Focal(),
    Focal(gamma=0),
    Focal(gamma=1.5),
    BOTH,
    Sum(((1.0, Dice()), (2.0, Focal()))),
)


@dataclass
class Case:
    logits: Tensor
    target: Tensor


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    n, k, j, i = draw(st.tuples(*[st.integers(1, 3)] * 4))
    scale = draw(st.sampled_from([0.1, 3.0, 30.0]))
    low, high = draw(st.sampled_from([(0, 4), (0, 3), (0, 1), (1, 3), (3, 4)]))
    target = torch.from_numpy(rng.integers(low, high, (n, k, j, i)))
    return Case(torch.from_numpy(scale * rng.normal(size=(n, CLASSES, k, j, i))), target)


def loop(loss: Loss, case: Case, ignore: int | None) -> float:
    """The formulas, voxel by voxel."""
    if isinstance(loss, Sum):
        return sum(weight * loop(term, case, ignore) for weight, term in loss.terms)
    z, t = case.logits.tolist(), case.target.tolist()
    n, k, j, i = case.target.shape
    seen: list[tuple[int, list[float], int]] = []  # patch, log p of each class, true class
    for a, b, c, d in product(range(n), range(k), range(j), range(i)):
        if t[a][b][c][d] == ignore:
            continue
        here = [z[a][y][b][c][d] for y in range(CLASSES)]
        norm = max(here) + log(sum(exp(x - max(here)) for x in here))
        seen.append((a, [x - norm for x in here], t[a][b][c][d]))
    if not isinstance(loss, Dice):
        gamma = loss.gamma if isinstance(loss, Focal) else 0.0
        return sum(-((1 - exp(p[y])) ** gamma) * p[y] for _, p, y in seen) / max(1, len(seen))
    scores = []
    for patches in [set(range(n))] if loss.batch else [{a} for a in range(n)]:
        for y in range(0 if loss.background else 1, CLASSES):
            of = [(exp(p[y]), float(true == y)) for a, p, true in seen if a in patches]
            both, either = sum(p * x for p, x in of), sum(p + x for p, x in of)
            scores.append((2 * both + loss.smooth) / (either + loss.smooth))
    return 1 - sum(scores) / len(scores)


@pytest.mark.parametrize("loss", EVERY, ids=repr)
@settings(max_examples=25)
@given(cases())
def test_it_is_its_formula(loss: Loss, case: Case) -> None:
    assert float(loss(case.logits, case.target, IGNORED)) == pytest.approx(
        loop(loss, case, IGNORED), rel=1e-9, abs=1e-12
    )
    everywhere = Case(case.logits, case.target.clamp(max=CLASSES - 1))
    told = float(loss(everywhere.logits, everywhere.target))
    assert told == pytest.approx(loop(loss, everywhere, None), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_gradients_are_those_of_the_numbers(loss: Loss) -> None:
    rng = np.random.default_rng(1)
    logits = torch.from_numpy(rng.normal(size=(2, CLASSES, 1, 3, 2))).requires_grad_()
    target = torch.from_numpy(rng.integers(0, 4, (2, 1, 3, 2)))
    assert torch.autograd.gradcheck(lambda z: loss(z, target, IGNORED), logits)


@pytest.mark.parametrize("loss", EVERY, ids=repr)
@pytest.mark.parametrize("label", [0, 1, IGNORED], ids=["empty", "full", "ignored"])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_it_is_never_nan(loss: Loss, label: int, scale: float, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = (scale * torch.randn((2, CLASSES, 2, 3, 4), generator=generator)).to(dtype).requires_grad_()
    made = loss(logits, torch.full((2, 2, 3, 4), label), IGNORED)
    made.backward()
    assert made.dtype == torch.float32
    assert made.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    if label == IGNORED:
        assert float(made.detach()) == pytest.approx(0)
        assert not logits.grad.any()


@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_what_is_ignored_changes_nothing(loss: Loss) -> None:
    rng = np.random.default_rng(2)
    logits = torch.from_numpy(rng.normal(size=(2, CLASSES, 2, 3, 4)))
    target = torch.from_numpy(rng.integers(0, 4, (2, 2, 3, 4)))
    other = torch.where((target == IGNORED)[:, None], torch.randn(logits.shape, dtype=torch.float64), logits)
    assert torch.equal(loss(logits, target, IGNORED), loss(other, target, IGNORED))


@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_the_truth_costs_nothing_and_its_contrary_much(loss: Loss) -> None:
    target = torch.from_numpy(np.random.default_rng(3).integers(0, 3, (2, 4, 4, 4)))
    truth = torch.nn.functional.one_hot(target, CLASSES).movedim(-1, 1).double()
    assert float(loss(50 * truth, target)) < 1e-6
    assert float(loss(-50 * truth, target)) > 0.4


def test_per_patch_and_per_batch_are_one_for_one_patch() -> None:
    case = Case(torch.randn(1, 3, 2, 4, 4), torch.randint(0, 3, (1, 2, 4, 4)))
    torch.testing.assert_close(Dice(batch=True)(case.logits, case.target), Dice(batch=False)(case.logits, case.target))


@pytest.mark.parametrize("stages", range(1, 7))
def test_weights_of_stages(stages: int) -> None:
    made = weights(stages)
    assert sum(made) == pytest.approx(1)
    assert all(b == a / 2 for a, b in pairwise(made[:-1]))
    assert made[-1] == (1 if stages == 1 else 0)


def test_deep_supervision_adds_up_its_stages() -> None:
    rng = np.random.default_rng(4)
    shapes = [(4, 8, 12), (4, 4, 6), (2, 2, 3)]
    logits = [torch.from_numpy(rng.normal(size=(2, 3, *shape))).requires_grad_() for shape in shapes]
    target = torch.from_numpy(rng.integers(0, 3, (2, *shapes[0])))
    made = Deep(BOTH)(logits, target)
    targets = [target, target[:, :, 1::2, 1::2], target[:, 1::2, 2::4, 2::4]]
    oracle = [BOTH(z, t) for z, t in zip(logits, targets, strict=True)]
    torch.testing.assert_close(made, (2 * oracle[0] + oracle[1]) / 3)
    made.backward()
    assert logits[2].grad is not None
    assert not logits[2].grad.any()


def test_a_coarser_target_is_the_nearest_voxel() -> None:
    """torch's ``nearest-exact``, which nnU-Net takes."""
    target = torch.from_numpy(np.random.default_rng(5).integers(0, 9, (2, 6, 8, 12)))
    for shape in [(6, 8, 12), (3, 4, 6), (2, 8, 3), (1, 2, 4)]:
        oracle = torch.nn.functional.interpolate(target[:, None].double(), shape, mode="nearest-exact")[:, 0]
        assert torch.equal(coarser(target, shape), oracle.long())


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="smooth"):
        Dice(smooth=0)
    with pytest.raises(ValueError, match="gamma"):
        Focal(gamma=0.5)
