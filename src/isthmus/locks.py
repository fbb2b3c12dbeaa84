"""Locks that the system releases when their process dies for any reason."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from isthmus.errors import IsthmusError

PATIENCE = 1.0
"""Seconds during which a lock is tried, because `is_taken` in another process holds it for a moment."""


class NoLocks(IsthmusError):
    """The file system has no locks, or does not allow this process to lock."""


@contextmanager
def taken(path: Path, patience: float = PATIENCE) -> Iterator[bool]:
    """Holds the lock of this file while the block runs; yields False if another process holds it.

    The file stays: if it were removed, two processes could hold two files of the same name.

    Args:
        patience: seconds during which the lock is tried; negative: until it is free.

    Raises:
        NoLocks: the file cannot be locked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = _acquired(path, patience)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            lock.release()


def is_taken(path: Path) -> bool:
    """Returns whether a running process holds the lock; False also if this process may not write the file.

    Raises:
        NoLocks: the file system has no locks.
    """
    if not path.is_file():
        return False
    try:
        lock = _acquired(path, 0.0)
    except NoLocks as error:
        if isinstance(error.__cause__, PermissionError):
            return False
        raise
    if lock is None:
        return True
    lock.release()
    return False


def _acquired(path: Path, patience: float) -> FileLock | None:
    """Returns the acquired lock; None if another process holds it."""
    lock = FileLock(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # its fallback lock would outlive a process that dies
            lock.acquire(timeout=patience, poll_interval=0.02)
    except Timeout:
        return None
    except (OSError, NotImplementedError, UserWarning) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NoLocks(
            f"{path}: cannot be locked ({reason}); choose a folder on a file system that has locks"
        ) from error
    return lock
