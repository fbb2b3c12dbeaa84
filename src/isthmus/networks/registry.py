"""Networks by name, with their cards.

The file of a paper registers its networks with `register_model`: a name, a class, a `Card`, and the arguments that make
the class this network. `create_model` adds the user's own arguments.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import nn

from isthmus.errors import IsthmusError, nearest
from isthmus.networks.kernels.bfloat16.layers import check_convolutions
from isthmus.plugins import Registry

Counted = tuple[int, str] | tuple[int, str, int]


@dataclass(frozen=True)
class Card:
    """What is known about a network before it is built; `isthmus.networks.describe` adds what can be computed.

    Attributes:
        paper: the paper that proposes the network or compares with it.
        source: section, table or figure of that paper.
        note: one sentence on what this build follows.
        parameters: the number of parameters that the paper prints for the 2D form; None if it prints none.
        counted: how the paper counts: input channels, ``"trainable"`` or ``"keras"`` (trainable ones, and the moving
            means and variances of batch normalisation), and the classes if they are not the default.
        parameters_3d, counted_3d: the same for the 3D form.
        difference: why our count differs from the paper's, if it does.
        decisions: what the paper leaves open, and what is done here, one text each.
        cannot: the reason why the network cannot do something, by name: ``"compile"``, ``"export"``, ``"onnx"``. A
            test checks that it really cannot.
        version: is raised when other layers are built than before. Runs keep the version that they were made with.
    """

    paper: str
    source: str
    note: str = ""
    parameters: float | None = None
    counted: Counted | None = None
    parameters_3d: float | None = None
    counted_3d: Counted | None = None
    difference: str = ""
    decisions: tuple[str, ...] = ()
    cannot: Mapping[str, str] = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True)
class Entry:
    """A registered network."""

    name: str
    make: Callable[..., nn.Module]
    defaults: dict[str, Any]
    card: Card
    tiny: Mapping[str, Any] | None = None
    earlier: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    def defaults_of(self, version: int | None) -> dict[str, Any]:
        """Returns the options that make a version of the network; None: the newest.

        Raises:
            IsthmusError: there is no such version.
        """
        if version in (None, self.card.version):
            return self.defaults
        if version not in self.earlier:
            known = ", ".join(map(str, (*sorted(self.earlier), self.card.version)))
            raise IsthmusError(f"the network '{self.name}' has no version {version}; there is {known}")
        return {**self.defaults, **self.earlier[version]}

    @property
    def is_built_in(self) -> bool:
        """Whether this package brings it, rather than a plug-in."""
        return self.make.__module__.startswith(f"{__package__}.")


DEFAULT_MODEL = "unet_instance"
_ENTRIES: Registry[Entry] = Registry("model")


def register_model(
    name: str,
    make: Callable[..., nn.Module],
    card: Card,
    *,
    tiny: Mapping[str, Any] | None = None,
    earlier: Mapping[int, Mapping[str, Any]] | None = None,
    **defaults: Any,
) -> None:
    """Registers the network ``make(**defaults, **user_options)`` under a name.

    Args:
        name: a name that is not taken.
        make: a class or function whose arguments are the options of the network.
        card: what the paper says, and what this build decides.
        tiny: options that make a variant with a few thousand weights, for tests; by default what `tiny_options` finds
            in the signature.
        earlier: for each version before that of the card, the options in which it differs from ``defaults``.
        defaults: options that make the class this network.

    Raises:
        ValueError: the name is taken.
    """
    _ENTRIES.register(name, Entry(name, make, defaults, card, tiny, earlier or {}))


def list_models() -> list[str]:
    """Returns the names that `create_model` knows, in the order of their papers.

    >>> "mildnet" in list_models()
    True
    """
    return list(_ENTRIES)


def entry(name: str) -> Entry:
    """Returns the registered network of this name.

    Raises:
        IsthmusError: there is no such network; the message names the nearest.
    """
    return _ENTRIES.find(name)


def model_card(name: str) -> Card:
    """Returns paper, source, published count and decisions of a network.

    >>> model_card("multiresunet").parameters
    7262750
    """
    return entry(name).card


def create_model(name: str = DEFAULT_MODEL, *, version: int | None = None, **options: Any) -> nn.Module:
    """Makes a network with random weights.

    Args:
        name: one of `list_models`.
        version: that of the network's card, for which a number before the current one builds what earlier runs had;
            None: the current one.
        options: constructor arguments, in the field's words: ``spatial_dims`` (2 or 3), ``in_channels``,
            ``classes`` (1: sigmoid; K: softmax with background), ``widths``, ``depth``, ``block``, ``skip``,
            ``norm``, ``activation``, ``levels``, ``dilations``, …

    Returns:
        A module from ``(N, in_channels, *spatial)`` to raw logits ``(N, classes, *spatial)``, float32.

    Raises:
        IsthmusError: a name, version or option is unknown (the nearest valid one is named), an option is out of range,
            or a plug-in's network cannot be built.

    >>> network = create_model("mildnet", in_channels=3, widths=(4, 8))
    >>> import torch
    >>> network(torch.zeros(2, 3, 8, 8)).shape
    torch.Size([2, 1, 8, 8])
    """
    found = entry(name)
    check_options(name, options)
    given = {**found.defaults_of(version), **options}
    try:
        network = found.make(**given)
    except IsthmusError:
        raise
    except Exception as error:
        if "Overflow" in str(error) or isinstance(error, OverflowError):
            raise IsthmusError(
                f"{name} cannot be built with {options!r:.100}: a size is too large"
            ) from error
        if found.is_built_in:
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise _faulty(found, f"cannot be built ({reason:.300})") from error
    missing = [name for name in ("spatial_dims", "in_channels", "classes") if not hasattr(network, name)]
    if missing:
        raise _faulty(found, f"lacks {', '.join(missing)}, which isthmus.networks.base.Network stores")
    return check_convolutions(network)


def _faulty(found: Entry, fault: str) -> IsthmusError:
    return IsthmusError(
        f"the network '{found.name}' of {found.make.__module__} {fault}; correct or remove it"
    )


def check_options(name: str, options: Iterable[str]) -> None:
    """Refuses an option that a network does not have.

    Raises:
        IsthmusError: the name or an option is unknown; the nearest valid one is named.
    """
    valid = inspect.signature(entry(name).make).parameters
    for option in options:
        if option not in valid:
            raise IsthmusError(f"the network '{name}' has no option '{option}': {nearest(option, valid)}")


@cache
def dimensions(name: str) -> tuple[int, ...]:
    """Returns the numbers of spatial dimensions that a network exists in, its default first.

    Raises:
        IsthmusError: it can be built in none.

    >>> dimensions("unet")
    (2, 3)
    """
    found = entry(name)
    own = _default(found, "spatial_dims")
    order = (own, *(dims for dims in (2, 3) if dims != own))
    if hasattr(found.make, "only"):  # a `Network` declares them
        return tuple(dims for dims in order if dims in found.make.only)
    can = []
    for dims in order:
        try:
            with torch.device("meta"):
                create_model(name, spatial_dims=dims)
        except IsthmusError as error:
            reason = error
            continue
        can.append(dims)
    if not can:
        raise reason
    return tuple(can)


def _default(found: Entry, option: str) -> Any:
    """Returns the default of an option of a network, or None if it has no such option."""
    own = inspect.signature(found.make).parameters.get(option)
    return found.defaults.get(option, own.default if own else None)


_SMALL = 4  # channels in place of hundreds


def tiny_options(name: str) -> dict[str, Any]:
    """Returns options that make a network with as few weights as its layout allows, for tests.

    They are those it was registered with, or else a few channels on every level (``widths``) and everywhere else
    (``width``, ``base``, ``growth``).

    >>> tiny_options("mildnet")
    {'widths': (4, 5, 6)}
    """
    found = entry(name)
    if found.tiny is not None:
        return dict(found.tiny)
    options = inspect.signature(found.make).parameters
    tiny: dict[str, Any] = dict.fromkeys((o for o in options if o in ("width", "base", "growth")), _SMALL)
    if "widths" not in options:
        return tiny
    own = _default(found, "widths")
    for levels in (3, 4, 5, 2) if own is None else (len(own),):
        tiny["widths"] = tuple(_SMALL + level for level in range(levels))
        if _default(found, "up_widths") is not None:
            tiny["up_widths"] = tiny["widths"][-2::-1]
        try:
            with torch.device("meta"):
                create_model(name, **tiny)
        except IsthmusError:
            continue
        return tiny
    raise ValueError(f"no small widths fit '{name}'; register it with tiny={{…}}")
