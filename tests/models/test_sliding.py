"""Sliding windows: labels on the source's own grid, the same for any cut, and what is held is bounded."""

import tracemalloc
from concurrent.futures import Future
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import orientation
from pipeline.grid import Grid
from pipeline.models import sliding
from pipeline.models.descriptor import Descriptor, Lattice
from pipeline.models.device import LIBRARY
from pipeline.models.intensity import Percentiles, ZScore
from pipeline.models.windows import Windows, weights
from pipeline.regrid import regrid
from pipeline.volume import Volume
from tests.models.nets import Pointwise, Uneven, descriptor

FLIPPED = [[0, 0, -1.5, 3], [0, 1.5, 0, 0], [-4, 0, 0, 9], [0, 0, 0, 1]]
SAGITTAL = [[0.0, 0, 2, 3], [0, -1, 0, 0], [1, 0, 0, 9], [0, 0, 0, 1]]
CORONAL = [[1.0, 0, 0, 3], [0, 0, 2, 0], [0, -1, 0, 9], [0, 0, 0, 1]]


def oblique() -> np.ndarray:
    c, s = np.cos(0.3), np.sin(0.3)
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    frame = np.eye(4)
    frame[:3, :3] = turn @ np.array([[0, 0, 1.2], [0, 0.9, 0], [2.5, 0, 0]])
    return frame


FRAMES = [FLIPPED, SAGITTAL, CORONAL, oblique().tolist()]
LATTICES = [
    Lattice(),
    Lattice(orientation="RAS"),
    Lattice(spacing=(2.0, 2.0, 2.0), orientation="LPS"),
    Lattice(spacing=(3.0, 0.7, 1.1), orientation="PIR", order=3, anisotropy=3.0, normalised=True, border="nearest"),
    Lattice(spacing=(4.0, 4.0, 4.0), antialias=True),
]


def phantom(frame: object, shape: tuple[int, int, int] = (13, 17, 21), seed: int = 0) -> Volume:
    rng = np.random.default_rng(seed)
    return Volume(rng.integers(-400, 400, shape).astype(np.int16), Grid(frame, shape))  # type: ignore[arg-type]


def whole(made: Descriptor, network: sliding.Network, volume: Volume, overlap: float = 0.5) -> np.ndarray:
    return sliding.segment(made, network, volume, volume.grid, volume.grid, overlap).array


@pytest.mark.parametrize("frame", FRAMES, ids=["flipped", "sagittal", "coronal", "oblique"])
@pytest.mark.parametrize("orient", [None, "LPS", "RAI", "SRA"])
def test_where_nothing_is_interpolated_labels_are_those_of_each_voxel(frame: object, orient: str | None) -> None:
    volume = phantom(frame)
    labels = whole(descriptor(Lattice(orientation=orient)), Pointwise(), volume)
    x = volume.array / 100
    assert np.array_equal(labels, np.select([x > 1, x > 0], [2, 1], 0))


@pytest.mark.parametrize("lattice", LATTICES)
@pytest.mark.parametrize("frame", FRAMES)
def test_windows_are_averaged_and_brought_back_as_an_independent_float64_loop_does(
    frame: object, lattice: Lattice
) -> None:
    volume = phantom(frame)
    made = descriptor(lattice)
    network = Uneven()
    labels = whole(made, network, volume)
    grid = lattice.of(volume.grid)
    ramp = made.intensity.ramp(volume.array)
    seen = sliding.prepared(lattice, ramp, volume, grid, volume.grid).array
    total = np.zeros([n + 16 for n in grid.shape])
    logits = np.zeros((3, *total.shape))
    starts = Windows(grid, made.patch, 0.5).starts
    low = [grid.start[n] for n in range(3)]
    for at in product(*starts):
        at = tuple(a - b for a, b in zip(at, low, strict=True))
        box = tuple(slice(a + 8, a + 16) for a in at)
        answer = network.submit(np.pad(seen, 8)[box][None]).result()
        total[box] += weights((8, 8, 8))
        logits[(slice(None), *box)] += answer.astype(float) * weights((8, 8, 8))
    inside = tuple(slice(8, 8 + n) for n in grid.shape)
    total, logits = total[inside], logits[(slice(None), *inside)]
    logits /= total
    order = lattice.orders(volume.grid, 1)
    turn = orientation.matching(grid, volume.grid)
    assert turn is not None
    along = tuple(order[a] for a in turn.axes)
    there = np.stack(
        [
            regrid(Volume(c.astype(np.float32), grid), volume.grid, grid, order=along).array
            for c in logits  # type: ignore[arg-type]
        ]
    )
    ranked = np.sort(there, axis=0)
    clear = ranked[-1] - ranked[-2] > 1e-4
    assert clear.mean() > 0.99
    assert np.array_equal(labels[clear], np.argmax(there, axis=0)[clear])


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_any_cut_gives_the_whole(data: st.DataObject) -> None:
    lattice = data.draw(st.sampled_from(LATTICES))
    volume = phantom(data.draw(st.sampled_from(FRAMES)), (9, 12, 11), 3)
    intensity = data.draw(st.sampled_from([None, ZScore(), Percentiles()]))
    overlap = data.draw(st.sampled_from([0.0, 0.25, 0.5, 0.8]))
    made = descriptor(lattice, (8, 4, 4), intensity, air=data.draw(st.sampled_from([None, -100.0])))
    labels = whole(made, Uneven(), volume, overlap)
    start = [data.draw(st.integers(0, n - 1)) for n in volume.grid.shape]
    stop = [data.draw(st.integers(a + 1, n)) for a, n in zip(start, volume.grid.shape, strict=True)]
    piece = volume.grid.crop(start, stop)
    part = volume.crop_to(volume.grid.clip(sliding.needed(made, overlap, piece, volume.grid)))
    found = sliding.segment(made, Uneven(), part, piece, volume.grid, overlap)
    assert found.grid == piece
    assert np.array_equal(found.array, labels[volume.grid.slices(piece)])


def test_what_is_all_air_is_not_looked_at_and_is_background() -> None:
    volume = phantom(np.eye(4), (40, 8, 8))
    air = volume.array.copy()
    air[:20] = -900
    made = descriptor(air=-800.0)
    network = Uneven()
    labels = whole(made, network, volume.with_array(air))
    assert not labels[:16].any()
    assert labels[20:].any()
    every = Uneven()
    whole(descriptor(), every, volume.with_array(air))
    assert 0 < network.seen < every.seen


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_voxel_that_is_no_number_harms_nobody_else(bad: float) -> None:
    volume = phantom(np.eye(4)).with_array(phantom(np.eye(4)).array.astype(np.float32))
    holed = volume.array.copy()
    holed[6, 8, 10] = bad
    for intensity in (None, ZScore()):
        made = descriptor(intensity=intensity)
        ramp = made.intensity.ramp(holed)
        seen = sliding.prepared(made.grid, ramp, volume.with_array(holed), volume.grid, volume.grid).array
        assert np.isfinite(seen).all()
        plain = sliding.prepared(made.grid, ramp, volume, volume.grid, volume.grid).array
        assert np.count_nonzero(seen != plain) <= 1


def test_a_value_that_is_no_structure_is_background() -> None:
    volume = phantom(np.eye(4))
    made = descriptor()
    labels = whole(descriptor(structures=made.structures[:1]), Pointwise(), volume)
    assert set(np.unique(labels)) == {0, 1}


class Many:
    """Forty classes, all alike."""

    ahead, classes = 1, 40

    def submit(self, patch: np.ndarray) -> "Future[np.ndarray]":
        answer: Future[np.ndarray] = Future()
        answer.set_result(np.zeros((40, *patch.shape[1:]), np.float32))
        return answer


def test_of_many_classes_one_layer_is_held_not_the_volume() -> None:
    """A volume of 39 layers: the logits of all of it would be 40 x 4 bytes a voxel."""
    volume = phantom(np.eye(4), (320, 16, 16))
    made = descriptor(patch=(16, 16, 16))
    whole(made, Many(), volume.crop_to(volume.grid.crop((0, 0, 0), (16, 16, 16))))
    tracemalloc.start()
    whole(made, Many(), volume)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.4 * volume.array.size * 40 * 4


@pytest.mark.parametrize(
    ("lattice", "patch"),
    [
        (Lattice(), (64, 64, 64)),
        (Lattice(), (40, 64, 64)),  # two layers, of which the second finishes two thirds of all
        (Lattice(), (16, 64, 64)),
        (Lattice(spacing=(1.0, 2.0, 2.0)), (32, 32, 32)),
        (Lattice(spacing=(1.0, 2.0, 2.0), normalised=True, order=3, border="nearest", clip=True), (32, 32, 32)),
    ],
)
def test_what_it_holds_is_no_more_than_was_said_before(lattice: Lattice, patch: tuple[int, int, int]) -> None:
    volume = phantom(np.eye(4), (64, 64, 64))
    made = descriptor(lattice, patch)
    whole(made, Pointwise(), volume)
    tracemalloc.start()
    whole(made, Pointwise(), volume)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= sliding.held(made, volume.spec) - LIBRARY - made.memory + volume.array.size
