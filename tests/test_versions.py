"b3b6b6efd1cf282fThe numbers that a step makes belong to its version: other numbers need another version."

import json
from hashlib import sha256

import numpy as np
import pytest

from pipeline import draws, fits, stages
from pipeline.draws.random_biasfield import RandomBiasfield
from pipeline.draws.random_blur import RandomBlur
from pipeline.draws.random_brightness import RandomBrightness
from pipeline.draws.random_contrast import RandomContrast
from pipeline.draws.random_gamma import RandomGamma
from pipeline.draws.random_low_resolution import RandomLowResolution
from pipeline.draws.random_noise import RandomNoise
from pipeline.draws.warp import Warp
from pipeline.elastic import Elastic
from pipeline.fits.crop_foreground import CropForeground
from pipeline.fits.equalize import Equalize
from pipeline.fits.fingerprint import Fingerprint
from pipeline.fits.n4 import N4
from pipeline.fits.nyul import Nyul
from pipeline.fits.otsu import Otsu
from pipeline.fits.percentiles import Percentiles
from pipeline.fits.zscore import ZScore
from pipeline.grid import Grid
from pipeline.plan import Plan, described, stage_name
from pipeline.sampling import sampled
from pipeline.settle import digest, settle
from pipeline.stages.biasfield import BiasField
from pipeline.stages.blur import Blur
from pipeline.stages.brightness import Brightness
from pipeline.stages.clahe import Clahe
from pipeline.stages.clip import Clip
from pipeline.stages.components import Components
from pipeline.stages.contrast import Contrast
from pipeline.stages.crop import Crop
from pipeline.stages.distance import Distance
from pipeline.stages.fill_holes import FillHoles
from pipeline.stages.gamma import Gamma
from pipeline.stages.grow import Grow
from pipeline.stages.hysteresis import Hysteresis
from pipeline.stages.isolate import Isolate
from pipeline.stages.landmarks import Landmarks
from pipeline.stages.linear import Linear
from pipeline.stages.low_resolution import LowResolution
from pipeline.stages.morphology import Morphology
from pipeline.stages.noise import Noise
from pipeline.stages.pad import Pad
from pipeline.stages.reorient import Reorient
from pipeline.stages.resample import Resample
from pipeline.stages.rescale import Rescale
from pipeline.stages.segment import Segment
from pipeline.stages.suv import Suv
from pipeline.stages.threshold import Threshold
from pipeline.stages.transform import Transform
from pipeline.stages.voi import Voi
from pipeline.stages.window import Window
from pipeline.volume import Volume

SOFT = Threshold(lower=100)
SPACING = (1.0, 0.7, 1.3)
FIELD = tuple(tuple(tuple((k + 2 * j - i) / 50 for i in range(4)) for j in range(4)) for k in range(4))
FRAME = ((30.0, 0.0, 0.0, 0.0), (0.0, 20.0, 0.0, 0.0), (0.0, 0.0, 20.0, 0.0), (0.0, 0.0, 0.0, 1.0))

STAGES = [
    (Resample(SPACING), 1, "5ba83633c9e0adc3"),
    (Resample(SPACING, order=0), 1, "33b978ad493376d8"),
    (Resample(SPACING, order=3), 1, "8f6baec9ffb7827c"),
    (Resample(SPACING, order="area"), 1, "0e16a43499bc00c9"),
    (Resample((4.0, 1.0, 1.7), antialias=True), 1, "ff2b9376c22654f9"),
    (Resample(SPACING, order=3, preset="nnunet"), 1, "e271897fe8dee5b7"),
    (Window(40, 400), 1, "dcc0bcc671f09588"),
    (Window(40, 400, "uint8"), 1, "5ec4d8ff88b78746"),
    (Voi(300, 1500, True, "float32"), 1, "f640522044325431"),
    (Voi(300, 1500, False, "float32", "SIGMOID"), 1, "998bf4285f932dd1"),
    (Threshold(lower=-200, closing_mm=2.0), 1, "3f933909a3c8da54"),
    (Threshold(lower=100, upper=900, largest=True), 1, "1dea1acea9b69c63"),
    (BiasField(FIELD, FRAME), 1, "66239be13710c1b0"),
    (Blur((0.0, 0.6, 1.5)), 1, "55bb8e15624285e1"),
    (Brightness(1.25, 30), 1, "e31527b48b92a7c4"),
    (Clahe(lower=-1400, upper=1600, kernel_mm=8.0), 1, "bce9f25355bf3788"),
    (Clip(-300, 700), 1, "671c682ef18e744e"),
    ((SOFT, Components(largest=3, numbered=True)), 1, "10e12024dacd8303"),
    ((SOFT, Components(largest=3, numbered=True, order="right-to-left")), 1, "aad575d5759192a8"),
    ((SOFT, Components(min_ml=0.01, drop_border="in-plane", connectivity=26)), 1, "7dabd08dcacc92f1"),
    (Contrast(0.8, 40, -500, 500), 1, "f9ba9fc011c2be36"),
    (Crop(start=(1, 2, 3), stop=(8, 19, 20)), 1, "90aa8b9fe59902a7"),
    ((SOFT, Distance()), 1, "7f479819247c8a26"),
    ((SOFT, FillHoles()), 1, "5bee4c267563909b"),
    (Gamma(1.4, -1400, 1600, True), 1, "d719c7d8df1167fe"),
    (Grow(((10.0, 8.0, 8.0),), lower=-5000), 1, "4819cb9cec9a1ac0"),
    (Hysteresis(lower=900, wide_lower=-200), 1, "ef9656605b2e06c6"),
    (Isolate(lower=900, thin_mm=1.0), 1, "b3b6b6efd1cf282f"),
    (Landmarks((-1400.0, 0.0, 1600.0), (0.0, 30.0, 100.0)), 1, "36852beb5278d8f9"),
    (Linear(40, 0.005, low=-500, high=700), 1, "ced51a9dc918e53a"),
    (LowResolution((0.5, 0.6, 0.7)), 1, "751bea4964f4d5c0"),
    (LowResolution((0.5, 0.6, 0.7), order=3), 1, "659e62216a3b554d"),
    ((SOFT, Components(largest=3, numbered=True), Morphology("close", 1.0, each=True)), 1, "0413835553975a05"),
    ((SOFT, Morphology("open", 1.0)), 1, "66d27afad2046313"),
    (Noise(25.0, 7), 1, "488305a7b93a6ec4"),
    (Noise(25.0, 7, "rician"), 1, "898dc4e0eb84a3cf"),
    (Noise(25.0, 7, "poisson"), 1, "ed7b5b871b8ca745"),
    (Pad(multiple=(4, 8, 16)), 1, "ebdfe73ee2967301"),
    (Reorient("RAS"), 1, "b2a091718e8c3996"),
    (Rescale(-1000, 1000), 1, "fd11dd15f3b92392"),
    (Segment("tiny"), 1, "f6c7f7dc5380d895"),
    (Suv(0.0005), 1, "ff33e17a1885ba89"),
    (
        Transform(SPACING, (10.0, -5.0, 20.0), (1.1, 0.9, 1.0), (False, False, True), (1.0, 2.0, -3.0)),
        1,
        "c429a86fe89b9807",
    ),
    (Transform(degrees=(0.0, 0.0, 15.0), elastic=Elastic(12.0, 3.0, 9), order=3), 1, "acc7e6cf7a997839"),
]

FITS = [
    (CropForeground(above=1000, margin_mm=(1.0, 1.0, 1.0)), 1, "ab8303efd53e888f"),
    (Equalize(), 1, "836cebe1f62c9526"),
    (Fingerprint(), 1, "de53edb8b5a7855b"),
    (N4(shrink_mm=2.0, spline_mm=20.0, levels=2), 1, "038e6ed9f7bb2abb"),
    (Nyul(), 1, "05f579d85a9430ca"),
    (Otsu(), 1, "26bd9b80a5428f47"),
    (Percentiles(), 1, "efa33ef0da6e15c3"),
    (ZScore(), 1, "e9c720042eb888ae"),
    (ZScore(of="nonzero", within="soft"), 1, "1ff92e305eaed00a"),
]

DRAWS = [
    (RandomBiasfield((0.1, 0.3)), 1, "66e745c8e13ab66b"),
    (RandomBlur((0.5, 1.0)), 1, "4057a49a37bac74a"),
    (RandomBrightness((0.75, 1.25), (-10.0, 10.0)), 1, "f65399d9bec3618a"),
    (RandomContrast((0.75, 1.25), 0.5), 1, "da7fc405e2eb29ed"),
    (RandomGamma((0.7, 1.5)), 1, "e453e1651e41dd15"),
    (RandomLowResolution((0.5, 1.0)), 1, "c1de20850f6a4d4c"),
    (RandomNoise((0.0, 0.1)), 1, "dc0bf9d708fb9f8a"),
    (Warp(SPACING, (30.0, 30.0, 30.0), magnitude_mm=(1.0, 5.0)), 1, "9d7d86572e278986"),
]


def source():
    """Fixed numbers, from no generator that may change."""
    shape = (9, 20, 24)
    k, j, i = np.indices(shape)
    array = ((k * 7919 + j * 104729 + i * 1299709) % 3001 + 40 * j - 1400).astype("i2")
    return Volume(array, Grid(np.diag([2.5, 0.8, 0.8, 1.0]), shape))


def made(stage):
    """sha256 of what a stage makes; of a pair, of what the second makes of the first's."""
    volume = source()
    plan = Plan(volume.spec, stage if isinstance(stage, tuple) else (stage,))
    return sha256(plan.run(volume.crop_to, plan.target.grid).array.tobytes()).hexdigest()[:16]


def told(value):
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def fitted(fit):
    """sha256 of the stage that a fit becomes; of a fit over an archive, of the entry of a recipe."""
    volume = source()
    plans = {"x": Plan(volume.spec, (fit,), (("soft", (SOFT,)),))}
    if isinstance(fit, fits.ArchiveFit):
        return told(fit.entry(digest(plans, volume.crop_to)["x"]))
    return told(described(settle(plans, volume.crop_to)[0]["x"].stages[0]))


def drawn(draw):
    """sha256 of the stages of three samples."""
    plan = Plan(source().spec, (draw,))
    samples = [sampled(plan, 7, "volume", f"s{n:03d}").stages for n in range(3)]
    return told([[described(stage) for stage in stages] for stages in samples])


def last(step):
    return step[-1] if isinstance(step, tuple) else step


HELD = [
    *((made, *row) for row in STAGES),
    *((fitted, *row) for row in FITS),
    *((drawn, *row) for row in DRAWS),
]


@pytest.mark.parametrize(
    ("how", "step", "version", "golden"), HELD, ids=lambda value: getattr(value, "__name__", str(value)[:40])
)
def test_a_version_makes_the_numbers_that_it_made(how, step, version, golden):
    assert (last(step).version, how(step)) == (version, golden), "raise the step's version, then the golden hash"


@pytest.mark.parametrize(
    ("rows", "folder"), [(STAGES, stages), (FITS, fits), (DRAWS, draws)], ids=["stages", "fits", "draws"]
)
def test_every_step_is_held(rows, folder):
    assert {stage_name(last(step)) for step, _, _ in rows} == set(folder.available())
