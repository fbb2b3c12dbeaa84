"""Keeps decoded cases in memory, within a budget that several streams of samples share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """Anything that knows its size in bytes."""

    @property
    def nbytes(self) -> int: ...


T = TypeVar("T", bound=Sized)


class ByteBudget:
    """Bytes of memory that may still be taken; safe to share between threads.

    >>> budget = ByteBudget(100)
    >>> budget.take(70), budget.take(70), budget.left
    (True, False, 30)
    """

    def __init__(self, size: int) -> None:
        self.left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Takes `size` bytes if that many are left, and returns whether it did."""
        with self._lock:
            if size > self.left:
                return False
            self.left -= size
            return True


class Cache(Generic[T]):
    """Loads items by name, and keeps those that fit into the budget.

    The first items to be loaded stay for good; the others are loaded again each time. A data set larger than the
    budget is therefore read again only in part, whatever the order of access.

    Args:
        load: reads the item of a name.
        budget: bytes for what stays, shared between streams.
        recent: bytes, taken from `budget`, for the most recently used of the items that found no place to stay. They
            help if an item is requested several times in a row.
    """

    def __init__(self, load: Callable[[str], T], budget: ByteBudget, recent: int = 0) -> None:
        self.load = load
        self.budget = budget
        self._recent_left = recent if budget.take(recent) else 0
        self._lasting: dict[str, T] = {}
        self._recent: OrderedDict[str, T] = OrderedDict()
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> T:
        """Returns the item of this name; if it must be loaded, one thread loads it while others wait."""
        found = self._lasting.get(name)
        if found is not None:
            return found
        with self._lock:
            lock_of_name = self._locks.setdefault(name, threading.Lock())
        with lock_of_name:
            with self._lock:
                found = self._lasting.get(name) or self._recent.get(name)
                if found is not None:
                    if name in self._recent:
                        self._recent.move_to_end(name)
                    return found
            loaded = self.load(name)
            self._keep(name, loaded)
            return loaded

    def _keep(self, name: str, loaded: T) -> None:
        if self.budget.take(loaded.nbytes):
            self._lasting[name] = loaded
            return
        with self._lock:
            self._recent[name] = loaded
            self._recent_left -= loaded.nbytes
            while self._recent_left < 0 and self._recent:
                self._recent_left += self._recent.popitem(last=False)[1].nbytes
