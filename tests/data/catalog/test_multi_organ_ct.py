"""CT with any set of organs: three layouts."""

from __future__ import annotations

from pathlib import Path

from .layouts import LABELS, VOXELS, put, read, refusal


def test_organs(tmp_path: Path) -> None:
    for case in ("s1", "s2"):
        put(tmp_path / case / "ct.nii.gz", VOXELS)
        put(tmp_path / case / "seg.nii.gz", LABELS * (7 if case == "s1" else 9))
    dataset = read("multi-organ-ct", tmp_path)
    assert dataset.classes == ("background", "organ 7", "organ 9")
    put(tmp_path / "labels.json", '{"background": 0, "bladder": 7, "rectum": 9, "prostate": 12}')
    assert read("multi-organ-ct", tmp_path).classes == ("background", "bladder", "rectum", "prostate")
    single = tmp_path / "total" / "s3"
    put(single / "ct.nii.gz", VOXELS)
    put(single / "segmentations" / "liver.nii.gz", LABELS)
    assert "combine the organs of a case" in refusal("multi-organ-ct", tmp_path / "total")
