"""What a training leaves behind about its cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isthmus import training
from isthmus.metrics.table import columns


def test_the_columns_of_cases_are_in_the_order_of_the_table(small: Any, tmp_path: Path) -> None:
    run = training.train(small(training={"epochs": 1}), tmp_path / "run")
    header = run.cases.read_text(encoding="utf-8").splitlines()[0]
    assert header.split(",") == list(columns(probabilities=True))
