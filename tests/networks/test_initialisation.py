"""Initial weights: one seed, the stated variance, and no effect on other random numbers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from isthmus.errors import IsthmusError
from isthmus.networks import create_model, initialise


@pytest.mark.parametrize("scheme", ["xavier", "glorot", "default"])
def test_a_seed_fixes_every_weight(scheme):
    one, two, other = (
        initialise(create_model("mildnet", widths=(4, 8)), scheme, seed=seed) for seed in (1, 1, 2)
    )
    torch.testing.assert_close(one.state_dict(), two.state_dict(), rtol=0, atol=0)
    assert not torch.equal(one.head.weight, other.head.weight)


def test_the_state_of_the_random_generator_stays():
    network = create_model("unet", widths=(2, 4))
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    initialise(network, seed=9)
    torch.testing.assert_close(torch.rand(4), expected, rtol=0, atol=0)


def test_what_was_there_before_plays_no_part():
    fresh, used = (create_model("multiresunet", widths=(6, 12)) for _ in range(2))
    with torch.no_grad():
        for tensor in (*used.parameters(), *used.buffers()):
            if tensor.is_floating_point() and tensor.ndim:
                tensor.fill_(7)
        for name, buffer in used.named_buffers():
            if name.endswith("norm.weight") or ".1.weight" in name:
                buffer.fill_(1)  # the scale that is not learned
    initialise(fresh, seed=1)
    initialise(used, seed=1)
    torch.testing.assert_close(fresh.state_dict(), used.state_dict(), rtol=0, atol=0)


def test_xavier_has_the_variance_of_glorot_and_bengio():
    layer = initialise(nn.Conv2d(64, 32, 3), "xavier", seed=0)
    assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / (9 * 64 + 9 * 32)), rel=0.03)
    assert not layer.bias.any()


PLAIN, TRANSPOSED = (nn.Conv2d, nn.Conv3d), (nn.ConvTranspose2d, nn.ConvTranspose3d)


@pytest.mark.parametrize(
    ("name", "options"),
    [("multiresunet", {}), ("multiresunet", {"spatial_dims": 3}), ("sharp_unet", {}), ("unet", {})],
)
def test_glorot_draws_every_layer_as_keras_does(name, options):
    """Keras: uniform within sqrt(6 / (fan_in + fan_out)), fans being channels times pixels of the kernel; no bias."""
    network = initialise(create_model(name, widths=(12, 24, 48), **options), "glorot", seed=3)
    seen = set()
    for module in network.modules():
        if not isinstance(module, (*PLAIN, *TRANSPOSED)):
            continue
        seen.add(isinstance(module, TRANSPOSED))
        weight = module.weight.detach()
        limit = math.sqrt(6 / (math.prod(module.kernel_size) * (module.in_channels + module.out_channels)))
        assert float(weight.abs().max()) <= limit
        if weight.numel() > 400:
            assert float(weight.std()) == pytest.approx(limit / math.sqrt(3), rel=0.1)
            assert float(weight.abs().max()) > 0.95 * limit
            assert abs(float(weight.mean())) < 5 * limit / math.sqrt(3 * weight.numel())
        assert module.bias is None or not module.bias.any()
    assert seen == {True, False}


def test_glorot_gives_the_deepest_transposed_convolution_the_stated_deviation():
    weight = initialise(create_model("sharp_unet"), "glorot", seed=0).ups[0].weight
    assert weight.shape == (512, 256, 2, 2)
    assert float(weight.detach().std()) == pytest.approx(0.0255, rel=0.01)  # sqrt(2 / (4 * (512 + 256)))


def test_default_is_the_frameworks_own():
    torch.manual_seed(5)
    expected = nn.Conv2d(3, 4, 3)
    found = initialise(nn.Conv2d(3, 4, 3), "default", seed=5)
    torch.testing.assert_close(found.state_dict(), expected.state_dict(), rtol=0, atol=0)


def test_an_unknown_scheme_gets_the_nearest_name():
    with pytest.raises(IsthmusError, match="did you mean 'xavier'"):
        initialise(nn.Conv2d(1, 1, 1), "xavir", seed=0)
