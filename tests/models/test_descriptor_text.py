"""A descriptor that is written and read is the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.models.descriptor import Descriptor, Keep, Lattice, Weights, read
from pipeline.models.descriptor_text import text
from pipeline.models.intensity import Fixed, Percentiles, ZScore
from pipeline.models.topology import Topology
from pipeline.structure import Structure
from tests.models.nets import descriptor

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(1e-3, 1e3)
TOPOLOGY = Topology(3, (4, 8), ((1, 3, 3), (3, 3, 3)), ((1, 1, 1), (1, 2, 2)), (2, 2), (1,))
LATTICES = st.builds(
    Lattice,
    spacing=st.none() | st.tuples(st.none() | POSITIVE, POSITIVE, POSITIVE),
    orientation=st.sampled_from([None, "LPS", "RAS"]),
    order=st.sampled_from([0, 1, 3]),
    antialias=st.booleans(),
    anisotropy=st.none() | st.floats(1, 9),
    normalised=st.just(True),
    clip=st.booleans(),
)
RULES = (
    st.builds(Fixed, lower=st.floats(-2000, 0), upper=st.floats(1, 3000), mean=NUMBERS, sd=POSITIVE)
    | st.builds(ZScore, nonzero=st.booleans())
    | st.builds(Percentiles, lower=st.floats(0, 10), upper=st.floats(90, 100))
)
DESCRIPTORS = st.builds(
    Descriptor,
    name=WORDS,
    summary=WORDS,
    modalities=st.lists(st.sampled_from(["CT", "MR", "PT"]), min_size=1, max_size=2).map(tuple),
    units=st.sampled_from(["HU", "1"]),
    structures=st.just((Structure(1, "left lung", "39607008", "Lung"), Structure(2, "no: code"))),
    weights=st.just(Weights("safetensors", {"weights.safetensors": "0" * 64})),
    licence=WORDS,
    training_data=WORDS,
    limits=WORDS,
    intensity=RULES,
    patch=st.just((8, 16, 16)),
    figures=st.lists(WORDS, max_size=3).map(tuple),
    network=st.just(TOPOLOGY),
    grid=LATTICES,
    batch=st.integers(1, 8),
    overlap=st.sampled_from([0.0, 0.25, 0.5]),
    peak=st.sampled_from(["middle", "voxel"]),
    air=st.none() | NUMBERS,
    mirror=st.lists(st.sampled_from([0, 1, 2]), unique=True).map(tuple),
    keep=st.just((Keep(1, True, 12.5),)) | st.just(()),
)


@given(DESCRIPTORS)
def test_what_is_written_is_read_back_equal(descriptor: Descriptor) -> None:
    assert read(text(descriptor), "model.yaml").descriptor == descriptor


@pytest.mark.parametrize(
    "words", ["\x85", "a\x85b", "\u2028", "\ufeff", "\x00", " a ", "a\r\nb", "#", "~", "'", "1e3", "no"]
)
def test_words_that_yaml_would_take_for_something_else(words: str) -> None:
    made = descriptor(summary=words)
    assert read(text(made), "model.yaml").descriptor == made


def test_equal_parts_are_written_out_and_not_by_alias() -> None:
    """The reader refuses aliases."""
    stages = ((1, 1, 1),) * 9
    deep = Topology(2, (4,) * 9, stages, stages, (2,) * 9, (2,) * 8)
    lungs = Descriptor(
        "lungs", "s", ("CT",), "HU", (Structure(1, "lung"),), Weights("safetensors", {"w": "0" * 64}), "CC0-1.0",
        "t", "l", ZScore(), (8, 8, 8), network=deep,
    )  # fmt: skip
    assert "&" not in text(lungs)
    assert read(text(lungs), "model.yaml").descriptor == lungs
