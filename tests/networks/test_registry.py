"""A plug-in's network that does not work is one line, which names it."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from isthmus.errors import IsthmusError
from isthmus.networks import Card, create_model, register_model, registry


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


def test_what_goes_wrong_in_a_network_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry._ENTRIES, "_things", {})
    monkeypatch.setattr(WithoutWeights, "__module__", "isthmus.networks.models.theirs")
    register_model("ours", WithoutWeights, Card(paper="none", source="none"))
    with pytest.raises(KeyError):
        create_model("ours")
