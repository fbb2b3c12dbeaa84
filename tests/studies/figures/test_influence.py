"""The figure of what each axis of a grid does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from isthmus.studies.page import write_study
from isthmus.studies.study_folder import Plan, Planned, StudyFolder

from ..conftest import write_run
from ..known import DICE, by_fold, make


def test_influence_takes_the_cells_on_its_axis(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, Any] = {}

    def influence(title: str, ticks: Sequence[str], lines: Any, y_label: str) -> None:
        drawn[title] = list(ticks), [[round(mean, 6) for mean in means] for means, _ in lines]

    monkeypatch.setattr("isthmus.studies.figures.charts.influence", influence)
    grid = {"training.batch": [1, 2, 3], "training.epochs": [10, 20], "training.samples": [4, 8]}
    scores = {(b, e): 0.1 * b + 0.01 * e for b in grid["training.batch"] for e in grid["training.epochs"]}
    for around, batch, epochs in (
        ({"training.batch": 2, "training.epochs": 10, "training.samples": 4}, [0.2, 0.3, 0.4], [0.3, 0.4]),
        (None, [0.25, 0.35, 0.45], [0.3, 0.4]),
    ):
        study = small(
            networks={"U-Net": "unet"},
            grid=grid,
            around=around,
            figures=["influence"],
            measures=[DICE],
            folds=2,
        )
        folder = StudyFolder(tmp_path / str(around is None))
        cells, recipes = [], {}
        for i, cell in enumerate(study.cells()):
            name = f"cell{i}"
            training = cell.recipe.training
            cells.append(Planned(name, cell.data, cell.network, cell.point, cell.fold, cell.repeat))
            value = scores[training.batch, training.epochs]
            write_run(folder.run(name).path, cell.recipe, {f"{cell.fold}-a": value, f"{cell.fold}-b": value})
        folder.write(study, Plan(tuple(cells)), recipes, None)
        write_study(folder)
        assert drawn.pop("samples")[0] == ["4", "8"]
        assert drawn == {"batch": (["1", "2", "3"], [batch]), "epochs": (["10", "20"], [epochs])}


def test_influence_is_drawn_from_the_centre_or_from_all(small: Any, tmp_path: Path) -> None:
    grid = {"training.batch": [2, 4], "training.epochs": [3, 5]}
    for around in (None, {"training.batch": 2, "training.epochs": 3}):
        study = small(grid=grid, around=around, figures=["influence"], measures=[DICE])
        folder = make(study, tmp_path / str(around is None), by_fold({}))
        write_study(folder)
        page = folder.page.read_text(encoding="utf-8")
        assert ("all others at their centre" if around else "mean over all others") in page
        assert page.count('aria-label="batch"') == page.count('aria-label="epochs"') == 1
