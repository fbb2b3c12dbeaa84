"""The score after an epoch is that of the cases with foreground."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus import training
from isthmus.data.cases import Source
from isthmus.io.images import read_mask
from isthmus.io.writing import write_image


@pytest.mark.parametrize("empty", [1, 2])
def test_a_case_without_foreground_does_not_choose_the_epoch(
    empty: int, small: Any, phantoms: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(phantoms, data)
    names = sorted(path.stem for path in (data / "masks").iterdir())[:2]
    for name in names[:empty]:
        path = data / "masks" / f"{name}.png"
        write_image(path, np.zeros_like(read_mask(Source(path)))[None])
    recipe = small(
        data={"source": str(data)},
        input={"patch": None, "resize": [64, 64]},
        protocol={"validation": names},
        training={"epochs": 2},
    )
    folder = training.train(recipe, tmp_path / "run")
    best = max(float(row["validation_dice"]) for row in folder.read_rows(folder.history))
    found = {row["case"]: float(row["dice"]) for row in folder.read_rows(folder.cases)}
    assert set(found) == set(names)
    counted = names[empty:] or names  # all of them if none has foreground
    assert best == pytest.approx(np.mean([found[name] for name in counted]), abs=1e-9)
    assert {found[name] for name in names[:empty]} <= {0.0, 1.0}
