"""Decoded cases in memory, within a budget that several streams of samples share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """Something that knows its bytes."""

    @property
    def nbytes(self) -> int: ...


T = TypeVar("T", bound=Sized)


class Room:
    """Bytes that may still be taken.

    >>> room = Room(100)
    >>> room.take(70), room.take(70), room.left
    (True, False, 30)
    """

    def __init__(self, size: int) -> None:
        self.left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Whether there was room, which is then taken."""
        with self._lock:
            if size > self.left:
                return False
            self.left -= size
            return True


class Kept(Generic[T]):
    """What was loaded, by name: the first to come stay for good, the others are loaded again each time.

    So a set larger than the budget is read again in part only, whatever the order.

    Args:
        room: the budget of what stays, shared between streams.
        passing: bytes, out of ``room``, for those that found no room to stay: the last used are at hand, which
            serves where a case is asked for several times in a row.
    """

    def __init__(self, load: Callable[[str], T], room: Room, passing: int = 0) -> None:
        self.load = load
        self.room = room
        self._passing_left = passing if room.take(passing) else 0
        self._stay: dict[str, T] = {}
        self._passing: OrderedDict[str, T] = OrderedDict()
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> T:
        """What bears the name, loaded where it is not here; by one thread, while others wait for it."""
        found = self._stay.get(name)
        if found is not None:
            return found
        with self._lock:
            own = self._locks.setdefault(name, threading.Lock())
        with own:
            with self._lock:
                found = self._stay.get(name) or self._passing.get(name)
                if found is not None:
                    if name in self._passing:
                        self._passing.move_to_end(name)
                    return found
            loaded = self.load(name)
            self._keep(name, loaded)
            return loaded

    def _keep(self, name: str, loaded: T) -> None:
        if self.room.take(loaded.nbytes):
            self._stay[name] = loaded
            return
        with self._lock:
            self._passing[name] = loaded
            self._passing_left -= loaded.nbytes
            while self._passing_left < 0 and self._passing:
                self._passing_left += self._passing.popitem(last=False)[1].nbytes
