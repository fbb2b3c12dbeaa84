"""ISIC-2018: pairs, and folders that contain themselves."""

from __future__ import annotations

import shutil
from pathlib import Path

from .layouts import MASK, isic, put, read, refusal


def test_isic_pairs_that_do_not_fit(tmp_path: Path) -> None:
    isic(tmp_path)
    (tmp_path / "ISIC2018_Task1_Training_GroundTruth" / "ISIC_0000001_segmentation.png").unlink()
    assert "ISIC_0000001.jpg: an image without a mask" in refusal("isic-2018", tmp_path)
    put(tmp_path / "ISIC2018_Task1_Training_GroundTruth" / "ISIC_0000009_segmentation.png", MASK)
    assert "2 problems" in refusal("isic-2018", tmp_path)


def test_isic_folders_that_hold_themselves(tmp_path: Path) -> None:
    isic(tmp_path / "x")
    for name in ("ISIC2018_Task1-2_Training_Input", "ISIC2018_Task1_Training_GroundTruth"):
        (tmp_path / name).mkdir()
        shutil.move(tmp_path / "x" / name, tmp_path / name / name)
    assert len(read("isic-2018", tmp_path).cases) == 3
