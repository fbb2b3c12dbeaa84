"""Tables from run folders alone: numbers that are known by construction."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from isthmus.errors import IsthmusError
from isthmus.studies.folder import Plan, Planned, StudyFolder
from isthmus.studies.page import write_study
from isthmus.studies.results import Sample, Value
from isthmus.studies.sheets import Sheet
from isthmus.studies.significance import as_good_as_best
from isthmus.studies.study import Measure, Study

from .conftest import write_run

NOISE = np.random.default_rng(3).uniform(0.5, 0.8, 40)
Dices = Callable[[str, int, int], Mapping[str, float]]
"""(network, fold, repeat) -> the Dice of each case."""


def make(
    study: Study,
    out: Path,
    dices: Dices,
    *,
    printed: str | None = None,
    plan: Mapping[str, Any] | None = None,
    **of_run: Any,
) -> StudyFolder:
    """A study all of whose cells are finished."""
    folder = StudyFolder(out)
    cells, recipes = [], {}
    for i, cell in enumerate(study.cells()):
        name = f"cell{i:04d}"
        cells.append(Planned(name, cell.data, cell.network, cell.point, cell.fold, cell.repeat))
        recipes[name] = cell.recipe
        curve = of_run.get("curve")
        run = of_run | ({"curve": curve(cell)} if callable(curve) else {})
        write_run(folder.run(name).path, cell.recipe, dices(cell.network, cell.fold, cell.repeat), **run)
    folder.write(study, Plan(tuple(cells), **(plan or {})), recipes, printed)
    return folder


def by_fold(shift: Mapping[str, float]) -> Dices:
    """Ten cases a fold, each network as good as the other but for a shift."""

    def dices(network: str, fold: int, repeat: int) -> dict[str, float]:
        return {f"c{fold}-{i}": float(NOISE[10 * fold + i] + shift.get(network, 0.0)) for i in range(10)}

    return dices


def rows(folder: StudyFolder, name: str) -> list[dict[str, str]]:
    with (folder.tables / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def sheet(sheets: Sequence[Sheet], name: str) -> Sheet:
    return next(each for each in sheets if each.name == name)


DICE = {"name": "DC", "column": "dice", "digits": 3}


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


def test_identical_networks_are_both_bold_and_never_different(small: Any, tmp_path: Path) -> None:
    folder = make(small(folds=4, measures=[DICE]), tmp_path / "study", by_fold({}))
    write_study(folder)
    assert [row["DC, bold"] for row in rows(folder, "scores")] == ["1", "1"]
    (pair,) = rows(folder, "tests")
    assert (float(pair["difference"]), float(pair["p"]), float(pair["p, Holm"])) == (0, 1, 1)
    assert (float(pair["low"]), float(pair["high"])) == (0, 0)


def test_what_bold_means_is_said_in_both_tables_wherever_they_are_written(small: Any, tmp_path: Path) -> None:
    folder = make(small(folds=4, measures=[DICE], alpha=0.01), tmp_path / "study", by_fold({"U-Net": 0.2}))
    sheets = write_study(folder)
    (pair,) = rows(folder, "tests")
    assert (pair["alpha"], pair["shown to differ, bold"]) == ("0.01", "1")
    assert [row["DC, bold"] for row in rows(folder, "scores")] == ["1", "0"]
    at = [name for name, _ in sheet(sheets, "tests").table.columns].index("p, Holm")
    assert sheet(sheets, "tests").table.rows[0][at].strong
    said = {
        "scores": (
            "Bold: the best mean and what is not shown to differ from it (",
            "alpha 0.01); bold is as good as",
        ),
        "tests": (
            "Bold: p after Holm is at most alpha = 0.01, so the two are shown to differ; in the table of scores",
        ),
    }
    page = folder.page.read_text()
    for name, sentences in said.items():
        for sentence in sentences:
            assert sentence in sheet(sheets, name).caption
            assert sentence in page
            for suffix in ("md", "tex"):
                assert sentence in (folder.tables / f"{name}.{suffix}").read_text()
    make(small(folds=4, measures=[DICE]), tmp_path / "same", by_fold({}))
    write_study(StudyFolder(tmp_path / "same"))
    assert [row["shown to differ, bold"] for row in rows(StudyFolder(tmp_path / "same"), "tests")] == ["0"]


def train_on(folder: StudyFolder, cases: int) -> None:
    """Write into every split that so many cases have trained."""
    for path in folder.cells.glob("*/splits.json"):
        split = json.loads(path.read_text())
        split["train"] = {f"trained-{i}": f"trained-{i}" for i in range(cases)}
        path.write_text(json.dumps(split))


@pytest.mark.parametrize(("train", "share"), [(30, 1 / 3), (20, 1 / 2), (80, 1 / 8)])
def test_the_corrected_test_takes_the_sizes_of_the_splits(
    small: Any, tmp_path: Path, train: int, share: float
) -> None:
    """Three of four folds, or a protocol with a test set aside: n_test / n_train is the splits', not 1 / (k - 1)."""
    gain = np.random.default_rng(2).normal(0.01, 0.01, 30)

    def dices(network: str, fold: int, repeat: int) -> dict[str, float]:
        scores = by_fold({})(network, fold, repeat)
        return {
            case: value + (gain[10 * fold + i] if network == "Sharp U-Net" else 0)
            for i, (case, value) in enumerate(scores.items())
        }

    folder = make(small(folds=[0, 1, 2], measures=[DICE], test="corrected"), tmp_path / "study", dices)
    train_on(folder, train)
    write_study(folder)
    (pair,) = rows(folder, "tests")
    folds = gain.reshape(3, 10).mean(axis=1)
    t = abs(folds.mean()) / math.sqrt((1 / 3 + share) * folds.var(ddof=1))
    assert float(pair["p"]) == pytest.approx(2 * stats.t.sf(t, 2), rel=1e-6)
    assert pair["p"] == pair["p, corrected resampled t"]
    assert (pair["low"], pair["high"]) == ("", "")  # three folds give no interval


def test_of_a_difference_with_a_sign_nothing_is_bold(small: Any) -> None:
    measure = {"name": "Volume difference", "column": "volume_difference"}
    signed, dice = Measure.model_validate(measure), Measure.model_validate(DICE)
    found = {name: Sample((Value("a", 0, 0, value),)) for name, value in (("A", -897.5), ("B", 3.5))}
    study = small(measures=[measure])
    assert as_good_as_best(study, signed, found, 0.25) == set()
    assert "B" in as_good_as_best(study, dice, found, 0.25)


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
    assert folder.is_told()
    (folder.tables / "scores.md").unlink()
    assert not folder.is_told()


@pytest.mark.parametrize("test", ["wilcoxon", "t", "t-folds", "corrected"])
def test_a_network_that_is_better_by_a_known_amount_is_found(small: Any, tmp_path: Path, test: str) -> None:
    gain = np.random.default_rng(1).normal(0.1, 0.01, 40)

    def dices(network: str, fold: int, repeat: int) -> dict[str, float]:
        scores = by_fold({})(network, fold, repeat)
        return {
            case: value + (gain[10 * fold + i] if network == "Sharp U-Net" else 0)
            for i, (case, value) in enumerate(scores.items())
        }

    folder = make(small(folds=4, measures=[DICE], test=test), tmp_path / "study", dices)
    train_on(folder, 30)
    write_study(folder)
    assert [(row["network"], row["DC, bold"]) for row in rows(folder, "scores")] == [
        ("U-Net", "0"),
        ("Sharp U-Net", "1"),
    ]
    (pair,) = rows(folder, "tests")
    assert (pair["first"], pair["second"], pair["cases"]) == ("Sharp U-Net", "U-Net", "40")
    assert float(pair["difference"]) == pytest.approx(gain.mean())
    assert float(pair["low"]) < gain.mean() < float(pair["high"])
    folds = gain.reshape(4, 10).mean(axis=1)
    corrected = folds.mean() / math.sqrt((1 / 4 + 1 / 3) * folds.var(ddof=1))
    wanted = {
        "wilcoxon": stats.wilcoxon(gain, method="exact").pvalue,
        "t": stats.ttest_1samp(gain, 0).pvalue,
        "t-folds": stats.ttest_1samp(folds, 0).pvalue,
        "corrected": 2 * stats.t.sf(corrected, 3),
    }
    assert float(pair["p"]) == pytest.approx(wanted[test], rel=1e-6)
    assert float(pair["sd of differences"]) == pytest.approx(gain.std(ddof=1))


def test_lower_is_better_for_distances(small: Any, tmp_path: Path) -> None:
    measures = [{"name": "HD", "column": "hausdorff_distance"}]
    folder = make(small(folds=4, measures=measures), tmp_path / "study", by_fold({"U-Net": 0.1}))
    write_study(folder)
    assert [row["HD, bold"] for row in rows(folder, "scores")] == ["1", "0"]
    (pair,) = rows(folder, "tests")
    assert (pair["first"], float(pair["difference"])) == ("U-Net", pytest.approx(-1.0))


def test_many_tests_are_adjusted_by_holm(small: Any, tmp_path: Path) -> None:
    networks = {"A": "unet", "B": "unetpp", "C": "mildnet"}
    rng = np.random.default_rng(5)
    jitter = {name: rng.normal(shift, 0.02, 40) for name, shift in (("A", 0.0), ("B", 0.008), ("C", 0.015))}

    def dices(network: str, fold: int, repeat: int) -> dict[str, float]:
        return {
            f"c{fold}-{i}": float(NOISE[10 * fold + i] + jitter[network][10 * fold + i]) for i in range(10)
        }

    folder = make(small(networks=networks, folds=4, measures=[DICE]), tmp_path / "study", dices)
    write_study(folder)
    found = rows(folder, "tests")
    order = sorted(range(3), key=lambda i: float(found[i]["p"]))
    least = 0.0
    for rank, i in enumerate(order):
        least = max(least, min(1.0, (3 - rank) * float(found[i]["p"])))
        assert float(found[i]["p, Holm"]) == pytest.approx(least)


def test_the_papers_numbers_stand_beside_and_say_how_many_cases_they_need(small: Any, tmp_path: Path) -> None:
    printed = "dataset,model,metric,mean,sd\nphantoms,U-Net,DC,0.84,0.0004\nPhantoms,Sharp U-Net,DC,0.86,\n"
    rng = np.random.default_rng(2)
    folder = make(
        small(folds=4, measures=[DICE]),
        tmp_path / "study",
        lambda network, fold, _: {f"c{fold}-{i}": float(rng.uniform(0.4, 0.9)) for i in range(10)},
        printed=printed,
    )
    sheets = write_study(folder)
    ours = rows(folder, "scores")
    assert [row["DC, paper"] for row in ours] == ["0.84", "0.86"]
    assert [row["DC, sd, paper"] for row in ours] == ["0.0004", ""]
    assert "| 0.84 ± 0.0004 |" in sheet(sheets, "scores").markdown()
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
            assert "on the grid that the network sees" in text
            assert "Protocol: kfold" in text
            assert "Cases: phantoms 40." in text
            assert "Phantoms stand in for the data that was not given: phantoms." in text
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
    with pytest.raises(IsthmusError, match="needs columns dataset, model, metric, mean, sd"):
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


def test_bold_is_decided_after_holm(small: Any, tmp_path: Path) -> None:
    """p of 0.0391 for both others: different from the best alone, but not when two are tested (0.0781)."""
    gaps = [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, -0.04, -0.04]

    def dices(network: str, fold: int, repeat: int) -> dict[str, float]:
        found = {f"c{i}": 0.5 + gap * (1 + i / 100) for i, gap in enumerate(gaps)}
        return found if network == "A" else dict.fromkeys(found, 0.5)

    for networks, bold in (("AB", ["1", "0"]), ("ABC", ["1", "1", "1"])):
        named = dict(zip(networks, ("unet", "unetpp", "mildnet"), strict=False))
        study = small(networks=named, folds=1, recipe={}, measures=[DICE])
        folder = make(study, tmp_path / networks, dices)
        write_study(folder)
        assert stats.wilcoxon(gaps * (1 + np.arange(8) / 100)).pvalue == 0.0390625
        assert [row["DC, bold"] for row in rows(folder, "scores")] == bold


def test_influence_takes_the_cells_on_its_axis(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, Any] = {}

    def influence(title: str, ticks: Sequence[str], lines: Any, y_label: str) -> None:
        drawn[title] = list(ticks), [[round(mean, 6) for mean in means] for means, _ in lines]

    monkeypatch.setattr("isthmus.studies.charts.influence", influence)
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
