"""banded.cu: the bits of the compiled CPU form, for cubic interpolation, averages and smoothing."""

import pytest

from pipeline.kernels import cuda, tables
from pipeline.kernels.ramp import window
from pipeline.kernels.resample import resample
from tests.cuda.standin import device
from tests.cuda.test_linear import image

SOURCE = "banded.cu"
TESTED = [
    *(cuda.kernel("banded", t, "float32", "float32", False, axis) for t in ("int16", "float32") for axis in (1, 2)),
    *(cuda.kernel("banded", "float32", t, t, False, 0) for t in ("int16", "float32", "float16")),
    cuda.kernel("banded", "float32", "int16", "float16", True, 0),
]
SHAPE, TARGET = (9, 14, 33), (7, 17, 37)


def cubic():
    made = [tables.spline(0.83, -0.31, 3, (0, n), (0, m)) for n, m in zip(TARGET, SHAPE, strict=True)]
    return [t.crop(t.run) for t in made]


@pytest.mark.parametrize(("source", "made"), [("int16", "int16"), ("int16", "float16"), ("float32", "float32")])
def test_the_bits_of_the_cpu(oracle, source, made):
    x, t = image(source, SHAPE), cubic()
    expected = resample(x, t, (0, 0, 0), fill=0, dtype=made)
    told = resample(device(x), t, (0, 0, 0), fill=0, dtype=made).get()
    assert told.tobytes() == expected.tobytes()


def test_a_ramp_on_the_way(oracle):
    x, t, ramp = image("int16", SHAPE), cubic(), window(40, 400, "float16")
    expected = resample(x, t, (0, 0, 0), fill=0, ramp=ramp)
    assert resample(device(x), t, (0, 0, 0), fill=0, ramp=ramp).get().tobytes() == expected.tobytes()


def test_axes_of_few_and_many_taps(oracle):
    x = image("int16", SHAPE)
    t = [
        tables.area(2.3, 0.4, (0, 4), (0, SHAPE[0])),
        tables.spline(0.5, 0.0, 0, (0, 9), (0, SHAPE[1])),
        tables.gaussian(1.3, (0, SHAPE[2]), (0, SHAPE[2])),
    ]
    t = [table.crop(table.run) for table in t]
    expected = resample(x, t, (0, 0, 0), fill=0)
    assert (resample(device(x), t, (0, 0, 0), fill=0).get() == expected).all()
