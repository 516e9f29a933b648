"""Random stages, one strategy each: what the laws of plans are stated over."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from pipeline.elastic import Elastic
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
from pipeline.volume import Spec


def triples(elements):
    return st.tuples(elements, elements, elements)


units = st.floats(-500, 500)
dtypes = st.sampled_from(["float16", "float32"])


def biasfields(source: Spec) -> st.SearchStrategy:
    """A field along the axes of the volume, as only N4 makes them."""
    control = np.random.default_rng(0).normal(0, 0.2, (4, 5, 4)).tolist()
    frame = np.array(source.grid.frame) @ np.diag([9.0, 4, 20, 1])
    field = BiasField(tuple(tuple(map(tuple, plane)) for plane in control), tuple(map(tuple, frame.tolist())))
    return st.just(field)


def grows(source: Spec) -> st.SearchStrategy:
    """From a seed in the volume, whatever its intensity."""
    at = st.tuples(*(st.integers(0, n - 1) for n in source.grid.shape))
    return at.map(lambda index: Grow((source.grid.position(index),), lower=-1e6, connectivity=26))


def resamples(source: Spec) -> st.SearchStrategy:
    """To somewhat finer or coarser voxels: a plan of several stays small."""
    factors = triples(st.sampled_from([0.7, 1.0, 1.37, 2.5]))
    return st.builds(
        Resample,
        factors.map(lambda by: tuple(a * b for a, b in zip(by, source.grid.spacing, strict=True))),
        st.sampled_from([1, 3]),
        st.booleans(),
        labels=st.sampled_from(["nearest", "linear"]),
        preset=st.sampled_from(["scanmill", "nnunet", "itk"]),
    ).flatmap(lambda made: st.sampled_from([made, *(replace(made, order=o, antialias=False) for o in (0, "area"))]))


def drawn(name: str, source: Spec) -> st.SearchStrategy:
    """Random stages of a name that fit a volume."""
    made = stages[name]
    return made(source) if callable(made) else made


def _numbered(made: Components) -> list[Components]:
    """The same with numbers, in either order, where they can be given."""
    if made.largest is None:
        return []
    return [replace(made, numbered=True), replace(made, numbered=True, order="right-to-left")]


stages = {
    "biasfield": biasfields,
    "blur": st.builds(Blur, triples(st.sampled_from([0.0, 0.6, 1.5]))),
    "brightness": st.builds(Brightness, st.floats(0.5, 1.5), units),
    "clahe": st.builds(Clahe, st.floats(-500, 0), st.floats(1, 800), st.none() | st.floats(3, 30), dtype=dtypes),
    "clip": st.builds(Clip, st.floats(-500, 0), st.floats(1, 800)),
    "components": st.builds(
        Components,
        st.none() | st.integers(1, 3),
        drop_border=st.sampled_from(["none", "in-plane", "any"]),
        connectivity=st.sampled_from([6, 26]),
    ).flatmap(lambda made: st.sampled_from([made, *_numbered(made)])),
    "contrast": st.builds(Contrast, st.floats(0.5, 1.5), units),
    "crop": st.builds(Crop, at_most=triples(st.integers(1, 9))),
    "distance": st.builds(Distance, st.sampled_from(["outside", "inside", "signed"])),
    "fill_holes": st.builds(FillHoles, st.sampled_from([None, 0, 1, 2]), st.booleans()),
    "gamma": st.builds(Gamma, st.floats(0.5, 2), st.just(-1000.0), st.just(1000.0), st.booleans()),
    "grow": grows,
    "hysteresis": st.builds(Hysteresis, lower=st.floats(0, 800), wide_lower=st.floats(-800, 0)),
    "isolate": st.builds(Isolate, units, st.sampled_from([0.0, 1.1]), units),
    "landmarks": st.just(Landmarks((-900.0, 10.0, 800.0), (0.0, 30.0, 100.0))),
    "linear": st.builds(Linear, units, st.floats(0.001, 0.1), dtype=dtypes),
    "low_resolution": st.builds(LowResolution, triples(st.sampled_from([0.5, 0.7, 1.0])), st.sampled_from([1, 3])),
    "morphology": st.builds(
        Morphology,
        st.sampled_from(["dilate", "erode", "open", "close"]),
        st.sampled_from([0.3, 1.1, 2.0]),
        st.booleans(),
    ),
    "noise": st.builds(Noise, st.floats(1, 50), st.integers(0, 2**64 - 1), st.sampled_from(["gaussian", "rician"])),
    "pad": st.builds(Pad, multiple=triples(st.integers(1, 8)), fill=units),
    "reorient": st.builds(Reorient, st.sampled_from(["LPS", "RAS", "SLP", "AIR"])),
    "resample": resamples,
    "rescale": st.builds(Rescale, st.floats(-900, 0), st.floats(1, 900), clip=st.booleans(), dtype=dtypes),
    "segment": st.builds(Segment, st.just("tiny"), st.sampled_from([None, 0.0, 0.25])),
    "suv": st.builds(Suv, st.floats(0.0001, 0.1)),
    "threshold": st.builds(Threshold, units, st.none(), st.sampled_from([0.0, 1.1, 2.0]), st.booleans()),
    "transform": st.builds(
        Transform,
        st.none(),
        triples(st.floats(-40, 40)),
        triples(st.floats(0.7, 1.4)),
        triples(st.booleans()),
        triples(st.floats(-5, 5)),
        st.none() | st.just(Elastic(20.0, 6.0, 7)),
        st.sampled_from([0, 1, 3]),
        st.booleans(),
    ),
    "voi": st.builds(Voi, units, st.floats(1, 2000), st.booleans()),
    "window": st.builds(Window, units, st.floats(1, 2000), dtypes),
}
