"""A checkpoint is replaced as a whole."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from isthmus import training
from isthmus.errors import IsthmusError
from isthmus.training.loop import checkpoint


def test_a_full_disk_while_training_is_one_line_and_the_run_can_go_on(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(state: Any, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoint.torch, "save", full)
    with pytest.raises(IsthmusError, match="No space left"):
        training.train(small(), tmp_path / "run")
    monkeypatch.undo()
    assert not list((tmp_path / "run").glob(".*"))
    assert training.resume(tmp_path / "run").finished()
