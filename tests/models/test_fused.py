"""A U-Net by our kernels, against torch's in float64; to the bit whatever the batch and the threads."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import nn

from pipeline.models.fused import Convolve, Normalise, fused
from pipeline.models.unet import UNet
from tests.models.test_unet import EVERY, PLAIN, made, noise


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def network(topology=PLAIN) -> UNet:  # type: ignore[no-untyped-def]
    """As if it were trained: gains and offsets of norms are not 1 and 0."""
    net, draw = made(topology).eval(), torch.Generator().manual_seed(2)
    for module in net.modules():
        if isinstance(module, nn.InstanceNorm3d | nn.GroupNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5, draw)
            nn.init.uniform_(module.bias, -0.5, 0.5, draw)
    return net.requires_grad_(False)


@pytest.mark.parametrize("topology", EVERY)
@torch.inference_mode()
def test_it_is_the_network(topology) -> None:  # type: ignore[no-untyped-def]
    net, x = network(topology), noise(topology, 2)
    ours = fused(net)(x)
    assert torch.allclose(ours.double(), net.double()(x.double()), rtol=0, atol=2e-5)


@torch.inference_mode()
def test_the_network_that_was_given_is_as_it_was() -> None:
    net, x = network(), noise(PLAIN)
    before, keys = net(x), list(net.state_dict())
    fused(net)
    assert torch.equal(net(x), before)
    assert list(net.state_dict()) == keys


def test_nothing_but_depthwise_stays() -> None:
    for topology in EVERY:
        left = [m for m in fused(network(topology)).modules() if isinstance(m, nn.Conv3d | nn.ConvTranspose3d)]
        assert all(m.groups > 1 for m in left)
    kinds = {type(m) for m in fused(network()).modules()}
    assert {Convolve, Normalise} < kinds


@torch.inference_mode()
def test_a_patch_is_the_same_bits_in_any_batch() -> None:
    net, x = fused(network()), noise(PLAIN, 3)
    whole = net(x)
    for n in range(3):
        assert torch.equal(net(x[n : n + 1])[0], whole[n])
    x[1] = torch.nan
    assert torch.equal(net(x)[[0, 2]], whole[[0, 2]])


@torch.inference_mode()
def test_any_number_of_threads_is_the_same_bits(threads: None) -> None:
    net, x = fused(network(replace(PLAIN, widths=(4, 8, 16), norm="group"))), noise(PLAIN)
    one = net(x)
    for count in (2, 3):
        torch.set_num_threads(count)
        assert torch.equal(net(x), one)
