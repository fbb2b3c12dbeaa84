"""Additional heads on any network: further maps of its last layer, under their names."""

from __future__ import annotations

import pytest
import torch

from isthmus.errors import IsthmusError
from isthmus.networks import create_model
from isthmus.networks.blocks.heads import Heads, build
from isthmus.networks.description.measure import training_heads


def test_heads_are_the_last_maps_of_the_network() -> None:
    torch.manual_seed(0)
    network = Heads("unet", ["contour", "marker"], classes=2, widths=[4, 8]).eval()
    x = torch.randn(1, 1, 8, 8)
    maps = network(x)
    whole = network.network(x)
    assert whole.shape[1] == 4
    torch.testing.assert_close(torch.cat([maps["logits"], maps["contour"], maps["marker"]], 1), whole)
    assert network.divisor == create_model("unet", widths=[4, 8]).divisor


def test_auxiliary_heads_keep_the_maps_of_the_logits() -> None:
    network = Heads("unetpp", ["contour"], classes=3, widths=[4, 8, 16], deep_supervision=True).train()
    maps = network(torch.randn(2, 1, 16, 16))
    assert {name: values.shape[1] for name, values in maps.items()} == {
        "logits": 3,
        "auxiliary_1": 3,
        "contour": 1,
    }


def test_volumes() -> None:
    maps = Heads("unet", ["contour"], classes=1, widths=[2, 4], spatial_dims=3)(torch.zeros(1, 1, 4, 4, 4))
    assert {name: tuple(values.shape) for name, values in maps.items()} == {
        "logits": (1, 1, 4, 4, 4),
        "contour": (1, 1, 4, 4, 4),
    }


def test_without_heads_it_is_the_network_itself() -> None:
    assert type(build("unet", widths=[2, 4])) is type(create_model("unet", widths=[2, 4]))
    with pytest.raises(IsthmusError, match="did you mean 'unet'"):
        build("unett", ["contour"])


def test_heads_of_training_are_known_without_computing() -> None:
    assert training_heads("unet") == ("logits",)
    assert training_heads("hmedn", classes=4) == ("logits", "contour", "auxiliary")
    assert set(training_heads("nuclei_resnet34")) == {"logits", "contour", "marker"}
    assert "contour_auxiliary_8" in training_heads("dcan")
    assert training_heads("hmedn3d_l2", spatial_dims=3)[0] == "logits"
