"""The method ``located``, against the same written out with torch and SciPy, and by its laws."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from functools import cache
from io import BytesIO
from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pipeline import orientation
from pipeline.errors import ModelError, Quarantine
from pipeline.grid import Grid
from pipeline.models import library, located
from pipeline.models.descriptor import Lattice, Weights
from pipeline.models.intensity import Percentiles
from pipeline.models.library import Model
from pipeline.orientation import Turn
from pipeline.reasons import Reason
from pipeline.structure import Structure
from pipeline.volume import Volume
from tests.models.makers import at_hand, named

PATCH = (32, 64, 32)  # powers of two: torch rounds others by the processor
AXIAL = Grid([[0, 0, -0.9, 90], [0, 1.1, 0, -80], [3.0, 0, 0, 7], [0, 0, 0, 1]], (21, 60, 50))


class Above(torch.nn.Module):
    """The second class is what lies ``limit`` above the mean of the image."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = torch.nn.Parameter(torch.tensor(limit))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(torch.cat((0 * x, 8 * (x - x.mean() - self.limit)), 1), 1)


def stored(net: torch.nn.Module) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made = BytesIO()
        torch.jit.save(torch.jit.script(net), made)
    return made.getvalue()


def model(folder: Path, box: float, inside: float, **more: object) -> Model:
    """Two networks that look for what is bright."""
    names = {}
    for name, limit in (("box.pt", box), ("inside.pt", inside)):
        (folder / name).write_bytes(stored(Above(limit)))
        names[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    said = {
        "weights": Weights("torchscript", names),
        "network": None,
        "memory_mb": 1,
        "method": "located",
        "grid": Lattice(orientation="SAR", order=0),
        "intensity": Percentiles(0.5, 99.5),
        "patch": PATCH,
        "structures": (Structure(7, "blob"),),
    }
    return at_hand(folder, named(b"", **(said | more)), packaged=True)


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return model(tmp_path_factory.mktemp("model"), 0.3, 0.2)


def phantom(shape: tuple[int, int, int], seed: int = 0, dtype: type = np.int16) -> np.ndarray:
    """A large blob with a hole and a small one beside it, on noise."""
    rng = np.random.default_rng(seed)
    at = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij"))

    def ball(*centre: float) -> np.ndarray:
        return np.sqrt(((at - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(0))

    x = 90 * ((ball(0.1, -0.2, 0.1) < 0.5) & (ball(0.1, -0.2, 0.1) > 0.2)) + 80 * (ball(-0.7, 0.75, 0.7) < 0.2)
    return (x + rng.normal(10, 3, shape)).astype(dtype)


def written_out(x: np.ndarray, box: float, inside: float, patch: tuple[int, ...]) -> np.ndarray:
    """The method, in the words of torch and SciPy."""
    t = torch.nan_to_num(torch.from_numpy(x.astype(np.float32)))

    def resized(t: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        return F.interpolate(t[None, None], shape, mode="nearest-exact")[0, 0]

    def largest(mask: np.ndarray) -> np.ndarray:
        labels, _ = ndimage.label(mask, np.ones((3, 3, 3)))
        kept: np.ndarray = labels == np.bincount(labels.ravel())[1:].argmax() + 1
        return kept

    overview = resized(t, (128, 128, 128))
    low, high = np.quantile(overview.numpy().astype(np.float64), [0.005, 0.995])

    def seen(t: torch.Tensor, limit: float) -> np.ndarray:
        t = ((t.double() - low) / (high - low)).clamp(0, 1)
        t = (0.226 * (t - t.mean()) / t.std() + 0.449).float()
        with torch.no_grad():
            return (Above(limit)(t[None, None])[0, 1] > 0.5).numpy()

    found = largest(seen(overview, box))
    sides = []
    for axis, n in enumerate(x.shape):
        (planes,) = np.nonzero(found.mean(tuple({0, 1, 2} - {axis})) > 0.02)
        begin, end = planes[0] * n / 128, (planes[-1] + 1) * n / 128
        centre, width = round((begin + end) / 2), round(1.2 * (end - begin))
        sides.append(slice(max(0, int(centre - width / 2)), int(centre + width / 2)))
    part = t[tuple(sides)]
    mask = torch.from_numpy(seen(resized(part, patch), inside).astype(np.float32))
    kept = ndimage.binary_fill_holes(largest(resized(mask, part.shape).numpy() > 0))
    made = np.zeros(x.shape, np.uint8)
    made[tuple(sides)] = 7 * kept
    return made


@settings(max_examples=100)
@given(
    lengths=st.tuples(st.integers(1, 4096), st.sampled_from([128, 256])) | st.tuples(st.just(256), st.integers(1, 4096))
)
def test_nearest_is_torch_s(lengths: tuple[int, int]) -> None:
    n, m = lengths
    x = np.arange(n, dtype=np.float32).reshape(n, 1, 1)
    made = F.interpolate(torch.from_numpy(x)[None, None], (m, 1, 1), mode="nearest-exact")[0, 0].numpy()
    assert np.array_equal(located.nearest(x, (m, 1, 1)), made)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32, np.uint16])
def test_it_is_the_method_written_out(blobs: Model, dtype: type) -> None:
    x = phantom((47, 60, 71), dtype=dtype)
    if dtype is np.float32:
        x[::7, ::5, ::3] = np.nan
    grid = orientation.toward(AXIAL, "SAR").grid(AXIAL)
    made = located.segment(blobs, Volume(x, Grid(grid.frame, x.shape)))
    assert np.array_equal(made.array, written_out(x, 0.3, 0.2, PATCH))
    assert made.kind == "labels"
    assert made.array.dtype == np.uint8
    assert set(np.unique(made.array)) == {0, 7}
    centre = tuple(int((c + 1) / 2 * n) for c, n in zip((0.1, -0.2, 0.1), x.shape, strict=True))
    assert made.array[centre] == 7  # the hole is filled
    assert made.array[7, 52, 60] == 0  # the smaller blob is not part of it


TURNS = [
    Turn(axes, flips)  # type: ignore[arg-type]
    for axes in permutations(range(3))
    for flips in product((False, True), repeat=3)
]


@settings(max_examples=4)
@given(turn=st.sampled_from(TURNS))
def test_however_a_volume_is_stored_the_labels_are_the_same(blobs: Model, turn: Turn) -> None:
    """And lie on its own grid."""
    x = phantom(AXIAL.shape)
    whole = AXIAL.crop((0, 0, 0), AXIAL.shape)
    turned = Volume(np.ascontiguousarray(turn.array(x)), turn.grid(whole))
    made = located.segment(blobs, turned)
    assert made.grid == turned.grid
    assert np.array_equal(turn.inverse.array(made.array), plainly(blobs))


@cache
def plainly(blobs: Model) -> np.ndarray:
    return located.segment(blobs, Volume(phantom(AXIAL.shape), AXIAL)).array


def test_the_same_bits_again_and_by_two_threads(blobs: Model) -> None:
    x = Volume(phantom(AXIAL.shape, 3), AXIAL)
    before = torch.get_num_threads()
    made = set()
    for threads in (1, 2, 1):
        torch.set_num_threads(threads)
        made.add(located.segment(blobs, x).array.tobytes())
    torch.set_num_threads(before)
    assert len(made) == 1


def test_the_source_is_left_as_it_was(blobs: Model) -> None:
    x = phantom(AXIAL.shape, 1)
    x.setflags(write=False)
    located.segment(blobs, Volume(x, AXIAL))


def test_labels_above_255_have_16_bits(tmp_path: Path) -> None:
    found = model(tmp_path, 0.3, 0.2, structures=(Structure(300, "blob"),))
    made = located.segment(found, Volume(phantom(AXIAL.shape), AXIAL))
    assert made.array.dtype == np.uint16
    assert made.array.max() == 300


@pytest.mark.parametrize(
    ("limits", "x", "reason"),
    [
        ((0.3, 0.2), np.full((20, 30, 40), 5, np.int16), Reason.NO_CONTRAST),
        ((0.3, 0.2), np.full((20, 30, 40), np.nan, np.float32), Reason.NO_CONTRAST),
        ((9.0, 0.2), phantom((20, 30, 40)), Reason.MODEL_FOUND_NOTHING),
        ((0.3, 9.0), phantom((20, 30, 40)), Reason.MODEL_FOUND_NOTHING),
        (
            (1.0, 0.2),
            np.random.default_rng(0).normal(0, 1, (20, 30, 40)).astype(np.float32),
            Reason.MODEL_FOUND_NOTHING,
        ),
        ((0.3, 0.2), phantom((21, 60, 50))[10:11], Reason.MODEL_FOUND_NOTHING),  # one slice: a box of no depth
    ],
)
def test_what_holds_nothing_is_refused_with_a_reason(
    limits: tuple[float, float], x: np.ndarray, reason: Reason, tmp_path: Path
) -> None:
    volume = Volume(x, Grid(np.eye(4), x.shape))
    with pytest.raises(Quarantine) as refused:
        located.segment(model(tmp_path, *limits), volume)
    assert refused.value.reasons == (reason,)


def test_a_model_of_another_method_is_refused(tmp_path: Path) -> None:
    other = model(tmp_path, 0.3, 0.2, method="windows")
    with pytest.raises(ModelError, match="no pair of networks"):
        located.segment(other, Volume(phantom(AXIAL.shape), AXIAL))


@pytest.mark.system
def test_the_brain_of_a_real_head(data: Callable[..., Path]) -> None:
    """1542.038 ml, as the authors' own program finds."""
    brain = library.find("brain")
    try:
        library.verify(brain)
    except ModelError as missing:
        pytest.skip(str(missing))
    (path,) = data("mr-t1-brainchop").rglob("*.nii.gz")
    image = nib.load(path)
    x = np.ascontiguousarray(np.asanyarray(image.dataobj).T)
    frame = (np.diag([-1.0, -1, 1, 1]) @ image.affine)[:, [2, 1, 0, 3]]
    volume = Volume(x, Grid(frame, x.shape))
    made = located.segment(brain, volume)
    assert made.array.sum() * made.grid.voxel_mm3 / 1000 == pytest.approx(1542.038, abs=1e-3)
