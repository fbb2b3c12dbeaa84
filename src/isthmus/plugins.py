"""Registries of networks, losses, metrics, data sets and file formats by name, and the packages that add to them.

A package adds its own without a fork of this one. It names, under the entry points ``isthmus.plugins``, modules
that register what they bring when they are imported, or functions without arguments that do so:

    [project.entry-points."isthmus.plugins"]
    my-lab = "my_lab.segmentation"

Plug-ins are loaded once, and not before a name is looked up that is not built in, or all names are listed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, ValuesView
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from isthmus.errors import IsthmusError, nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "isthmus.plugins"
T = TypeVar("T")

_lock = threading.RLock()  # re-entrant, as a plug-in may look names up while it is loaded
_failures: list[str] | None = None  # None: nothing is loaded yet


class Registry(Mapping[str, T]):
    """A mapping from names to what is registered under them, in order: what is built in, then what plug-ins add.

    Args:
        kind: name of the things in messages.

    >>> sizes = Registry[int]("size")
    >>> sizes.register("small", 1)
    >>> sizes["small"], list(sizes)
    (1, ['small'])
    >>> sizes.find("smal")
    Traceback (most recent call last):
    ...
    isthmus.errors.IsthmusError: unknown size 'smal': did you mean 'small'? (valid: small)
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._things: dict[str, T] = {}

    def register(self, name: str, thing: T) -> None:
        """Adds a thing under a name.

        Raises:
            ValueError: the name is taken, or is not text.
        """
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"the name of a {self.kind} is {name!r}; give a text")
        if name in self._things:
            raise ValueError(f"a {self.kind} named {name!r} is registered already")
        self._things[name] = thing

    def find(self, name: str, where: str = "") -> T:
        """Returns the thing of a name; `where` stands before the message.

        Raises:
            IsthmusError: there is none; the message names the nearest, and plug-ins that failed.
        """
        if name in self:
            return self._things[name]
        prefix = f"{where}: " if where else ""
        failed = "".join(f"; {failure}" for failure in load())
        raise IsthmusError(f"{prefix}unknown {self.kind} '{name}': {nearest(name, self._things)}{failed}")

    def __getitem__(self, name: str) -> T:
        if name not in self._things:
            load()
        return self._things[name]

    def __contains__(self, name: object) -> bool:
        if name not in self._things:
            load()
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        load()
        return iter(list(self._things))

    def __len__(self) -> int:
        load()
        return len(self._things)

    def values(self) -> ValuesView[T]:
        load()
        return self._things.values()


def deferred(where: str) -> Callable[..., Any]:
    """Returns a function, given as ``module:function``, that is imported when it is called first."""
    module, _, name = where.partition(":")

    def call(*arguments: Any) -> Any:
        return getattr(import_module(module), name)(*arguments)

    return call


def load() -> list[str]:
    """Loads all plug-ins at the first call; returns a line for each that failed.

    A plug-in that fails does not stop the program: it is named once, in one line, by the logger of this module.
    """
    global _failures
    from importlib.metadata import entry_points

    with _lock:
        if _failures is None:
            _failures = []
            for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
                if failure := _load(point):
                    _failures.append(failure)
                    logging.getLogger(__name__).warning("%s", failure)
        return _failures


def packages() -> dict[str, str]:
    """Returns the packages that have plug-ins, with their versions."""
    from importlib.metadata import entry_points

    return {point.dist.name: point.dist.version for point in entry_points(group=GROUP) if point.dist}


def _load(point: EntryPoint) -> str | None:
    """Imports or calls what an entry point names; returns what went wrong, in one line."""
    try:
        found = point.load()
        if callable(found):
            found()
    except (Exception, SystemExit) as error:
        package = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return f"the plug-in '{point.name}'{package} cannot be loaded ({reason:.300}); fix or remove it"
    return None
