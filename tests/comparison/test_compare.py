"""Programs compared from end to end: perturbations whose scores, differences and tests are known on paper."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import isthmus
from isthmus.errors import IsthmusError
from isthmus.statistics import bootstrap, holm, rank_biserial

from ..masks import save
from .perturbed import SIDE, objects, shifted, square


def test_a_shift_and_an_erosion_have_the_scores_of_paper() -> None:
    truth, moved = shifted()
    eroded = {case: square(shrink=1) for case in truth}
    found = isthmus.compare(
        truth, {"shifted": moved, "eroded": eroded}, metrics=["dice", "hausdorff_distance"]
    )
    scores = {(row["program"], row["case"]): row for row in found.tables["cases"]}
    for i in range(8):
        assert scores["shifted", f"c{i}"]["dice"] == pytest.approx((SIDE - i - 1) / SIDE)
        assert scores["shifted", f"c{i}"]["hausdorff_distance"] == i + 1
        assert scores["eroded", f"c{i}"]["dice"] == pytest.approx(2 * 18**2 / (18**2 + 20**2))
        assert scores["eroded", f"c{i}"]["hausdorff_distance"] == pytest.approx(math.sqrt(2))
    means = {row["program"]: row for row in found.tables["scores"]}
    assert means["shifted"]["dice"] == pytest.approx(1 - 4.5 / SIDE)


def test_the_difference_and_its_statistics_are_those_of_scipy() -> None:
    truth, moved = shifted(12)
    eroded = {case: square(shrink=1) for case in truth}
    dilated = {case: square(shrink=-2) for case in truth}
    found = isthmus.compare(truth, {"shifted": moved, "eroded": eroded, "dilated": dilated}, metrics=["dice"])
    scores = {
        name: np.array([r["dice"] for r in found.tables["cases"] if r["program"] == name])
        for name in ("shifted", "eroded", "dilated")
    }
    rows = found.tables["differences"]
    p = []
    for row in rows:
        change = np.round(scores[row["first"]] - scores[row["second"]], 12)
        if np.ptp(change) == 0:
            assert row["p"] == 2 / 2**12  # the same constant masks: every difference has one sign
        else:
            assert row["p"] == pytest.approx(_wilcoxon(change))
            t = stats.ttest_1samp(change, 0)
            assert (row["t"], row["p, t"]) == (pytest.approx(t.statistic), pytest.approx(t.pvalue))
            assert row["dz"] == pytest.approx(change.mean() / change.std(ddof=1))
        p.append(row["p"])
        between = bootstrap(change)
        assert (row["low"], row["high"]) == (pytest.approx(between.low), pytest.approx(between.high))
        assert row["rank biserial"] == pytest.approx(rank_biserial(change, np.zeros(12)))
        assert (row["wins"], row["ties"], row["losses"]) == tuple(
            int((np.sign(change) == sign).sum()) for sign in (1, 0, -1)
        )
    assert [row["p, Holm"] for row in rows] == pytest.approx(holm(p))


def _wilcoxon(change: np.ndarray) -> float:
    """The exact p with ties, by SciPy's permutation of signs."""
    ranks = stats.rankdata(np.abs(change[change != 0])) * np.sign(change[change != 0])
    return float(
        stats.permutation_test((ranks,), np.sum, permutation_type="samples", n_resamples=np.inf).pvalue
    )


def test_wins_are_of_the_program_with_the_smaller_distance() -> None:
    truth, moved = shifted()
    found = isthmus.compare(
        truth, {"exact": truth, "shifted": moved}, metrics=["hausdorff_distance"], margin=10
    )
    (row,) = found.tables["differences"]
    assert (row["difference"], row["wins"], row["losses"]) == (-4.5, 8, 0)
    verdicts = {row["new"]: row["verdict"] for row in found.tables["non-inferiority"]}
    assert verdicts == {"exact": "superior", "shifted": "non-inferior"}  # worse by at most 10


def test_dropped_and_merged_objects(tmp_path: Path) -> None:
    """One of four dropped: F1, PQ 6/7 and AJI 3/4. Two touching ones merged: IoU 1/2 matches none, 2 of 3 and 4 are
    right; average precision 2 / 5, panoptic quality 2 / 3.5, AJI (2 + 2) / (2 + 2 + 1 + 1), Dice 1."""
    truth = objects()
    dropped, merged = np.where(truth == 4, 0, truth), np.where(truth == 2, 1, truth)
    cases = {f"c{i}": truth for i in range(3)}
    found = isthmus.compare(
        cases,
        {"dropped": dict.fromkeys(cases, dropped), "merged": dict.fromkeys(cases, merged)},
        instances=True,
    )
    rows = {row["program"]: row for row in found.tables["scores"]}
    assert rows["dropped"]["object_f1"] == pytest.approx(6 / 7)
    assert rows["dropped"]["panoptic_quality"] == pytest.approx(6 / 7)
    assert rows["dropped"]["average_precision"] == pytest.approx(3 / 4)
    assert rows["dropped"]["aggregated_jaccard"] == pytest.approx(3 / 4)
    assert rows["merged"]["dice"] == 1
    assert rows["merged"]["object_f1"] == pytest.approx(6 / 7)  # by GlaS, half of a union is still right
    assert rows["merged"]["panoptic_quality"] == pytest.approx(2 / 3.5)
    assert rows["merged"]["average_precision"] == pytest.approx(2 / 5)
    assert rows["merged"]["aggregated_jaccard"] == pytest.approx(4 / 6)
    assert rows["merged"]["prediction_objects"] == 3
    assert "The truth has 4.00 objects a case." in found.printed["scores"].caption
    found = replace(found, metrics=("panoptic_quality", *found.metrics))  # F1 is the same
    page = found.save(tmp_path).read_text(encoding="utf-8")
    assert "found 3; missed 1; false 0; merged 0; split 0" in page
    assert "found 2; missed 0; false 0; merged 2 true, 1 predicted; split 0" in page
    assert "Merged: a predicted object covers" in page
    assert "outline of the program" not in page


def test_components_of_a_class_are_drawn_as_objects_where_they_are_scored(tmp_path: Path) -> None:
    """Without numbers, 1 and 2 are one component, which the second program lacks."""
    truth = (objects() > 0).astype(np.uint8)
    cases = {f"c{i}": truth for i in range(3)}
    other = truth.copy()
    other[:10, :20] = 0
    programs = {"same": cases, "other": dict.fromkeys(cases, other)}
    page = isthmus.compare(cases, programs, objects=True, instances=False).save(tmp_path / "objects")
    assert "found 2; missed 1; false 0; merged 0; split 0" in page.read_text(encoding="utf-8")
    page = isthmus.compare(cases, programs).save(tmp_path / "classes")
    assert "outline of the program" in page.read_text(encoding="utf-8")


def test_a_case_that_a_program_lacks_is_a_miss_or_is_left_out_for_all(tmp_path: Path) -> None:
    truth, moved = shifted(6)
    save(tmp_path / "truth", **truth)
    save(tmp_path / "exact", **truth)
    save(tmp_path / "shifted", **{case: mask * 255 for case, mask in moved.items() if case != "c5"})
    programs = {name: tmp_path / name for name in ("exact", "shifted")}
    found = isthmus.compare(tmp_path / "truth", programs, metrics=["dice", "hausdorff_distance"])
    rows = {row["program"]: row for row in found.tables["scores"]}
    assert rows["shifted"]["dice"] == pytest.approx(sum((20 - i) / 20 for i in range(1, 6)) / 6)
    diagonal = math.hypot(63, 63)
    assert rows["shifted"]["hausdorff_distance"] == pytest.approx((1 + 2 + 3 + 4 + 5 + diagonal) / 6)
    assert (rows["shifted"]["missed"], rows["shifted"]["lacking"]) == (1, 1)
    assert "shifted: lacks 1 of 6 cases: c5" in found.scores.notes
    common = isthmus.compare(tmp_path / "truth", programs, metrics=["dice"], common=True)
    rows = {row["program"]: row for row in common.tables["scores"]}
    assert rows["shifted"]["dice"] == pytest.approx(sum((20 - i) / 20 for i in range(1, 6)) / 5)
    assert rows["exact"]["cases"] == 5


def test_a_lacking_mask_of_an_empty_truth_is_an_empty_mask() -> None:
    nothing = np.zeros((8, 8), bool)
    truth = {"a": nothing, "b": np.ones((8, 8), bool)}
    found = isthmus.compare(truth, {"one": {"b": truth["b"]}, "two": truth}, metrics=["dice"])
    assert [row["dice"] for row in found.tables["scores"]] == [1, 1]


def test_folders_and_arrays_give_the_same_numbers(tmp_path: Path) -> None:
    truth, moved = shifted(5)
    eroded = {case: square(shrink=1) for case in truth}
    save(tmp_path / "truth", **truth)
    for name, masks in (("shifted", moved), ("eroded", eroded)):
        save(tmp_path / name, **{case: mask * 255 for case, mask in masks.items()})
    groups = {"c0": 1, "c1": 1, "c2": 2, "c3": 3, "c4": 4}
    of_files = isthmus.compare(
        tmp_path / "truth",
        {name: tmp_path / name for name in ("shifted", "eroded")},
        groups=groups,
        margin=0.1,
    )
    of_arrays = isthmus.compare(truth, {"shifted": moved, "eroded": eroded}, groups=groups, margin=0.1)
    for name, rows in of_files.tables.items():
        for ours, theirs in zip(rows, of_arrays.tables[name], strict=True):
            assert ours == pytest.approx(theirs, nan_ok=True)


def test_all_ties_and_one_case() -> None:
    truth, _ = shifted(4)
    tied = isthmus.compare(truth, {"a": truth, "b": truth}, margin=0.02)
    row = tied.tables["differences"][0]
    assert (row["difference"], row["low"], row["high"], row["p"], row["ties"]) == (0, 0, 0, 1, 4)
    assert {row["verdict"] for row in tied.tables["non-inferiority"]} == {"non-inferior"}
    one = isthmus.compare({"x": square()}, {"a": {"x": square(1)}, "b": {"x": square(2)}}, margin=0.02)
    row = one.tables["differences"][0]
    assert row["difference"] == pytest.approx(0.05)
    assert row["p"] == 1
    assert math.isnan(row["low"])
    assert {row["verdict"] for row in one.tables["non-inferiority"]} == {""}


def test_several_classes_have_rows_of_their_own_and_a_mean() -> None:
    truth = {f"c{i}": square() + 2 * np.roll(square(), 30, axis=0) for i in range(3)}
    half = {case: np.where(mask == 2, 0, mask) for case, mask in truth.items()}
    found = isthmus.compare(truth, {"whole": truth, "half": half}, metrics=["dice"])
    rows = {(row["class"], row["program"]): row["dice"] for row in found.tables["scores"]}
    assert rows["class 1", "half"] == 1
    assert rows["class 2", "half"] == 0
    assert rows["all classes", "half"] == 0.5


TRUTH, MOVED = shifted(3)


@pytest.mark.parametrize(
    ("programs", "options", "message"),
    [
        ({"a": MOVED}, {}, "at least two programs, found 1; `isthmus evaluate`"),
        ({"a": MOVED, "truth": MOVED}, {}, "is called 'truth'"),
        ({"a": MOVED, " ": MOVED}, {}, "has no name"),
        ({"a": MOVED, "b": "masks"}, {}, "are folders, or all are mappings"),
        ({"a": MOVED, "b": {"z": square()}}, {}, "'b' has none of the cases of the truth"),
        ({"a": MOVED, "b": {"c0": np.ones((3, 3), bool)}}, {}, r"b: the mask of 'c0' has shape \(3, 3\)"),
        ({"a": MOVED, "b": {"c0": square() * 7 + square(9)}}, {}, "b: c0: the values 7, 8 do not occur"),
        ({"a": MOVED, "b": {"c0": np.full((64, 64), 0.5)}}, {}, "threshold probabilities first"),
        ({"a": MOVED, "b": MOVED}, {"metrics": ["dise"]}, "did you mean 'dice'"),
        (
            {"a": MOVED, "b": MOVED},
            {"metrics": ["object_f1"]},
            "about whole objects; score them with --objects",
        ),
        ({"a": MOVED, "b": MOVED}, {"metrics": "dice"}, "the metrics are the text 'dice'; give a list"),
        ({"a": MOVED, "b": MOVED}, {"margin": 0}, "the margin is 0"),
        ({"a": MOVED, "b": MOVED}, {"margin": 5}, "the margin is 5, but dice lies between 0 and 1"),
        ({"a": MOVED, "b": MOVED}, {"margin": "x"}, "the margin must be numbers"),
        ({"a": {0: square(), "0": square()}, "b": MOVED}, {}, "a: the mask of '0' is given twice"),
        ({"a\x1b[31m": MOVED, "b": MOVED}, {}, "with a control character"),
        ({"a": MOVED, "b": MOVED}, {"missing": "infinity"}, "infinite distances have no mean"),
        (
            {"a": {"c0": square()}, "b": {"c1": square()}},
            {"common": True},
            "no case has a mask of every program",
        ),
        (
            {"a": MOVED, "b": MOVED},
            {"groups": {"c0": 1, "c1": None, "c2": float("nan")}},
            "names no group for 2 of 3 cases: c1, c2",
        ),
        ({"a": MOVED, "b": MOVED}, {"groups": {"c0": 1}}, "names no group for 2 of 3 cases: c1, c2"),
        (None, {}, "no programs were given"),
    ],
)
def test_a_mistake_is_one_line(programs: object, options: dict[str, object], message: str) -> None:
    with pytest.raises(IsthmusError, match=message) as found:
        isthmus.compare(TRUTH, programs, **options)  # type: ignore[arg-type]
    assert "\n" not in str(found.value)


def test_excluded_distances_are_left_out_for_the_program_and_its_pairs_alone() -> None:
    truth, moved = shifted(4)
    missed = moved | {"c0": np.zeros_like(truth["c0"])}
    found = isthmus.compare(
        truth,
        {"a": truth, "b": missed, "c": moved},
        missing="exclude",
        metrics=["hausdorff_distance", "dice"],
    )
    rows = {(row["metric"], row["first"], row["second"]): row for row in found.tables["differences"]}
    ab, ac = (rows["hausdorff_distance", "a", other] for other in "bc")
    assert (ab["cases"], ab["difference"]) == (3, pytest.approx(-(2 + 3 + 4) / 3))
    assert (ac["cases"], ac["difference"]) == (4, pytest.approx(-(1 + 2 + 3 + 4) / 4))
    assert rows["dice", "a", "b"]["cases"] == 4
    means = {row["program"]: row for row in found.tables["scores"]}
    assert [means[name]["hausdorff_distance, n"] for name in "abc"] == [4, 3, 4]
    assert means["c"]["hausdorff_distance"] == pytest.approx(10 / 4)
    assert (
        "both programs have one: Hausdorff distance of b, n = 3 (not c0)." in found.printed["scores"].caption
    )
    shown = found.printed["differences"].table
    assert [title for title, _ in shown.columns][-1] == "n"
    assert [row[-1].text for row in shown.rows] == ["3", "4", "3", "4", "4", "4"]


def test_a_program_does_not_gain_by_what_another_lacks(tmp_path: Path) -> None:
    values = {"a": [0.9, 0.2, 0.9, 0.9], "b": [0.8, 0.8, 0.8, 0.8], "c": [0.5, math.nan, 0.5, 0.5]}
    rows = [
        {"case": str(i), "program": name, "mine": value}
        for name, each in values.items()
        for i, value in enumerate(each)
    ]
    found = isthmus.compare(rows, metrics={"mine": "higher"})
    means = {row["program"]: row["mine"] for row in found.tables["scores"]}
    assert means == {"a": pytest.approx(2.9 / 4), "b": pytest.approx(0.8), "c": pytest.approx(0.5)}
    two = isthmus.compare([row for row in rows if row["program"] != "c"], metrics={"mine": "higher"})
    (alone,), first = two.tables["differences"], found.tables["differences"][0]
    same = ("difference", "low", "high", "p", "wins", "losses", "cases")
    assert [alone[key] for key in same] == [first[key] for key in same]
    assert found.tables["cases"][0]["case"] == "0"
    assert found.save(tmp_path / "page").is_file()  # with boxes of different numbers of cases


def test_programs_without_a_common_case_have_no_difference(tmp_path: Path) -> None:
    values = {"a": [0.9, math.nan], "b": [math.nan, 0.8], "c": [0.5, 0.4]}
    rows = [
        {"case": str(i), "program": name, "mine": value}
        for name, each in values.items()
        for i, value in enumerate(each)
    ]
    found = isthmus.compare(rows, metrics={"mine": "higher"})
    pairs = [(row["first"], row["second"], row["cases"]) for row in found.tables["differences"]]
    assert pairs == [("a", "c", 1), ("b", "c", 1)]
    assert found.save(tmp_path / "page").is_file()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"images": [1, 2]}, "images is a list; give a mapping from case to image, or a folder"),
        ({"groups": ["p", "q"]}, "groups is a list; give a mapping from case to group, or a CSV"),
        ({"programs": ["a", "b"]}, "programs is a list; give a mapping from the name of each program"),
    ],
)
def test_arguments_of_a_wrong_type_are_refused(given: dict[str, Any], message: str) -> None:
    truth, moved = shifted(2)
    programs = given.pop("programs", {"a": truth, "b": moved})
    with pytest.raises(IsthmusError, match=message):
        isthmus.compare(truth, programs, **given)
