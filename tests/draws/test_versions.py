"""The numbers that a draw gives belong to its version: other numbers need another version."""

from hashlib import sha256

import numpy as np
import pytest

from pipeline.draws.random_biasfield import RandomBiasfield
from pipeline.draws.random_blur import RandomBlur
from pipeline.draws.random_brightness import RandomBrightness
from pipeline.draws.random_contrast import RandomContrast
from pipeline.draws.random_gamma import RandomGamma
from pipeline.draws.random_low_resolution import RandomLowResolution
from pipeline.draws.random_noise import RandomNoise
from pipeline.grid import Grid
from pipeline.volume import Spec

DRAWS = [
    (RandomNoise((5.0, 30.0), 0.9, "poisson"), 1, "f4361147b196ec02"),
    (RandomBlur((0.5, 1.0), 0.9), 1, "2934709205d95bb1"),
    (RandomBrightness((0.75, 1.25), (-0.1, 0.1), 0.9), 1, "3cd822540fb217b0"),
    (RandomContrast((0.75, 1.25), 0.5, 0.0, 1.0, 0.9), 1, "71192277c8e1a4a7"),
    (RandomGamma((0.7, 1.5), 0.9), 1, "7688873b3ee2b00b"),
    (RandomLowResolution((0.5, 1.0), 3, 0.9), 1, "e6abf70d21aeb547"),
    (RandomBiasfield((0.1, 0.3), 40.0, 0.9), 1, "880aa7a548e5bc51"),
]


def drawn(draw):
    """sha256 of the stages of four samples."""
    spec = Spec(Grid(np.diag([2.5, 0.8, 0.8, 1.0]), (9, 20, 24)), "image", np.dtype("i2"))
    stages = [draw.draw(np.random.Generator(np.random.Philox(key=n)), spec) for n in range(4)]
    return sha256(repr(stages).encode()).hexdigest()[:16]


@pytest.mark.parametrize(("draw", "version", "golden"), DRAWS, ids=lambda value: str(value)[:40])
def test_a_version_draws_the_numbers_that_it_drew(draw, version, golden):
    assert (draw.version, drawn(draw)) == (version, golden), "raise the draw's version, then the golden hash"
