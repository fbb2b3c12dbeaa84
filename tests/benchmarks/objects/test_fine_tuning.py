"""The few images, those that are scored and those of the start share none; the table's numbers by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks.objects import fine_tuning
from isthmus.runs.files import read_csv


def exported(folder: Path) -> Path:
    """Writes 16 purple and 3 grey pictures of one pixel to two parts, and returns the folder."""
    for part in ("train", "test"):
        rows = []
        for i in range(8 if part == "test" else 11):
            name, kind = f"{part}{i}", "grey_dark" if i >= 8 else fine_tuning.UNSEEN
            row = {"group": name, "kind": kind, "image": f"images/{name}.png", "mask": f"masks/{name}.png"}
            for key in ("image", "mask"):
                (folder / part / row[key]).parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / part / row[key]), np.full((1, 1), i, np.uint8))
            rows.append(row)
        fine_tuning.write(folder / part / "cases.csv", rows, "image", "mask", "group")
        fine_tuning.write(folder / part / "kinds.csv", rows, "group", "kind")
    return folder


def names(folder: Path, part: str) -> list[str]:
    """Returns the groups of a part, whose files must be there."""
    lines = [row for _, row in read_csv(folder / part / "cases.csv", ["image", "mask", "group"]).lines]
    assert all((folder / part / row[key]).is_file() for row in lines for key in ("image", "mask"))
    return [row["group"] for row in lines]


def test_no_image_that_trains_is_scored_and_more_images_hold_the_fewer(tmp_path: Path) -> None:
    data = exported(tmp_path / "data")
    few, many = (fine_tuning.divided(data, tmp_path / f"{count}", count) for count in (3, 10))
    assert len(names(few, "train")) == 3
    assert names(many, "train")[:3] == names(few, "train")
    assert len(names(many, "train")) == 10
    assert sorted(names(few, "test")) == sorted(names(many, "test"))
    assert len(names(many, "test")) == 6  # of sixteen
    assert not set(names(many, "train")) & set(names(many, "test"))
    seen = fine_tuning.cases(data / "train", fine_tuning.SEEN)
    assert [row["group"] for row in seen] == ["train8", "train9", "train10"]


def test_the_table_by_hand() -> None:
    def value(*f1: float) -> dict[str, Any]:
        return {"train": 90.4, "scores": {f"{i}": {"f1": each} for i, each in enumerate(f1)}}

    row = {"name": "3 images", "values": {"nothing": value(0.25, 0.5), "tuned": value(0.5, 0.75)}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fine_tuning, "machine_lines", lambda _: [])
        lines = fine_tuning.scores_table([{"rows": [row]}])
    assert lines[2] == "| 3 images | 2 | 0.375 | 0.625 | +0.250 (+0.250 to +0.250) | 90 and 90 |"
    assert fine_tuning.scores_table([]) == ["Nothing was measured yet."]
