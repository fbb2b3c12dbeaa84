"""What the papers change in a U-Net: the block on a level and the skip on a bridge.

A part is a frozen dataclass whose fields are its options. It knows how many channels it gives and builds its
module for 2 or 3 dimensions. ``@register_block("name")`` and ``@register_skip("name")`` make it available to
``UNet(block="name", skip="name")``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import nn

from isthmus.errors import IsthmusError, nearest


@dataclass(frozen=True)
class Block:
    """What stands on a level of the encoder and of the decoder."""

    def out_channels(self, width: int) -> int:
        """Channels the block gives on a level of this width."""
        return width

    def build(self, dims: int, in_channels: int, width: int) -> nn.Module:
        """The module: ``(N, in_channels, *s)`` to ``(N, out_channels(width), *s)``."""
        raise NotImplementedError


@dataclass(frozen=True)
class Bridge:
    """Where a skip stands.

    Attributes:
        dims: 2 or 3 spatial dimensions.
        in_channels: that the encoder gives on this level.
        width: of the level.
        level: 1 at full resolution, 2 at half of it, and so on.
        pools_below: poolings between this level and the bottom, 1 for the deepest.
    """

    dims: int
    in_channels: int
    width: int
    level: int
    pools_below: int


@dataclass(frozen=True)
class Skip:
    """What stands on the bridge from the encoder to the decoder of the same level."""

    def check(self, bridges: Sequence[Bridge]) -> None:
        """Refuse, in one line, bridges on which it cannot stand."""

    def out_channels(self, bridge: Bridge) -> int:
        """Channels that arrive at the decoder."""
        return bridge.in_channels

    def build(self, bridge: Bridge) -> nn.Module:
        """The module: ``(N, bridge.in_channels, *s)`` to ``(N, out_channels(bridge), *s)``."""
        raise NotImplementedError


BLOCKS: dict[str, type[Block]] = {}
SKIPS: dict[str, type[Skip]] = {}

B = TypeVar("B", bound=Block)
S = TypeVar("S", bound=Skip)
P = TypeVar("P", bound=Block | Skip)


def register_block(name: str) -> Callable[[type[B]], type[B]]:
    """Give a block the name by which ``block=`` finds it."""

    def register(part: type[B]) -> type[B]:
        BLOCKS[name] = part
        return part

    return register


def register_skip(name: str) -> Callable[[type[S]], type[S]]:
    """Give a skip the name by which ``skip=`` finds it."""

    def register(part: type[S]) -> type[S]:
        SKIPS[name] = part
        return part

    return register


def resolve(
    kind: str, value: str | Mapping[str, Any] | P, known: Mapping[str, type[P]], options: Mapping[str, Any]
) -> P:
    """A part from its name, a mapping ``{"name": …, option: …}`` or the part itself.

    Args:
        kind: ``"block"`` or ``"skip"``, for messages.
        options: further options by name; those that are None are left at the part's own default.
    """
    given = {name: option for name, option in options.items() if option is not None}
    if isinstance(value, Mapping):
        given = {**{k: v for k, v in value.items() if k != "name"}, **given}
        value = value.get("name", "")
    if isinstance(value, str):
        if value not in known:
            raise IsthmusError(f"unknown {kind} '{value}': {nearest(value, known)}")
        return _replace(kind, value, known[value](), given)
    if not isinstance(value, Block if kind == "block" else Skip):
        raise IsthmusError(
            f"{kind} must be a name or a mapping with a name, found {value!r}: {nearest('', known)}"
        )
    return _replace(kind, type(value).__name__, value, given)


def _replace(kind: str, name: str, part: P, options: Mapping[str, Any]) -> P:
    fields = {f.name for f in dataclasses.fields(part)}
    for option in options:
        if option not in fields:
            known = ", ".join(sorted(fields)) or "none"
            raise IsthmusError(f"the {kind} '{name}' has no option '{option}' (its options: {known})")
    frozen = {
        k: tuple(v) if isinstance(v, Sequence) and not isinstance(v, str) else v for k, v in options.items()
    }
    return dataclasses.replace(part, **frozen) if frozen else part
