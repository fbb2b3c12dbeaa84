"""Only one training at a time uses a run folder."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from isthmus import locks, training
from isthmus.errors import IsthmusError
from isthmus.inference.predictor import Predictor
from isthmus.locks import taken
from isthmus.report import write_page
from isthmus.runs.folder import RunFolder

from .watches import Asking


@pytest.mark.parametrize("do", [training.resume, training.finish])
def test_a_run_that_another_process_trains_is_left_alone(stopped: RunFolder, do: Any) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in stopped.path.iterdir()}
    with taken(stopped.lock) as mine:
        assert mine
        with pytest.raises(IsthmusError, match="is being trained by another process"):
            do(stopped.path)
        assert any("is still being trained" in note for note in Predictor.load(stopped.path).notes)
        assert "is still being trained" in write_page(stopped.path).read_text()
    after = {path.name: path.stat().st_mtime_ns for path in stopped.path.iterdir()}
    assert before.items() <= after.items()
    assert set(after) - set(before) == {".lock", "report.html"}


def test_training_into_a_folder_that_another_began_writes_nothing(small: Any, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with taken(folder.lock):
        with pytest.raises(IsthmusError, match="is being trained by another process"):
            training.train(small(), folder.path)
        assert [path.name for path in folder.path.iterdir()] == [".lock"]
    training.train(small(training={"epochs": 1}), folder.path)  # what is left of a lock is no run
    assert not folder.lock.exists()


def test_where_there_are_no_locks_it_trains_and_says_so(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def acquire(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locks.FileLock, "acquire", acquire)
    watch = Asking()
    assert training.train(small(training={"epochs": 1}), tmp_path / "run", watch=watch).finished()
    assert any("would not notice each other" in line for line in watch.lines)
