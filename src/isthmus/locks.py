"""A lock that the system takes back when its process dies, however it dies."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from isthmus.errors import IsthmusError

PATIENCE = 1.0
"""Seconds for which a lock is tried, as a process that calls `is_taken` holds it for a moment."""


class NoLocks(IsthmusError):
    """The file system has no locks, or does not let this process lock."""


@contextmanager
def taken(path: Path, patience: float = PATIENCE) -> Iterator[bool]:
    """Hold the lock of this file while the block runs; False where another process holds it.

    The file stays, as removing it would let two processes hold two files of one name.

    Args:
        patience: seconds for which the lock is tried; negative: until it is free.

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
    """Whether a living process holds the lock; False too where this process may not write the file, so cannot ask.

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
    """The lock, held; None where another holds it."""
    lock = FileLock(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # its other kind of lock would outlive a process that dies
            lock.acquire(timeout=patience, poll_interval=0.02)
    except Timeout:
        return None
    except (OSError, NotImplementedError, UserWarning) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NoLocks(
            f"{path}: cannot be locked ({reason}); choose a folder on a file system that has locks"
        ) from error
    return lock
