"""The Predictor: batches of one shape, neighbours that do not matter, memory that does not suffice."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline.errors import Quarantine
from pipeline.models import device, library, weights
from pipeline.models.predictor import Predictor
from pipeline.reasons import Reason

RNG = np.random.default_rng(0)
PATCHES = [RNG.normal(size=(1, 8, 8, 8)).astype(np.float32) for _ in range(7)]


class Seen(nn.Module):
    """Counts batches and remembers their shapes; fails for those of more than ``most`` patches."""

    def __init__(self, most: int = 99, error: Exception | None = None) -> None:
        super().__init__()
        self.most, self.shapes = most, []
        self.error = error or torch.OutOfMemoryError("on a GPU")

    def forward(self, x: Tensor) -> Tensor:
        self.shapes.append(tuple(x.shape))
        if x.shape[0] > self.most:
            raise self.error
        return torch.cat([x, 2 * x], 1)


def tiny() -> nn.Module:
    return weights.network(library.find("tiny"))


def answers(made: Predictor, patches: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [future.result() for future in [made.submit(patch) for patch in patches]]


def test_every_batch_has_one_shape_and_every_patch_its_own_answer() -> None:
    network = Seen()
    made = answers(Predictor("seen", network, 2, 3), PATCHES)
    assert set(network.shapes) == {(3, 1, 8, 8, 8)}
    for patch, logits in zip(PATCHES, made, strict=True):
        assert np.array_equal(logits, np.concatenate([patch, 2 * patch]))


def test_a_patch_does_not_depend_on_its_neighbours_nor_on_its_place_in_the_batch() -> None:
    network = Predictor("tiny", tiny(), 3, 4)
    alone = [network.logits([patch])[0] for patch in PATCHES]
    together = network.logits(PATCHES[:4])
    turned = network.logits(PATCHES[3::-1])
    for n in range(4):
        assert together[n].tobytes() == alone[n].tobytes()
        assert turned[3 - n].tobytes() == alone[n].tobytes()


def test_patches_of_whoever_asks_fill_a_batch() -> None:
    network = Seen()
    made = Predictor("seen", network, 2, 4)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: answers(made, PATCHES[:4]), range(4)))
    assert len(network.shapes) < 16


def test_mirrored_it_is_the_mean_over_all_mirrorings_turned_back() -> None:
    network = tiny()
    made = Predictor("tiny", network, 3, 2, mirror=(0, 2)).logits(PATCHES[:1])[0]
    with torch.inference_mode():
        x = torch.from_numpy(PATCHES[0][None])
        turns: list[list[int]] = [[], [2], [4], [2, 4]]
        expected = sum(network(x.flip(axes)).flip(axes).double() for axes in turns) / 4
    assert np.allclose(made, expected[0], atol=1e-6)


@pytest.mark.parametrize(
    "error", [None, MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ...")]
)
def test_where_memory_does_not_suffice_the_batch_is_halved_and_it_says_so(error: Exception | None) -> None:
    network = Seen(1, error)
    made = Predictor("narrow", network, 2, 4)
    for patch, logits in zip(PATCHES, answers(made, PATCHES), strict=True):
        assert np.array_equal(logits, np.concatenate([patch, 2 * patch]))
    assert made.batch == device.reduced.pop("narrow") == 1
    assert network.shapes.count((4, 1, 8, 8, 8)) == 1


def test_where_it_does_not_suffice_for_one_patch_that_is_the_answer() -> None:
    made = Predictor("none", Seen(0), 2, 2)
    with pytest.raises(MemoryError):
        made.submit(PATCHES[0]).result()
    device.reduced.pop("none")


def test_what_goes_wrong_is_answered_and_the_next_is_served() -> None:
    network = Seen(0, RuntimeError("of another kind"))
    made = Predictor("seen", network, 2, 2)
    with pytest.raises(RuntimeError, match="another kind"):
        made.submit(PATCHES[0]).result()
    network.most = 9
    assert made.submit(PATCHES[0]).result().shape == (2, 8, 8, 8)


def test_what_is_no_number_any_more_is_refused() -> None:
    made = Predictor("seen", Seen(), 2, 1)
    with pytest.raises(Quarantine) as refused:
        made.submit(np.full((1, 8, 8, 8), 3e38, np.float32)).result()
    assert refused.value.reason is Reason.MODEL_OVERFLOW


def test_bfloat16_is_near_float32() -> None:
    full = Predictor("tiny", tiny(), 3, 1).logits(PATCHES[:1])
    half = Predictor("tiny", tiny(), 3, 1, precision="bfloat16").logits(PATCHES[:1])
    assert half.dtype == np.float32
    assert 0 < np.abs(full - half).max() < 0.1 * np.abs(full).max()


def test_a_network_that_nobody_asks_any_more_is_let_go_with_its_thread() -> None:
    before = threading.active_count()
    network = tiny()
    made = Predictor("tiny", network, 3, 2)
    made.submit(PATCHES[0]).result()
    gone = weakref.ref(network)
    del network, made
    for _ in range(200):
        if threading.active_count() <= before and gone() is None:
            return
        time.sleep(0.01)
    raise AssertionError("the network, or its thread, is still there")
