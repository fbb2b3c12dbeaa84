"""The score after an epoch is that of the cases with foreground."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus import training
from isthmus.data.cases import Source
from isthmus.data.phantoms.nuclei import write_touching_nuclei
from isthmus.io.images import read_mask
from isthmus.io.writing import write_image
from isthmus.training.loop.best_epoch import Progress, Scored


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


@pytest.mark.parametrize("select", ["dice", "iou", "loss", "soft_iou", "objects"])
def test_the_cases_that_choose_the_epoch_have_the_score_that_chooses_it_as_their_mean(
    select: str, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Scored] = []
    kept = Progress.keep_if_better

    def keep_if_better(progress: Progress, scored: Scored, *words: Any) -> bool:
        seen.append(scored)
        return kept(progress, scored, *words)

    monkeypatch.setattr(Progress, "keep_if_better", keep_if_better)
    write_touching_nuclei(tmp_path / "data", 5, 48, seed=3)
    data = {"source": str(tmp_path / "data"), "instances": select == "objects", "value_rule": "objects"}
    recipe = small(data=data, training={"epochs": 2, "select": select}, protocol={"fraction": 0.5})
    training.train(recipe, tmp_path / "run")
    assert len(seen) == 2
    for scored in seen:
        if select == "soft_iou":  # pooled over batches of cases
            assert scored.cases == ()
        else:
            assert len(scored.cases) > 1
            assert np.mean(scored.cases) == pytest.approx(scored.goodness(select), abs=1e-12)
