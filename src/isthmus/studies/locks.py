"""A lock of a cell, that the system takes back when its process dies, however it dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from isthmus.errors import IsthmusError


@contextmanager
def taken(path: Path) -> Iterator[bool]:
    """Hold the lock of this file while the block runs; False where another process holds it.

    The file stays, as removing it would let two processes hold two files of one name.

    Raises:
        IsthmusError: the file system has no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        yield _locked(path, file, fcntl.LOCK_EX)


def is_taken(path: Path) -> bool:
    """Whether a living process holds the lock.

    Raises:
        IsthmusError: the file system has no locks.
    """
    try:
        with path.open() as file:
            return not _locked(path, file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def _locked(path: Path, file: IO[str], how: int) -> bool:
    """Lock until the file is closed, if nobody else has it."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise IsthmusError(
            f"{path}: cannot be locked ({error.strerror}); put the study on a file system that has locks"
        ) from error
    return True
