"""Tables from run folders alone: numbers that are known by construction."""

from __future__ import annotations

import math
import re
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


def test_lost_tables_are_written_anew(small: Any, tmp_path: Path) -> None:
    folder = make(small(folds=4, measures=[DICE]), tmp_path / "study", by_fold({}))
    write_study(folder)
    assert folder.page_is_current()
    (folder.tables / "scores.md").unlink()
    assert not folder.page_is_current()


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


def test_what_the_best_epoch_adds_is_measured_across_folds(small: Any, tmp_path: Path) -> None:
    curves = {0: (0.5, 1.0, 0.5), 1: (0.5, 0.5, 0.75), 2: (0.5, 0.5, 0.75)}  # see optimism_across_folds
    study = small(networks={"U-Net": "unet"}, folds=3, measures=[DICE])
    folder = make(study, tmp_path / "study", by_fold({}), curve=lambda cell: curves[cell.fold])
    write_study(folder)
    (row,) = rows(folder, "optimism")
    assert float(row["clean"]) == 0.5
    assert float(row["gain"]) == pytest.approx((0.5 + 0.25 + 0.25) / 3)


def test_what_the_best_epoch_adds_is_measured_against_test_cases(small: Any, tmp_path: Path) -> None:
    folder = make(
        small(networks={"U-Net": "unet"}, folds=2, measures=[DICE]),
        tmp_path / "study",
        lambda *_: {"a": 0.6, "b": 0.7},
        which="test",
        curve=(0.5, 0.9, 0.8),
    )
    write_study(folder)
    (row,) = rows(folder, "optimism")
    assert (float(row["best epoch"]), float(row["clean"])) == (0.9, pytest.approx(0.65))


def test_every_table_says_scale_grid_protocol_and_phantoms(small: Any, tmp_path: Path) -> None:
    plan = {"scale": "small", "drawn": ("phantoms",), "absent": ("ISIC-2018",)}
    notes = ["the best epoch is chosen on the scored cases, so scores are optimistic"]
    folder = make(small(folds=4), tmp_path / "study", by_fold({}), plan=plan, notes=notes)
    for each in write_study(folder):
        if each.name == "cells":
            continue
        for text in (each.caption, each.markdown(), each.latex()):
            assert "Scale: small" in text
            assert "on the grid the network sees" in text
            assert "Protocol: kfold" in text
            assert "Cases: phantoms 40." in text
            assert "Phantoms stand in for data that was not given: phantoms." in text
            assert "Not given, and left out: ISIC-2018." in text
            assert "The best epoch is chosen on the scored cases" in text
        assert {row["scale"] for row in rows(folder, each.name)} == {"small"}
    assert "| phantoms (phantoms) | U-Net |" in (folder.tables / "scores.md").read_text()


def test_unfinished_cells_are_counted_and_only_shared_cases_are_tested(small: Any, tmp_path: Path) -> None:
    folder = make(small(folds=4, measures=[DICE]), tmp_path / "study", by_fold({"U-Net": 0.1}))
    lost = next(cell for cell in folder.plan().cells if cell.network == "U-Net" and cell.fold == 2)
    folder.run(lost.name).cost.unlink()
    write_study(folder)
    assert [(row["network"], row["cells"]) for row in rows(folder, "scores")] == [
        ("U-Net", "3"),
        ("Sharp U-Net", "4"),
    ]
    assert rows(folder, "tests")[0]["cases"] == "30"
    assert "3 of 4" in (folder.tables / "scores.md").read_text()


def test_runs_on_other_files_are_not_compared(small: Any, tmp_path: Path) -> None:
    folder = make(small(folds=2), tmp_path / "study", by_fold({}))
    data = folder.run(folder.plan().cells[0].name).data
    data.write_text(data.read_text().replace("digest of c0-1", "another"))
    with pytest.raises(IsthmusError, match="case 'c0-1' of phantoms had other files"):
        write_study(folder)


def test_tables_need_a_finished_cell(small: Any, tmp_path: Path) -> None:
    folder = make(small(), tmp_path / "study", by_fold({}))
    for cell in folder.plan().cells:
        folder.run(cell.name).cost.unlink()
    with pytest.raises(IsthmusError, match="no cell is finished yet"):
        write_study(folder)


def test_a_table_of_the_paper_without_its_columns_is_refused(small: Any, tmp_path: Path) -> None:
    folder = make(small(), tmp_path / "study", by_fold({}), printed="dataset,model\na,b\n")
    with pytest.raises(IsthmusError, match="has no column 'metric'"):
        write_study(folder)


def test_the_page_is_whole_and_needs_nothing_else(small: Any, tmp_path: Path) -> None:
    study = small(
        folds=4,
        title="Nets & <nets>",
        figures=["curves", "boxes", "bars", "influence"],
        grid={"training.batch": [2, 4]},
        measures=[DICE],
    )
    folder = make(study, tmp_path / "study", by_fold({"U-Net": 0.1}))
    write_study(folder)
    page = folder.page.read_text(encoding="utf-8")
    assert "Nets &amp; &lt;nets&gt;" in page
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    anchors = set(re.findall(r'href="#((?:table|figure)-[\w-]+)"', page))
    assert anchors <= set(re.findall(r'id="([\w-]+)"', page))
    assert len(anchors) == 4 + 4
    assert page.count("<svg") >= 4
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {path.suffix for path in folder.tables.iterdir()} == {".csv", ".tex", ".md"}


def test_one_case_and_one_fold_are_told_without_tests_of_nothing(small: Any, tmp_path: Path) -> None:
    for test in ("wilcoxon", "t", "t-folds", "corrected"):
        study = small(folds=1, recipe={}, test=test, measures=[DICE])
        folder = make(study, tmp_path / test, lambda network, *_: {"only": 0.5 + 0.1 * (network == "U-Net")})
        write_study(folder)
        assert [row["DC, bold"] for row in rows(folder, "scores")] == ["1", "1"]
        assert [row["DC, sd"] for row in rows(folder, "scores")] == ["", ""]


def test_scores_that_are_undefined_are_left_out_of_all(small: Any, tmp_path: Path) -> None:
    """A distance of a case with nothing in it is no number; the case is left out for every network."""

    def dices(network: str, fold: int, repeat: int) -> dict[str, float]:
        found = dict(by_fold({"U-Net": 0.1})(network, fold, repeat))
        if network == "U-Net":
            found["c0-3"] = math.nan
        return found

    folder = make(small(folds=4, measures=[DICE]), tmp_path / "study", dices)
    write_study(folder)
    assert rows(folder, "tests")[0]["cases"] == "39"
