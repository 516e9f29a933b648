"""What is written as a model is found, verified and loaded as one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import ModelError
from pipeline.models import library, weights
from pipeline.models.folder import WEIGHTS, stored, write
from pipeline.models.unet import UNet
from tests.models.nets import TINY, descriptor


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    network = UNet(TINY)
    network.initialise(torch.Generator().manual_seed(seed))
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def test_it_is_found_and_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = write(descriptor(), arrays(), tmp_path / "tiny")
    monkeypatch.setenv("SCANMILL_MODELS", str(tmp_path))
    found = library.find("tiny")
    assert found.descriptor == made == replace(descriptor(), weights=made.weights)
    network = weights.network(found)
    for name, tensor in network.state_dict().items():
        assert np.array_equal(tensor.numpy(), arrays()[name])


def test_equal_arrays_give_equal_bytes() -> None:
    forward, backward = arrays(), dict(reversed(arrays().items()))
    assert stored(forward) == stored(backward)
    assert stored(arrays(1)) != stored(forward)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    write(descriptor(), arrays(), tmp_path / "tiny")
    before = (tmp_path / "tiny" / WEIGHTS).read_bytes()
    with pytest.raises(ModelError, match="there already"):
        write(descriptor(), arrays(1), tmp_path / "tiny")
    assert (tmp_path / "tiny" / WEIGHTS).read_bytes() == before


def test_a_folder_bears_the_name_of_its_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="bear its name"):
        write(descriptor(), arrays(), tmp_path / "other")
    assert not (tmp_path / "other").exists()
