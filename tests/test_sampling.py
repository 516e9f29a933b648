"""Samples: keyed by seed, volume, sample and draw; by nothing else."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from pipeline.draws import Draw
from pipeline.grid import Grid
from pipeline.plan import Plan
from pipeline.sampling import Augment, sampled
from pipeline.stages import Stage
from pipeline.stages.threshold import Threshold
from pipeline.volume import Spec
from tests.test_settle import Spread

SPEC = Spec(Grid(np.eye(4), (4, 4, 4)), "image", np.dtype("i2"))


@dataclass(frozen=True)
class Drawn(Stage):
    value: float


@dataclass(frozen=True)
class Maybe(Draw):
    takes: ClassVar = ("image", "labels")

    p: float = 1.0

    def draw(self, rng, source):
        chance, value = rng.random(2)
        return Drawn(float(value)) if chance < self.p else None


def numbers(chain, seed=0, volume="a", sample="s000"):
    return [stage.value for stage in sampled(Plan(SPEC, chain), seed, volume, sample).stages]


def test_a_draw_depends_on_seed_volume_sample_and_its_place_among_its_like():
    two = numbers((Maybe(), Maybe()))
    assert two[0] != two[1]
    assert numbers((Maybe(),)) == two[:1]
    others = [{"seed": 1}, {"volume": "b"}, {"sample": "s001"}]
    assert len({tuple(numbers((Maybe(),), **other)) for other in (*others, {})}) == 4


def test_an_image_and_a_mask_beside_it_share_their_draws():
    assert numbers((Drawn(5.0), Maybe())) == [5.0, *numbers((Maybe(),))]
    mask = (Maybe(), Threshold(lower=0))
    plan = sampled(Plan(SPEC, (Maybe(), Spread("m")), (("m", mask),)), 0, "a", "s000")
    assert plan.stages[0] == dict(plan.masks)["m"][0]


def test_what_is_left_as_it_is_leaves_no_stage():
    made = [len(numbers((Maybe(0.5),), sample=f"s{n:03d}")) for n in range(200)]
    assert 70 < sum(made) < 130
    assert numbers((Maybe(0.0),)) == []


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"samples": 1001}, {"samples": 1, "seed": -1}])
def test_refuses(wrong):
    with pytest.raises(ValueError, match=r"samples|seed"):
        Augment(**wrong)
