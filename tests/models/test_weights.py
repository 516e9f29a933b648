"""What is loaded is what was written, whole and exact, or it is an error."""

import warnings
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from pipeline.errors import ModelError
from pipeline.models import weights
from pipeline.models.descriptor import Descriptor, Weights
from pipeline.models.topology import Topology
from pipeline.models.unet import UNet
from pipeline.models.weights import network, unet
from tests.models.makers import FILE, at_hand, named, tensors, written
from tests.models.nets import TINY


class Doubled(torch.nn.Module):
    """Two classes: 0, and twice the voxel."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((0 * x, self.gain * x), 1)


def scripted() -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        stored = BytesIO()
        torch.jit.save(torch.jit.script(Doubled()), stored)
    return stored.getvalue()


def exported() -> bytes:
    stored = BytesIO()
    torch.export.save(torch.export.export(Doubled().eval(), (torch.ones(1, 1, 2, 2, 2),)), stored)
    return stored.getvalue()


def test_the_network_of_a_folder_is_the_one_that_was_written(tmp_path: Path) -> None:
    folder = written(tmp_path)
    said = named((folder / FILE).read_bytes())
    net = network(at_hand(folder, said, packaged=False))
    other = UNet(TINY).eval()
    other.load_state_dict(tensors())
    x = torch.randn(2, 1, 4, 6, 8)
    assert torch.equal(net(x), other(x))
    assert not net.training
    assert all(p.dtype == torch.float32 and not p.requires_grad and p.device.type == "cpu" for p in net.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_of_16_bits_are_read_exactly(dtype: torch.dtype) -> None:
    stored = {name: tensor.to(dtype) for name, tensor in tensors().items()}
    net = unet(TINY, save(stored), "here")
    assert all(torch.equal(tensor.to(dtype), stored[name]) for name, tensor in net.state_dict().items())
    assert {p.dtype for p in net.parameters()} == {torch.float32}


def broken(**changes: torch.Tensor | None) -> bytes:
    """Tensors of which some are others, or None: missing."""
    changed = {**tensors(), **{name.replace("__", "."): tensor for name, tensor in changes.items()}}
    return save({name: tensor for name, tensor in changed.items() if tensor is not None})


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (broken(heads__0__bias=None), "1 tensors are missing, first 'heads.0.bias'"),
        (broken(more=torch.ones(1)), "1 tensors are too many, first 'more'"),
        (broken(heads__0__bias=torch.ones(4)), "'heads.0.bias' is float32 (4,), not float32 (3,)"),
        (broken(heads__0__bias=torch.ones(3, dtype=torch.int32)), "is int32 (3,), not float32 (3,)"),
        (broken(heads__0__bias=torch.ones(3, dtype=torch.float64)), "is float64 (3,), not float32 (3,)"),
        (broken(heads__0__bias=torch.tensor([0, torch.nan, 0])), "'heads.0.bias' holds numbers that are not finite"),
        (b"", "no safetensors file"),
        (b"\xff" * 100, "no safetensors file"),
        (broken()[:-1], "no safetensors file"),
        ((1 << 40).to_bytes(8, "little") + b"{" * 100, "no safetensors file"),  # a header of a terabyte
    ],
)
def test_what_does_not_fit_is_an_error_that_says_where(stored: bytes, message: str) -> None:
    with pytest.raises(ModelError) as error:
        unet(TINY, stored, "w of the model 'tiny'")
    assert str(error.value).startswith("w of the model 'tiny'")
    assert message in str(error.value)


@pytest.mark.parametrize(
    "topology",
    [
        replace(TINY, widths=(1 << 20, 1 << 21)),  # some 10^14 bytes
        replace(TINY, widths=(1 << 40, 1 << 41)),
        replace(TINY, encoder=(1, 1 << 40)),
        replace(TINY, norm="group", widths=(4, 28)),  # in groups of which no number divides it
        Topology(2, (4,), ((3, 3, 3),), ((1, 1, 1),), (2,), ()),
    ],
)
def test_a_topology_that_the_weights_are_not_of_costs_no_memory(topology: Topology) -> None:
    with pytest.raises(ModelError):
        unet(topology, save(tensors()), "here")


def test_a_network_takes_no_memory_before_its_weights_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def seen(topology: Topology) -> UNet:
        net = UNet(topology)
        built.append({p.device.type for p in net.parameters()})
        return net

    monkeypatch.setattr(weights, "UNet", seen)
    unet(TINY, save(tensors()), "here")
    assert built == [{"meta"}]


def of_program(stored: bytes, form: str, folder: Path, packaged: bool) -> tuple[Path, Descriptor]:
    (folder / "net.pt").write_bytes(stored)
    files = Weights(form, {"net.pt": sha256(stored).hexdigest()})  # type: ignore[arg-type]
    return folder, named(b"", weights=files, network=None, memory_mb=1)


@pytest.mark.parametrize(
    ("form", "make"), [("torchscript", scripted), pytest.param("exported", exported, marks=pytest.mark.system)]
)
def test_programs_are_loaded_for_packaged_models_alone(form: str, make: object, tmp_path: Path) -> None:
    folder, said = of_program(make(), form, tmp_path, packaged=True)  # type: ignore[operator]
    net = network(at_hand(folder, said, packaged=True))
    x = torch.arange(8.0).reshape(1, 1, 2, 2, 2)
    assert torch.equal(net(x), torch.cat((0 * x, 2 * x), 1))
    assert not any(p.requires_grad for p in net.parameters())
    with pytest.raises(ModelError, match="only packaged models may bring code"):
        network(at_hand(folder, said, packaged=False))
    (folder / "net.pt").write_bytes(make()[:-1] + b"x")  # type: ignore[operator]
    with pytest.raises(ModelError, match="SHA-256 differs"):
        network(at_hand(folder, said, packaged=True))


def test_of_several_files_one_is_named(tmp_path: Path) -> None:
    first, second = save(tensors(0)), save(tensors(1))
    (tmp_path / "a").write_bytes(first)
    (tmp_path / "b").write_bytes(second)
    names = {"a": sha256(first).hexdigest(), "b": sha256(second).hexdigest()}
    model = at_hand(tmp_path, named(b"", weights=Weights("safetensors", names)), packaged=False)
    with pytest.raises(ModelError, match="several networks: a, b"):
        network(model)
    loaded = network(model, "b").state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in tensors(1).items())
