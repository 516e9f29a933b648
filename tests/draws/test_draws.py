"""What holds for every draw of an intensity stage."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from pipeline.draws.random_biasfield import RandomBiasfield
from pipeline.draws.random_blur import RandomBlur
from pipeline.draws.random_brightness import RandomBrightness
from pipeline.draws.random_contrast import RandomContrast
from pipeline.draws.random_gamma import RandomGamma
from pipeline.draws.random_low_resolution import RandomLowResolution
from pipeline.draws.random_noise import RandomNoise
from pipeline.grid import Grid
from pipeline.plan import Plan, fingerprint
from pipeline.stages.biasfield import BiasField
from pipeline.stages.blur import Blur
from pipeline.stages.brightness import Brightness
from pipeline.stages.contrast import Contrast
from pipeline.stages.gamma import Gamma
from pipeline.stages.low_resolution import LowResolution
from pipeline.stages.noise import Noise
from pipeline.volume import Spec, Volume

SPEC = Spec(Grid(np.diag([2.5, 0.8, 0.8, 1]), (9, 20, 24), (3, -4, 5)), "image", np.dtype("f2"))

DRAWS = [
    RandomNoise((0.1, 0.3)),
    RandomNoise((5, 30), model="poisson"),
    RandomBlur((0.5, 1.0)),
    RandomBrightness((0.75, 1.25), (-0.1, 0.1)),
    RandomContrast((0.75, 1.25), 0.5, 0.0, 1.0),
    RandomGamma((0.7, 1.5), inverted=True),
    RandomLowResolution((0.5, 1.0)),
    RandomBiasfield((0.1, 0.3), 30.0),
]


def generator(n=0):
    return np.random.Generator(np.random.Philox(key=n))


def sometimes(draw, p):
    return type(draw)(**{**vars(draw), "p": p})


@pytest.mark.parametrize("draw", DRAWS, ids=lambda draw: type(draw).__name__)
class TestEveryDraw:
    def test_the_same_key_gives_the_same_stage_and_another_another(self, draw):
        assert draw.draw(generator(1), SPEC) == draw.draw(generator(1), SPEC)
        assert len({draw.draw(generator(n), SPEC) for n in range(10)}) == 10

    def test_the_same_numbers_are_drawn_whatever_comes_of_them(self, draw):
        """And whatever the volume is: a mask or a second image on another grid goes on alike."""
        after = set()
        other = Spec(Grid(np.eye(4), (1, 40, 50)), "image", np.dtype("i2"))
        for p in (0.0, 0.5, 1.0):
            for spec in (SPEC, other):
                rng = generator(2)
                sometimes(draw, p).draw(rng, spec)
                after.add(rng.random())
        assert len(after) == 1

    def test_p(self, draw):
        drawn = [sometimes(draw, 0.3).draw(generator(n), SPEC) for n in range(300)]
        assert 60 < sum(stage is not None for stage in drawn) < 120
        always = [draw.draw(generator(n), SPEC) for n in range(300)]
        assert all(b in (None, a) for a, b in zip(always, drawn, strict=True))
        assert sometimes(draw, 0.0).draw(generator(), SPEC) is None

    def test_what_is_drawn_has_the_spec_that_was_planned(self, draw):
        stage = draw.draw(generator(3), SPEC)
        assert stage.spec(SPEC) == draw.spec(SPEC) == SPEC
        assert (stage.takes, draw.takes, stage.moves) == (("image",), ("image",), False)
        volume = Volume(np.full(SPEC.grid.shape, 0.5, "f2"), SPEC.grid)
        made = Plan(SPEC, (stage,)).run(volume.crop_to, SPEC.grid)
        assert made.spec == SPEC
        assert np.isfinite(made.array).all()

    def test_numbers_reach_the_fingerprint(self, draw):
        """They are plain JSON, keys of 64 bits too."""
        one, other = (Plan(SPEC, (draw.draw(generator(n), SPEC),)) for n in (4, 5))
        assert fingerprint({"": one}, "") != fingerprint({"": other}, "")

    def test_a_wrong_chance_is_refused(self, draw):
        with pytest.raises(ValueError, match="p is a chance"):
            sometimes(draw, 1.5)


def samples(draw, n=200):
    return [draw.draw(generator(n), SPEC) for n in range(n)]


def test_numbers_lie_in_their_ranges():
    noise, poisson, blur, brightness, contrast, gamma, low, _ = map(samples, DRAWS)
    assert all(isinstance(s, Noise) and 0.1 <= s.sd <= 0.3 for s in noise)
    assert len({s.key for s in noise}) == 200
    assert all((s.model, s.air, s.water) == ("poisson", -1000, 0) for s in poisson)
    assert all(isinstance(s, Blur) and 0.5 <= min(s.sigma_mm) <= max(s.sigma_mm) <= 1 for s in blur)
    assert all(len(set(s.sigma_mm)) == 3 for s in blur)
    assert all(isinstance(s, Brightness) and 0.75 <= s.factor <= 1.25 and -0.1 <= s.shift <= 0.1 for s in brightness)
    assert all(isinstance(s, Contrast) and (s.center, s.lower, s.upper) == (0.5, 0, 1) for s in contrast)
    assert all(isinstance(s, Gamma) and 0.7 <= s.exponent <= 1.5 and s.inverted for s in gamma)
    assert 80 < sum(s.exponent < 1 for s in gamma) < 120
    assert all(isinstance(s, LowResolution) and len(set(s.zoom)) == 1 and 0.5 <= s.zoom[0] <= 1 for s in low)


def test_bias_field():
    """The log of the field has the standard deviation that was drawn, and the field is smooth."""
    grid = Grid(np.diag([4.0, 4, 4, 1]), (60, 60, 60))
    spec = Spec(grid, "image", np.dtype("f4"))
    stage = RandomBiasfield((0.2, 0.2), 30.0).draw(generator(), spec)
    assert isinstance(stage, BiasField)
    assert np.shape(stage.control) == (11, 11, 11)
    field = np.log(stage(Volume(np.ones(grid.shape, "f4"), grid), grid, spec).array.astype("f8"))
    assert field.std() == pytest.approx(0.2, rel=0.1)
    assert max(abs(np.diff(field, axis=axis)).max() for axis in range(3)) < 0.2


def test_bias_field_stays_where_it_is_when_the_volume_is_cut_short():
    stage, short = (
        RandomBiasfield((0.2, 0.2), 30.0).draw(generator(), Spec(Grid(np.eye(4), shape), "image", np.dtype("f4")))
        for shape in ((90, 80, 70), (40, 80, 70))
    )
    assert stage.frame == short.frame
    assert stage.control[: len(short.control)] == short.control


@pytest.mark.parametrize(
    ("kind", "fields", "word"),
    [
        (RandomNoise, {"sd": [-1, 1]}, "sd"),
        (RandomNoise, {"sd": [0, 1], "air": 5}, "air"),
        (RandomBlur, {"sigma_mm": [2, 1]}, "sigma_mm"),
        (RandomBrightness, {"factor": [-1, 1]}, "factor"),
        (RandomBrightness, {"shift": [1, 0]}, "shift"),
        (RandomContrast, {"factor": [1, 2], "center": 0, "lower": 2, "upper": 1}, "lower"),
        (RandomGamma, {"exponent": [0, 1]}, "exponent"),
        (RandomLowResolution, {"zoom": [0, 1]}, "zoom"),
        (RandomLowResolution, {"zoom": [0.5, 1.5]}, "zoom"),
        (RandomBiasfield, {"sd": [0, 2]}, "sd"),
        (RandomBiasfield, {"sd": [0, 1], "spacing_mm": 5}, "spacing_mm"),
    ],
)
def test_refuses(kind, fields, word):
    with pytest.raises(ValidationError, match=word):
        TypeAdapter(kind).validate_python(fields)
