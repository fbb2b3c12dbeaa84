"""The choices that the recipe names are those of the rooms that offer them.

Most of these rooms lie above the recipe, and `isthmus.networks` needs torch, so the recipe cannot import them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, get_args

import pytest

from isthmus.data.augment.pipeline import AUGMENTATIONS
from isthmus.data.masks.values import Rule
from isthmus.data.sampling.intensity import NORMALIZATIONS
from isthmus.data.splits.protocols import PROTOCOLS
from isthmus.networks import DEFAULT_MODEL
from isthmus.networks.initialisation import SCHEMES
from isthmus.runs.recipe import Data, Input, Network, Protocol, Roi, Section, Training


def choices(annotation: Any) -> set[str]:
    """The values of a Literal, also of one inside a union."""
    parts = get_args(annotation)
    return {part for part in parts if isinstance(part, str)} or set().union(*map(choices, parts))


@pytest.mark.parametrize(
    ("section", "key", "offered"),
    [
        (Data, "value_rule", get_args(Rule)),
        (Input, "normalise", (*NORMALIZATIONS, "auto", "dataset")),
        (Network, "initialisation", SCHEMES),
        (Protocol, "kind", PROTOCOLS),
        (Training, "augment", AUGMENTATIONS),
    ],
)
def test_a_key_offers_what_there_is(section: type[Section], key: str, offered: Collection[str]) -> None:
    assert choices(section.model_fields[key].annotation) == set(offered)


def test_the_default_network_is_that_of_the_networks() -> None:
    assert Network().model == Roi().model == DEFAULT_MODEL
