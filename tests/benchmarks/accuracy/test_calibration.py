"""Epochs of equal time follow from the committed ratios."""

from __future__ import annotations

import pytest
from benchmarks.frame.benchmark import Settings
from benchmarks.frame.command import run

from benchmarks.accuracy import calibration


def test_it_runs_at_toy_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "keep_freed_memory", lambda: None)
    monkeypatch.setitem(calibration.NETWORKS, "U-Net", {"name": "unet", "widths": [2, 4]})
    monkeypatch.setitem(calibration.NETWORKS, "narrow", {"name": "unet_instance", "widths": [2, 4]})
    (row,) = run("accuracy.calibration", Settings(toy=True), only="narrow")
    assert row["values"]["isthmus"] > 0


def test_epochs_of_equal_time() -> None:
    assert calibration.epochs("U-Net") == 30
    assert calibration.epochs("shallow") == 39  # whose step takes 0.777 times the U-Net's
    assert calibration.epochs("shallow", 20) == 26
