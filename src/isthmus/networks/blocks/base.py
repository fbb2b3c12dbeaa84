"""The parts of a U-Net that the papers change: the block on a level and the skip on a bridge.

A part is a frozen dataclass whose fields are its options. It states how many channels it gives, and builds its module
for 2 or 3 dimensions. ``@register_block("name")`` and ``@register_skip("name")`` make it available to
``UNet(block="name", skip="name")``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import nn

from isthmus.errors import IsthmusError, nearest
from isthmus.plugins import Registry


@dataclass(frozen=True)
class Block:
    """The layers on a level of the encoder or the decoder."""

    def out_channels(self, width: int) -> int:
        """Returns the number of channels that the block gives on a level of this width."""
        return width

    def build(self, dims: int, in_channels: int, width: int) -> nn.Module:
        """Builds the module: ``(N, in_channels, *spatial)`` to ``(N, out_channels(width), *spatial)``."""
        raise NotImplementedError


@dataclass(frozen=True)
class Bridge:
    """A place for a skip.

    Attributes:
        dims: 2 or 3 spatial dimensions.
        in_channels: number of channels that the encoder gives on this level.
        width: width of the level.
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
    """The layers on the bridge from the encoder to the decoder of the same level."""

    def check(self, bridges: Sequence[Bridge]) -> None:
        """Refuses bridges on which the skip cannot stand."""

    def out_channels(self, bridge: Bridge) -> int:
        """Returns the number of channels that arrive at the decoder."""
        return bridge.in_channels

    def build(self, bridge: Bridge) -> nn.Module:
        """Builds the module: ``(N, bridge.in_channels, *spatial)`` to ``(N, out_channels(bridge), *spatial)``."""
        raise NotImplementedError


BLOCKS: Registry[type[Block]] = Registry("block")
SKIPS: Registry[type[Skip]] = Registry("skip")

B = TypeVar("B", bound=Block)
S = TypeVar("S", bound=Skip)
P = TypeVar("P", bound=Block | Skip)


def register_block(name: str) -> Callable[[type[B]], type[B]]:
    """Registers a block for ``block=name``."""

    def register(part: type[B]) -> type[B]:
        BLOCKS.register(name, part)
        return part

    return register


def register_skip(name: str) -> Callable[[type[S]], type[S]]:
    """Registers a skip for ``skip=name``."""

    def register(part: type[S]) -> type[S]:
        SKIPS.register(name, part)
        return part

    return register


def resolve(value: str | Mapping[str, Any] | P, known: Registry[type[P]], options: Mapping[str, Any]) -> P:
    """Makes a part from its name, from a mapping ``{"name": …, option: …}`` or from the part itself.

    Args:
        known: `BLOCKS` or `SKIPS`.
        options: more options by name; None stands for the part's own default.

    Raises:
        IsthmusError: the part or an option is unknown.
    """
    kind = known.kind
    given = {name: option for name, option in options.items() if option is not None}
    if isinstance(value, Mapping):
        given = {**{k: v for k, v in value.items() if k != "name"}, **given}
        value = value.get("name", "")
    if isinstance(value, str):
        return _replace(kind, value, known.find(value)(), given)
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
