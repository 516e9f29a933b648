"""Samples: functions of (seed, step, slot), the same voxels as at inference, labels that move along."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.draws.random_noise import RandomNoise
from pipeline.draws.warp import Warp
from pipeline.errors import RecipeError
from pipeline.grid import Grid
from pipeline.kernels.intensity import ramp as normalise
from pipeline.learn.places import placed, positions
from pipeline.learn.sampler import Sampler
from pipeline.learn.subjects import Subject, subjects
from pipeline.models.descriptor import read
from pipeline.models.windows import cut
from pipeline.store import omezarr
from pipeline.training import Training
from pipeline.volume import Volume
from tests.learn.made import MODEL, loaded

LPS = ((0.0, 0.0, 2.0, 0.0), (0.0, 2.0, 0.0, 0.0), (2.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))


def stored(folder: Path, image: np.ndarray, labels: np.ndarray, frame: object = LPS) -> Subject:
    grid = Grid(frame, image.shape)
    below = {"balls": Volume(labels, grid, "labels")}
    omezarr.write_group(folder, {"ct": omezarr.Image(Volume(image, grid), below)})
    return Subject("p", "v", "", folder / "ct", folder / "ct" / "labels" / "balls", grid)


@pytest.fixture
def training(balls: tuple[Path, Path]) -> Training:
    return loaded(balls[1])[1]


def plain(training: Training, **changes: object) -> Training:
    return replace(training, draws=(), settings=replace(training.settings, **changes))


def test_a_sample_is_a_function_of_seed_step_and_slot(balls, training):
    sampler = Sampler(training, tuple(subjects(balls[0], loaded(balls[1])[0])))
    keys = [(step, slot) for step in range(4) for slot in range(2)]
    one = [sampler.sample(*key) for key in keys]
    with ThreadPoolExecutor(4) as pool:
        other = list(pool.map(lambda key: sampler.sample(*key), reversed(keys)))[::-1]
    for (x, y), (a, b) in zip(one, other, strict=True):
        assert x.tobytes() == a.tobytes()
        assert y.tobytes() == b.tobytes()
    assert len({x.tobytes() for x, _ in one}) == len(keys)
    images, labels = sampler.batch(3, range(1, 2))
    assert (images.shape, images.dtype, labels.shape, labels.dtype) == ((1, 1, 16, 16, 16), "f4", (1, 16, 16, 16), "i8")
    np.testing.assert_array_equal(images[0], one[7][0])
    np.testing.assert_array_equal(labels[0], one[7][1])
    seeded = Sampler(replace(training, settings=replace(training.settings, seed=1)), sampler.subjects)
    assert seeded.sample(0, 0)[0].tobytes() != one[0][0].tobytes()


def test_without_draws_it_is_what_a_window_sees_at_inference(tmp_path, training):
    """Also where the volume is smaller than the patch: beyond it lies 0."""
    rng = np.random.default_rng(0)
    for n, shape in enumerate([(18, 16, 19), (9, 18, 16), (5, 6, 7)]):
        image, labels = rng.integers(-900, 900, shape).astype("i2"), rng.integers(0, 3, shape).astype("u1")
        subject = stored(tmp_path / str(n), image, labels)
        sampler = Sampler(plain(training), (subject,))
        seen = normalise(image, training.model.intensity.ramp(image))
        for step in range(3):
            for slot in range(2):
                x, y = sampler.sample(step, slot)
                windows = [
                    subject.grid.crop((k, j, i), (k + 16, j + 16, i + 16))
                    for k in _starts(shape[0])
                    for j in _starts(shape[1])
                    for i in _starts(shape[2])
                ]
                assert any(
                    np.array_equal(cut(seen, subject.grid, w), x[0]) and np.array_equal(cut(labels, subject.grid, w), y)
                    for w in windows
                )


def _starts(length: int) -> range:
    return range(min(0, length - 16), max(0, length - 16) + 1)


@settings(max_examples=15)
@given(st.tuples(*[st.integers(3, 30)] * 3), st.integers(0, 1000))
def test_a_centred_patch_holds_its_voxel_and_stays_within_or_over(tmp_path_factory, shape, seed):
    model = read(MODEL, "model.yaml").descriptor
    labels = np.zeros(shape, "u1")
    at = tuple(n // 3 for n in shape)
    labels[at] = 2
    subject = stored(tmp_path_factory.mktemp("one"), np.zeros(shape, "i2"), labels)
    patch = placed(np.random.default_rng(seed), subject, model, centred=True)
    assert all(a <= v < b for v, a, b in zip(at, patch.start, patch.stop, strict=True))
    for a, b, n in zip(patch.start, patch.stop, shape, strict=True):
        assert (a >= 0 and b <= n) if n >= 16 else (a <= 0 and b >= n)
    anywhere = placed(np.random.default_rng(seed), subject, model, centred=False)
    for a, b, n in zip(anywhere.start, anywhere.stop, shape, strict=True):
        assert (a >= 0 and b <= n) if n >= 16 else (a <= 0 and b >= n)


def test_at_least_a_share_of_a_batch_is_centred_and_structures_take_even_turns(tmp_path, training):
    shape = (64, 64, 64)
    labels = np.zeros(shape, "u1")
    labels[5, 5, 5], labels[40:60, 40:60, 40:60] = 1, 2  # one voxel against 8000
    subject = stored(tmp_path / "v", np.zeros(shape, "i2"), labels)
    sampler = Sampler(plain(training, batch=3), (subject,))
    found = [set(np.unique(sampler.sample(step, 2)[1])) for step in range(40)]
    assert all(values & {1, 2} for values in found)
    ones = sum(1 in values for values in found)
    assert 11 < ones < 29
    empty = sum(not sampler.sample(step, 0)[1].any() for step in range(20))
    assert empty > 2  # other slots lie anywhere


def test_what_is_beyond_a_sample_is_read_from_the_volume_and_labels_move_along(tmp_path, training):
    """An image that is its own label map stays so, whatever is turned, scaled, bent and mirrored."""
    rng = np.random.default_rng(1)
    labels = np.kron(rng.integers(0, 3, (8, 8, 8)), np.ones((5, 5, 5))).astype("u1")
    subject = stored(tmp_path / "v", labels.astype("i2") * 100, labels)
    warp = Warp(
        degrees=(30.0, 30.0, 30.0),
        scale=(0.7, 1.4),
        mirror_chance=(0.5, 0.5, 0.5),
        shift_mm=(3.0, 3.0, 3.0),
        control_mm=20.0,
        magnitude_mm=(0.0, 4.0),
        order=0,
    )
    made = replace(plain(training, swap=()), draws=(warp, RandomNoise((0.0, 0.0))))
    reached = False
    for step in range(6):
        x, y = Sampler(made, (subject,)).sample(step, 1)
        np.testing.assert_array_equal(np.round(x[0] * 2.5), y)
        reached |= bool(np.unique(y).size == 3)
    assert reached


@pytest.mark.parametrize("across", [0, 1, 2])
@pytest.mark.parametrize("mirrored", [0, 1, 2])
def test_left_and_right_change_places_where_the_patient_is_mirrored(tmp_path, training, across, mirrored):
    """Whichever axis of the volume runs across the patient."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, (16, 16, 16)).astype("u1")
    frame = np.zeros((4, 4))
    for axis, row in zip([across, *(n for n in range(3) if n != across)], (0, 1, 2), strict=True):
        frame[row, axis] = 2.0
    frame[3, 3] = 1
    subject = stored(tmp_path / "v", np.zeros((16, 16, 16), "i2"), labels, frame)
    chance = tuple(float(n == mirrored) for n in range(3))
    made = replace(plain(training), draws=(Warp(mirror_chance=chance),))
    _, y = Sampler(made, (subject,)).sample(0, 0)
    expected = np.flip(labels, mirrored)
    if mirrored == across:
        expected = np.array([0, 2, 1], "u1")[expected]
    np.testing.assert_array_equal(y, expected)


def test_positions_are_spread_and_strange_values_refused(tmp_path):
    labels = np.zeros((40, 40, 40), "u1")
    labels[10:35], labels[3, 4, 5] = 2, 1
    subject = stored(tmp_path / "v", np.zeros(labels.shape, "i2"), labels)
    one, two = positions(subject.labels, (1, 2))
    assert one.tolist() == [[3, 4, 5]]
    assert 2048 < len(two) <= 4096
    assert labels[tuple(two.T)].min() == 2
    assert two[:, 0].min() == 10
    assert two[:, 0].max() == 34
    with pytest.raises(RecipeError, match="structure"):
        positions(subject.labels, (2, 3))
