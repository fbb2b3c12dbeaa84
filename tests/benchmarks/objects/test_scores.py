"""Scores of objects with known answers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks.objects.scores import object_scores

from isthmus.runs.files import write_csv


def case(folder: Path, name: str, truth: np.ndarray, drawn: np.ndarray | None) -> dict[str, str]:
    for part, mask in (("masks", truth), ("drawn", drawn)):
        (folder / part).mkdir(exist_ok=True)
        if mask is not None:
            cv2.imwrite(str(folder / part / f"{name}.png"), mask.astype(np.uint16))
    return {"image": f"images/{name}.png", "mask": f"masks/{name}.png", "group": name}


def test_counts_and_scores_of_three_pictures(tmp_path: Path) -> None:
    truth = np.zeros((10, 24), int)
    truth[2:8, 2:8], truth[2:8, 8:14], truth[2:8, 18:23] = 1, 2, 3
    merged = np.where(truth == 2, 1, truth)
    merged[0, 23] = 9
    rows = [
        case(tmp_path, "right", truth, truth * 7),
        case(tmp_path, "merged", truth, merged),
        case(tmp_path, "none", truth, None),
    ]
    write_csv(tmp_path / "cases.csv", rows, ["image", "mask", "group"])
    write_csv(
        tmp_path / "kinds.csv", [{"group": row["group"], "kind": "drawn"} for row in rows], ["group", "kind"]
    )
    found = object_scores(tmp_path / "drawn", tmp_path)
    assert [found[name]["f1"] for name in ("right", "merged", "none")] == [
        1.0,
        pytest.approx(2 / 6, abs=1e-5),
        0.0,
    ]
    keys = ("found", "true", "false", "beside", "apart")
    assert [found["right"][key] for key in keys] == [3, 3, 0, 1, 1]
    assert [found["merged"][key] for key in keys] == [3, 3, 1, 1, 0]
    assert [found["none"][key] for key in keys] == [0, 3, 0, 1, 0]
    assert found["right"]["kind"] == "drawn"
    assert (found["right"]["pq"], found["right"]["aji"], found["none"]["pq"]) == (1.0, 1.0, 0.0)
    assert found["merged"]["aji"] == pytest.approx((36 + 36 + 30) / (72 + 72 + 30 + 1), abs=1e-5)
