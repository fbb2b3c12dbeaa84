"""Tables from run folders only: numbers that are known by construction."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.studies.page import write_study

from ..known import DICE, NOISE, by_fold, make, rows, table


def test_mean_and_deviation_over_folds_cases_and_repeats(small: Any, tmp_path: Path) -> None:
    scores = {(0, 0): [0.5, 0.7], (1, 0): [0.9], (0, 1): [0.3, 0.5], (1, 1): [0.8]}

    def dices(network: str, fold: int, repeat: int) -> dict[str, float]:
        return {f"{fold}-{i}": value for i, value in enumerate(scores[fold, repeat])}

    wanted = {
        "folds": ([0.6, 0.9, 0.4, 0.8], 0.675),
        "repeats": ([0.75, 0.6], 0.675),
        "cases": ([0.4, 0.6, 0.85], (0.4 + 0.6 + 0.85) / 3),
    }
    for over, (parts, mean) in wanted.items():
        study = small(networks={"U-Net": "unet"}, repeats=2, over=over, measures=[DICE])
        folder = make(study, tmp_path / over, dices)
        write_study(folder)
        (row,) = rows(folder, "scores")
        assert float(row["DC"]) == pytest.approx(mean)
        assert float(row["DC, sd"]) == pytest.approx(np.std(parts, ddof=1))
        assert row["DC, n"] == str(len(parts))


def test_cases_without_a_score_are_told(small: Any, tmp_path: Path) -> None:
    def dices(network: str, fold: int, repeat: int) -> dict[str, float]:
        scores = dict(by_fold({})(network, fold, repeat))
        return scores | ({next(iter(scores)): math.nan} if network == "U-Net" else {})

    folder = make(small(folds=4, measures=[DICE]), tmp_path / "study", dices)
    (scores, *_) = write_study(folder)
    assert "left out of the mean: DC of U-Net on phantoms for 4 of 40" in scores.caption
    assert "Sharp U-Net on" not in scores.caption


def test_the_choice_of_the_epoch_on_the_scored_cases_is_told(small: Any, tmp_path: Path) -> None:
    for which, told in (("validation", True), ("test", False)):
        folder = make(small(folds=4, measures=[DICE]), tmp_path / which, by_fold({}), which=which)
        (scores, *_) = write_study(folder)
        assert ("so scores are optimistic" in scores.caption) is told


def test_the_papers_numbers_stand_beside_and_say_how_many_cases_they_need(small: Any, tmp_path: Path) -> None:
    printed = "dataset,model,metric,mean,sd\nphantoms,U-Net,DC,0.84,0.0004\nPhantoms,Sharp U-Net,DC,0.86,\n"
    rng = np.random.default_rng(2)
    folder = make(
        small(folds=4, measures=[DICE]),
        tmp_path / "study",
        lambda network, fold, _: {f"c{fold}-{i}": float(rng.uniform(0.4, 0.9)) for i in range(10)},
        printed=printed,
    )
    tables = write_study(folder)
    ours = rows(folder, "scores")
    assert [row["DC, paper"] for row in ours] == ["0.84", "0.86"]
    assert [row["DC, sd, paper"] for row in ours] == ["0.0004", ""]
    assert "| 0.84 ± 0.0004 |" in table(tables, "scores").markdown()
    (pair,) = rows(folder, "tests")
    assert abs(float(pair["difference, paper"])) == pytest.approx(0.02)
    sd, needed = float(pair["sd of differences"]), float(pair["cases needed"])
    from isthmus.statistics import power

    assert power(int(needed), 0.02, sd) >= 0.8 > power(int(needed) - 1, 0.02, sd)


def test_classes_stand_apart_and_costs_are_of_networks(small: Any, tmp_path: Path) -> None:
    measures = [
        {"name": "DSC (%)", "column": "dice", "scale": 100, "digits": 1},
        {"name": "params (M)", "column": "parameters", "scale": 1e-6, "digits": 4},
    ]
    printed = "dataset,model,metric,mean,sd\n"
    printed += "phantoms Prostate,U-Net,DSC (%),86.4,5.1\nphantoms,U-Net,params (M),20.54,\n"
    study = small(folds=4, by_class=True, over="cases", measures=measures)
    folder = make(study, tmp_path / "study", by_fold({}), printed=printed, labels=("prostate", "bladder"))
    write_study(folder)
    found = rows(folder, "scores")
    assert [(row["class"], row["network"]) for row in found] == [
        ("prostate", "U-Net"),
        ("prostate", "Sharp U-Net"),
        ("bladder", "U-Net"),
        ("bladder", "Sharp U-Net"),
    ]
    assert float(found[0]["DSC (%)"]) == pytest.approx(100 * NOISE.mean())
    assert [row["DSC (%), paper"] for row in found] == ["86.4", "", "", ""]
    assert found[2]["params (M), paper"] == "20.54"
    assert float(found[0]["params (M)"]) == 0.001


def test_a_table_of_the_paper_without_its_columns_is_refused(small: Any, tmp_path: Path) -> None:
    folder = make(small(), tmp_path / "study", by_fold({}), printed="dataset,model\na,b\n")
    with pytest.raises(IsthmusError, match="has no column 'metric'"):
        write_study(folder)
