"""A plug-in's network that does not work is one line, which names it."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor, nn

from isthmus.errors import IsthmusError
from isthmus.networks import Card, create_model, register_model, registry
from isthmus.networks.base import Network
from isthmus.networks.description.measure import training_heads


class WithoutWeights(nn.Module):
    def __init__(self, spatial_dims: int = 2) -> None:
        raise KeyError("weights of\nthe laboratory")


class Bare(nn.Module):
    spatial_dims = 2

    def __init__(self, spatial_dims: int = 2) -> None:
        super().__init__()


@pytest.mark.parametrize(
    ("network", "fault"),
    [
        (WithoutWeights, r"cannot be built (KeyError: 'weights of\nthe laboratory')"),
        (Bare, "lacks in_channels, classes, which isthmus.networks.base.Network stores"),
    ],
)
def test_a_network_of_a_plug_in_that_cannot_be_used_is_one_line(
    monkeypatch: pytest.MonkeyPatch, network: Any, fault: str
) -> None:
    monkeypatch.setattr(registry._ENTRIES, "_things", {})
    register_model("theirs", network, Card(paper="none", source="none"))
    with pytest.raises(IsthmusError) as caught:
        create_model("theirs")
    with pytest.raises(IsthmusError, match="'theirs'"):
        registry.dimensions("theirs")
    assert str(caught.value) == f"the network 'theirs' of {__name__} {fault}; correct or remove it"


class Narrow(Network):
    """Its convolution is not padded."""

    def __init__(self, *, spatial_dims: int = 2, in_channels: int = 1, classes: int = 1) -> None:
        super().__init__(spatial_dims, in_channels, classes)
        self.body = nn.Conv2d(in_channels, classes, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def test_logits_of_another_size_are_refused_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry._ENTRIES, "_things", {})
    register_model("narrow", Narrow, Card(paper="none", source="none"))
    with pytest.raises(IsthmusError, match="turns images of 256 x 256 into logits of 254 x 254; correct it"):
        training_heads("narrow")


def test_what_goes_wrong_in_a_network_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry._ENTRIES, "_things", {})
    monkeypatch.setattr(WithoutWeights, "__module__", "isthmus.networks.models.theirs")
    register_model("ours", WithoutWeights, Card(paper="none", source="none"))
    with pytest.raises(KeyError):
        create_model("ours")
