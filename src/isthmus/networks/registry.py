"""Networks by name: what each is, how to make it, and its card.

A network is registered by the file of its paper with `register_model`: a name, the class, a `Card` and the
arguments that make the class this network. `create_model` adds the user's own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from isthmus.errors import IsthmusError, nearest


@dataclass(frozen=True)
class Card:
    """What is known of a network before it is built.

    ``counted`` tells how the paper counted ``parameters``: the number of input channels, and ``"trainable"`` or
    ``"keras"`` (trainable plus the moving means and variances of batch normalisation).
    """

    paper: str
    source: str
    note: str = ""
    parameters: float | None = None
    counted: tuple[int, str] | None = None
    parameters_3d: float | None = None
    counted_3d: tuple[int, str] | None = None


@dataclass(frozen=True)
class Entry:
    """A registered network."""

    name: str
    make: Callable[..., nn.Module]
    defaults: dict[str, Any]
    card: Card


DEFAULT_MODEL = "unet_instance"
_ENTRIES: dict[str, Entry] = {}


def register_model(name: str, make: Callable[..., nn.Module], card: Card, **defaults: Any) -> None:
    """Register ``make(**defaults, **user_options)`` under a name."""
    if name in _ENTRIES:
        raise ValueError(f"a network named {name!r} is registered already")
    _ENTRIES[name] = Entry(name, make, defaults, card)


def list_models() -> list[str]:
    """The names that `create_model` knows, in the order of their papers.

    >>> "mildnet" in list_models()
    True
    """
    return list(_ENTRIES)


def entry(name: str) -> Entry:
    """The registered network of this name.

    Raises:
        IsthmusError: no such network; the message names the nearest.
    """
    if name not in _ENTRIES:
        raise IsthmusError(f"unknown model '{name}': {nearest(name, _ENTRIES)}")
    return _ENTRIES[name]


def model_card(name: str) -> Card:
    """Paper, source, published count and decisions of a network.

    >>> model_card("multiresunet").parameters
    7262750
    """
    return entry(name).card


def create_model(name: str = DEFAULT_MODEL, **options: Any) -> nn.Module:
    """Make a network with random weights.

    Args:
        name: one of `list_models`.
        options: constructor arguments, in the field's words: ``spatial_dims`` (2 or 3), ``in_channels``,
            ``classes`` (1: sigmoid; K: softmax with background), ``widths``, ``depth``, ``block``, ``skip``,
            ``norm``, ``activation``, ``levels``, ``dilations``, …

    Returns:
        A module from ``(N, in_channels, *spatial)`` to raw logits ``(N, classes, *spatial)``, float.

    Raises:
        IsthmusError: an unknown name or option (the nearest valid one is named), or one out of range.

    >>> network = create_model("mildnet", in_channels=3, widths=(4, 8))
    >>> import torch
    >>> network(torch.zeros(2, 3, 8, 8)).shape
    torch.Size([2, 1, 8, 8])
    """
    found = entry(name)
    valid = inspect.signature(found.make).parameters
    for option in options:
        if option not in valid:
            raise IsthmusError(f"the network '{name}' has no option '{option}': {nearest(option, valid)}")
    return found.make(**{**found.defaults, **options})
