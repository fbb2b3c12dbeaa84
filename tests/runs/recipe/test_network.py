"""The section ``network`` names what `isthmus.networks` has; it is not imported there, as that needs torch."""

from __future__ import annotations

from typing import get_args

from isthmus.networks import DEFAULT_MODEL
from isthmus.networks.initialisation import SCHEMES
from isthmus.runs.recipe import Network, Roi


def test_the_default_network_and_the_initialisations_are_those_of_the_networks() -> None:
    assert Network().model == Roi().model == DEFAULT_MODEL
    (schemes,) = [field.annotation for key, field in Network.model_fields.items() if key == "initialisation"]
    assert set(get_args(schemes)) == set(SCHEMES)
