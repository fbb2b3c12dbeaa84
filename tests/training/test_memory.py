"""What a run tells the C library: keep freed memory, or give it back where parts are computed again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from isthmus import training
from isthmus.training import run
from isthmus.training.loop import loop


@pytest.mark.parametrize("checkpoint", [False, True])
def test_with_checkpointing_memory_goes_back_before_each_backward_pass(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: bool
) -> None:
    said: list[bool | str] = []
    monkeypatch.setattr(run, "keep_freed_memory", said.append)
    monkeypatch.setattr(loop, "give_back_freed_memory", lambda: said.append("back"))
    options = {"options": {"widths": [4, 8], "checkpoint": checkpoint}}
    training.train(small(network=options, training={"epochs": 1, "samples": 4, "batch": 2}), tmp_path / "run")
    assert said == ([False, "back", "back"] if checkpoint else [True])
