"""Locks of cells on file systems that have none."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from isthmus import locks
from isthmus.errors import IsthmusError
from isthmus.locks import is_taken, taken


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def acquire(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locks.FileLock, "acquire", acquire)
    (tmp_path / "a").touch()
    with (
        pytest.raises(IsthmusError, match=r"cannot be locked .* a file system that has locks"),
        taken(tmp_path / "a"),
    ):
        pass
    with pytest.raises(IsthmusError, match="cannot be locked"):
        is_taken(tmp_path / "a")
