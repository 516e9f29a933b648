"""The U-Net, against one written out with functions, and by its laws."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pipeline.models.topology import Topology
from pipeline.models.unet import UNet

torch.set_num_threads(1)  # two tests run at a time

PLAIN = Topology(
    classes=3,
    widths=(4, 6, 8),
    kernels=((1, 3, 3), (3, 3, 3), (3, 3, 3)),
    strides=((1, 1, 1), (1, 2, 2), (2, 2, 2)),
    encoder=(2, 1, 2),
    decoder=(1, 2),
)
EVERY = (
    PLAIN,
    replace(PLAIN, residual=True),
    replace(PLAIN, separable=True),
    replace(PLAIN, residual=True, separable=True),
    replace(PLAIN, widths=(4, 8, 16), norm="group"),
    replace(PLAIN, channels=2),
    replace(PLAIN, kernels=((1, 3, 3),) * 3, strides=((1, 1, 1), (1, 2, 2), (1, 2, 2))),
    Topology(2, (4,), ((3, 3, 3),), ((1, 1, 1),), (2,), ()),
)


def made(topology: Topology, deep_supervision: bool = False, seed: int = 0) -> UNet:
    network = UNet(topology, deep_supervision)
    network.initialise(torch.Generator().manual_seed(seed))
    return network


def noise(topology: Topology, n: int = 1, seed: int = 1) -> Tensor:
    k, j, i = topology.multiple
    shape = (n, topology.channels, 4 * k, 4 * j, 2 * i)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def test_it_is_the_plain_net_of_the_paper() -> None:
    """Written out in float64 with functions of the weights."""
    network = made(PLAIN).double().eval()
    for p in network.parameters():  # gains, offsets and biases that matter
        p.add_(0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()), dtype=p.dtype))
    w = network.state_dict()

    def block(x: Tensor, name: str, kernel: tuple[int, int, int], stride: tuple[int, int, int] = (1, 1, 1)) -> Tensor:
        pad = tuple(n // 2 for n in kernel)
        x = F.conv3d(x, w[f"{name}.conv.weight"], w[f"{name}.conv.bias"], stride, pad)
        mean = x.mean((2, 3, 4), keepdim=True)
        variance = ((x - mean) ** 2).mean((2, 3, 4), keepdim=True)
        gain, offset = (w[f"{name}.norm.{part}"][:, None, None, None] for part in ("weight", "bias"))
        x = (x - mean) / (variance + 1e-5).sqrt() * gain + offset
        return torch.where(x > 0, x, 0.01 * x)

    def up(x: Tensor, name: str, stride: tuple[int, int, int]) -> Tensor:
        return F.conv_transpose3d(x, w[f"{name}.weight"], w[f"{name}.bias"], stride)

    x = noise(PLAIN).double()
    a = block(block(x, "encoder.0.0", (1, 3, 3)), "encoder.0.1", (1, 3, 3))
    b = block(a, "encoder.1.0", (3, 3, 3), (1, 2, 2))
    c = block(block(b, "encoder.2.0", (3, 3, 3), (2, 2, 2)), "encoder.2.1", (3, 3, 3))
    d = torch.cat((up(c, "up.1", (2, 2, 2)), b), 1)
    d = block(block(d, "decoder.1.0", (3, 3, 3)), "decoder.1.1", (3, 3, 3))
    e = block(torch.cat((up(d, "up.0", (1, 2, 2)), a), 1), "decoder.0.0", (1, 3, 3))
    oracle = F.conv3d(e, w["heads.0.weight"], w["heads.0.bias"])
    torch.testing.assert_close(network(x), oracle, rtol=0, atol=1e-12)


@torch.no_grad()
def test_a_residual_block_is_its_two_convolutions_and_its_shortcut() -> None:
    network = made(replace(PLAIN, residual=True)).eval()
    block = network.encoder[1][0]  # strided, and wider than what goes in
    torch.nn.init.normal_(block.second.norm.weight, generator=torch.Generator().manual_seed(2))
    x = noise(PLAIN).repeat(1, 4, 1, 1, 1)
    shortcut = block.skip.norm(block.skip.conv(F.avg_pool3d(x, (1, 2, 2))))
    oracle = F.leaky_relu(block.second.norm(block.second.conv(block.first(x))) + shortcut, 0.01)
    torch.testing.assert_close(block(x), oracle)


@torch.no_grad()
def test_a_residual_block_begins_as_its_shortcut() -> None:
    block = made(replace(PLAIN, residual=True)).encoder[0][1]
    x = noise(PLAIN).repeat(1, 4, 1, 1, 1)
    torch.testing.assert_close(block(x), F.leaky_relu(x, 0.01))


@pytest.mark.parametrize("topology", EVERY)
def test_what_comes_out(topology: Topology) -> None:
    x = noise(topology, 2)
    _, _, k, j, i = x.shape
    network = made(topology, deep_supervision=True)
    grids = []
    for a, b, c in topology.strides[: len(topology.decoder)]:
        k, j, i = k // a, j // b, i // c
        grids.append((2, topology.classes, k, j, i))
    out = network(x)
    assert [tuple(logits.shape) for logits in out] == (grids or [(2, topology.classes, k, j, i)])
    finest = network.eval()(x)
    torch.testing.assert_close(out[0], finest)
    assert finest.shape == (2, topology.classes, *x.shape[2:])
    torch.testing.assert_close(made(topology).train()(x), finest)


@pytest.mark.parametrize("topology", EVERY)
def test_gradients_reach_every_weight(topology: Topology) -> None:
    network = made(topology, deep_supervision=True)
    for name, p in network.named_parameters():
        if name.endswith("second.norm.weight"):
            torch.nn.init.ones_(p)
    sum(logits.square().sum() for logits in network(noise(topology))).backward()
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0 for n, p in network.named_parameters() if "conv.bias" not in n
    )


@pytest.mark.parametrize("topology", EVERY)
@torch.no_grad()
def test_channels_last_changes_rounding_alone(topology: Topology) -> None:
    network = made(topology).eval()
    x = noise(topology, 2)
    ours = network(x)
    last = network.to(memory_format=torch.channels_last_3d)(x.to(memory_format=torch.channels_last_3d))
    torch.testing.assert_close(last, ours, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("topology", EVERY)
@torch.no_grad()
def test_a_patch_does_not_see_its_neighbours_in_the_batch(topology: Topology) -> None:
    """Up to rounding; bit for bit is the Predictor's to see to."""
    network = made(topology).eval()
    x = noise(topology, 3)
    torch.testing.assert_close(network(x)[1:2], network(x[1:2]), rtol=1e-4, atol=1e-5)


def test_the_same_generator_gives_the_same_weights() -> None:
    one, same, other = (made(EVERY[3], seed=seed).state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not all(torch.equal(one[key], other[key]) for key in one)


@settings(max_examples=10)
@given(st.sampled_from([4, 16, 64]), st.sampled_from([(1, 3, 3), (3, 3, 3)]))
def test_weights_are_spread_as_he_says(width: int, kernel: tuple[int, int, int]) -> None:
    stages = (kernel, kernel)
    network = made(Topology(2, (width, width), stages, ((1, 1, 1), (1, 2, 2)), (2, 1), (1,)))
    weight = network.encoder[0][1].conv.weight
    fan_in = width * kernel[0] * kernel[1] * kernel[2]
    assert weight.var().item() == pytest.approx(2 / (1 + 0.01**2) / fan_in, rel=0.5)
    assert network.up[0].weight.var().item() == pytest.approx(2 / (1 + 0.01**2) / width, rel=0.75)


def test_groups_have_eight_channels() -> None:
    norms = [m for m in made(EVERY[4]).modules() if isinstance(m, torch.nn.GroupNorm)]
    assert {(m.num_channels, m.num_groups) for m in norms} == {(4, 1), (8, 1), (16, 2)}


def test_separable_has_fewer_weights() -> None:
    wide = replace(PLAIN, widths=(16, 32, 64))
    dense, lean = (sum(p.numel() for p in made(t).parameters()) for t in (wide, replace(wide, separable=True)))
    assert lean < dense / 4


@pytest.mark.parametrize("residual", [False, True])
def test_the_first_convolution_is_never_separable(residual: bool) -> None:
    """Of one channel a depthwise one would make a single picture."""
    keys = list(made(replace(PLAIN, separable=True, residual=residual)).state_dict())
    assert keys[0] == ("stem.conv.weight" if residual else "encoder.0.0.conv.weight")
    assert any("depthwise" in key for key in keys)


def test_keys_are_stable() -> None:
    """Weights on disk are named by them."""
    keys = set(made(PLAIN).state_dict())
    assert {"encoder.0.0.conv.weight", "encoder.2.1.norm.bias", "up.1.weight", "decoder.0.0.conv.bias"} <= keys
    assert "heads.1.bias" in keys
    keys = set(made(replace(PLAIN, residual=True, separable=True)).state_dict())
    assert {"stem.conv.weight", "encoder.1.0.first.conv.depthwise.weight", "encoder.1.0.skip.conv.weight"} <= keys
    assert {"encoder.0.1.second.conv.pointwise.bias", "encoder.2.0.second.norm.weight"} <= keys
    assert "encoder.0.0.skip.conv.weight" not in keys


@pytest.mark.parametrize("topology", EVERY)
def test_what_loading_takes_is_known_from_the_topology(topology: Topology) -> None:
    """Six times what is stored, of a net wide enough that kernels are nearly all of it."""
    wide = replace(topology, widths=tuple(16 * width for width in topology.widths))
    with torch.device("meta"):
        stored = sum(4 * tensor.numel() for tensor in UNet(wide).state_dict().values())
    assert wide.loading > 5.5 * stored
    if not topology.separable:
        assert wide.loading < 6.5 * stored
