"""`isthmus evaluate`: folders of masks against folders of masks, with answers derived on paper."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.evaluation.evaluate import evaluate_folder
from isthmus.evaluation.options import EvaluateOptions
from isthmus.metrics import score_case, summarise
from isthmus.metrics.object_states import in_a_line
from isthmus.metrics.table import columns

from ..masks import four_cases, row, save
from ..notes import Notes


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return four_cases(tmp_path)


def test_every_metric_of_every_case_and_every_miss(folders: tuple[Path, Path], tmp_path: Path) -> None:
    found = evaluate_folder(*folders)
    assert [r["case"] for r in found.rows] == ["a", "b", "c", "d"]
    assert all(tuple(r) == columns() for r in found.rows)
    assert {r["grid"] for r in found.rows} == {"original"}
    means = found.means()["foreground"]
    diagonal = math.hypot(2, 4)
    assert means["dice"] == pytest.approx((2 / 3 + 0 + 0 + 1) / 4)
    assert means["hausdorff_distance"] == pytest.approx((1 + 2 * diagonal + 0) / 4)
    assert (means["n"], means["n_missed"], means["n_both_empty"], means["n_false_alarm"]) == (4, 1, 1, 1)
    dice = found.summaries()["foreground"]["dice"]
    assert dice.std == pytest.approx(np.std([2 / 3, 0, 0, 1], ddof=1))
    assert (dice.n, dice.n_missed) == (4, 1)
    assert found.pooled()["foreground"].dice == pytest.approx(2 * 3 / (9 + 12))
    found.write(tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == columns()
    assert rows[1]["truth_points"] == "6"
    assert float(rows[0]["dice"]) == pytest.approx(2 / 3, abs=0)


def instance_maps() -> tuple[np.ndarray, np.ndarray]:
    """Ten touching objects of 2 x 2 in a row; of the predicted ones two are merged, and one lies elsewhere."""
    truth = np.zeros((4, 20), np.uint16)
    for number in range(10):
        truth[:2, 2 * number : 2 * number + 2] = number + 1
    ours = truth.copy()
    ours[ours == 2] = 1
    ours[ours == 10] = 0
    ours[3, :4] = 900
    return ours, truth


def test_instance_maps_score_their_objects(tmp_path: Path) -> None:
    ours, truth = instance_maps()
    few = np.where(truth <= 3, truth, 0).astype(np.uint16)
    watch = Notes()
    found = evaluate_folder(
        save(tmp_path / "p", a=ours, b=few), save(tmp_path / "t", a=truth, b=few), watch=watch
    )
    assert found.objects
    assert "read as object numbers" in watch.said[0]
    assert "read as object numbers" in watch.said[1]
    assert len(watch.said) == 2
    assert tuple(found.rows[0]) == columns(objects=True)
    expected = [score_case(p, t, instances=True) for p, t in ((ours, truth), (few, few))]
    for got, want in zip(found.rows, expected, strict=True):
        assert {name: got[name] for name in want} == pytest.approx(want, nan_ok=True)
    # on paper: 9 objects predicted; 1 covers all of object 1 (half of the merged pair), 3 to 9 are right
    assert found.rows[0]["object_precision"] == pytest.approx(8 / 9)
    assert found.rows[0]["object_recall"] == pytest.approx(8 / 10)
    assert found.rows[0]["panoptic_quality"] == pytest.approx(7 / (7 + 2 / 2 + 3 / 2))
    assert found.means()["foreground"]["panoptic_quality"] == pytest.approx((7 / 9.5 + 1) / 2)
    # in a: 3 to 9 found, 1 and 2 merged into one, 10 missed, 900 false; in b: all three found
    (counts,) = found.objects_found().values()
    assert in_a_line(counts) == "found 10; missed 1; false 1; merged 2 true, 1 predicted; split 0"


def test_plain_predictions_of_instance_maps_are_cut_into_components(tmp_path: Path) -> None:
    _, truth = instance_maps()
    few = np.where(truth <= 3, truth, 0).astype(np.uint16)
    masks = {"a": (truth > 0).astype(np.uint8) * 255, "b": (few > 0).astype(np.uint8) * 255}
    watch = Notes()
    found = evaluate_folder(save(tmp_path / "p", **masks), save(tmp_path / "t", a=truth, b=few), watch=watch)
    assert [r["prediction_objects"] for r in found.rows] == [1, 1]
    assert [r["truth_objects"] for r in found.rows] == [10, 3]
    assert [r["dice"] for r in found.rows] == [1, 1]
    assert any("predicted objects are the connected components" in line for line in watch.said)
    quiet = evaluate_folder(tmp_path / "p", tmp_path / "t", EvaluateOptions(objects=False))
    assert not quiet.objects
    assert quiet.objects_found() == {}
    assert [r["dice"] for r in quiet.rows] == [1, 1]
    assert tuple(quiet.rows[0]) == columns()


def test_a_mask_file_for_each_object(tmp_path: Path) -> None:
    """Two objects that touch, a file each; the prediction finds one whole and misses the other."""
    one, two = row(255, 255, 0, 0, 0, 0), row(0, 0, 255, 255, 0, 0)
    save(tmp_path / "truth" / "a" / "images", a=row(9, 9, 9, 9, 9, 9))
    save(tmp_path / "truth" / "a" / "masks", a1=one, a2=two)
    save(tmp_path / "truth" / "b" / "images", b=row(9, 9, 9, 9, 9, 9))
    save(tmp_path / "truth" / "b" / "masks", b1=one)
    ours = save(tmp_path / "p", a=(one > 0).astype(np.uint8), b=one // 255)
    scored, whole = evaluate_folder(ours, tmp_path / "truth").rows
    assert (whole["case"], whole["truth_objects"], whole["dice"]) == ("b", 1, 1)
    assert (scored["truth_objects"], scored["prediction_objects"]) == (2, 1)
    assert scored["object_f1"] == pytest.approx(2 / 3)
    assert scored["dice"] == pytest.approx(2 * 6 / (6 + 12))


def test_objects_of_classes_are_components_when_asked(tmp_path: Path) -> None:
    truth = save(tmp_path / "t", a=row(1, 0, 2, 0, 1), b=row(2, 2, 0, 1, 1))
    ours = save(tmp_path / "p", a=row(1, 0, 2, 0, 0), b=row(2, 2, 0, 1, 1))
    watch = Notes()
    found = evaluate_folder(ours, truth, EvaluateOptions(objects=True), watch=watch)
    assert [(r["case"], r["class"], r["truth_objects"]) for r in found.rows] == [
        ("a", "class 1", 2),
        ("a", "class 2", 1),
        ("b", "class 1", 1),
        ("b", "class 2", 1),
    ]
    assert any("objects are the connected components of each class" in line for line in watch.said)
    assert not evaluate_folder(ours, truth).objects
    scores = [
        score_case(
            cv2.imread(str(ours / f"{c}.png"), 0), cv2.imread(str(truth / f"{c}.png"), 0), classes=[1, 2]
        )
        for c in "ab"
    ]
    for name, label in (("class 1", 1), ("class 2", 2)):
        want = summarise(scores)[label]
        assert {m: s.mean for m, s in found.summaries()[name].items()} == pytest.approx(
            {m: s.mean for m, s in want.items()}, nan_ok=True
        )


def test_few_numbers_are_classes_unless_told(tmp_path: Path) -> None:
    mask = row(1, 1, 2, 2, 0)
    truth, ours = save(tmp_path / "t", a=mask), save(tmp_path / "p", a=mask)
    assert [r["class"] for r in evaluate_folder(ours, truth).rows] == ["class 1", "class 2"]
    (told,) = evaluate_folder(ours, truth, EvaluateOptions(instances=True)).rows
    assert (told["class"], told["truth_objects"], told["object_f1"]) == ("foreground", 2, 1)


def test_what_cannot_be_scored_is_told_together_in_one_line(tmp_path: Path) -> None:
    masks = {name: row(255, 0, 0, 0, 0) for name in "abc"}
    truth, ours = save(tmp_path / "t", **masks), save(tmp_path / "p", **masks)
    save(ours, a=row(255, 0, 0))
    (ours / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(IsthmusError) as caught:
        evaluate_folder(ours, truth)
    assert "a.png has size (3, 3) but" in str(caught.value)
    assert "(and 1 more)" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("true", "predicted", "scored"),
    [
        ((0, 2), (0, 2), True),
        ((0, 1), (0, 255), True),
        ((0, 255), (0, 1), True),
        ((0, 2), (0, 1), False),
        ((0, 2), (0, 255), False),
        ((0, 1), (0, 2), False),
        ((0, 255), (0, 7), False),
        ((0, 1), (0, 1, 2), False),
        ((0, 1, 2), (0, 1), True),
    ],
)
def test_values_mean_the_same_only_where_nothing_else_can_be_meant(
    tmp_path: Path, true: tuple[int, ...], predicted: tuple[int, ...], scored: bool
) -> None:
    truth, ours = save(tmp_path / "t", a=row(*true, 0)), save(tmp_path / "p", a=row(*predicted, 0)[:, :3])
    if len(true) != len(predicted):
        truth, ours = save(truth, a=row(*true, 0, 0)[:, :4]), save(ours, a=row(*predicted, 0, 0)[:, :4])
    if scored:
        assert evaluate_folder(ours, truth).rows[0]["dice"] == 1
        return
    with pytest.raises(IsthmusError) as caught:
        evaluate_folder(ours, truth)
    assert "do not occur in the truth" in str(caught.value)
    assert "--classes 1=liver" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_classes_say_what_values_mean_on_both_sides(tmp_path: Path) -> None:
    truth, ours = save(tmp_path / "t", a=row(0, 1, 1, 0)), save(tmp_path / "p", a=row(0, 1, 2, 0))
    with pytest.raises(IsthmusError, match="the values 2 do not occur"):
        evaluate_folder(ours, truth)
    liver, kidney = evaluate_folder(ours, truth, EvaluateOptions(classes={1: "liver", 2: "kidney"})).rows
    assert (liver["class"], kidney["class"]) == ("liver", "kidney")
    assert liver["dice"] == pytest.approx(2 / 3)
    assert (kidney["truth_points"], kidney["prediction_points"], kidney["dice"]) == (0, 3, 0)
    (both,) = evaluate_folder(ours, truth, EvaluateOptions(classes={0: "rest", 1: "organ", 2: "organ"})).rows
    assert (both["class"], both["dice"]) == ("organ", 1)
    (one,) = evaluate_folder(ours, truth, EvaluateOptions(classes={1: "liver", 2: "background"})).rows
    assert one["prediction_points"] == 3
    with pytest.raises(
        IsthmusError, match=r"p.a.png: mask value 2 \(3 pixels\) fits no class \(known: 0, 1\)"
    ):
        evaluate_folder(ours, truth, EvaluateOptions(classes={1: "liver"}))
    with pytest.raises(IsthmusError, match="names no foreground"):
        evaluate_folder(ours, truth, EvaluateOptions(classes={0: "background"}))
    with pytest.raises(IsthmusError, match="instances=True that they number objects"):
        evaluate_folder(ours, truth, EvaluateOptions(classes={1: "liver"}, instances=True))


def test_tolerance_and_the_rule_for_misses_are_options(folders: tuple[Path, Path]) -> None:
    found = [
        evaluate_folder(*folders, EvaluateOptions(tolerance=t)).rows[0]["surface_dice"] for t in (0.5, 1)
    ]
    assert found == [pytest.approx(2 * 3 / (3 + 6)), 1]
    endless = evaluate_folder(*folders, EvaluateOptions(missing="infinity")).means()["foreground"]
    assert (endless["hausdorff_distance"], endless["dice"]) == (math.inf, pytest.approx((2 / 3 + 1) / 4))
    others = evaluate_folder(*folders, EvaluateOptions(missing="exclude")).summaries()["foreground"][
        "hausdorff_distance"
    ]
    assert (others.mean, others.n, others.n_missed) == (0.5, 2, 1)
    with pytest.raises(IsthmusError, match=r"^tolerance is -1; give a distance of 0 or more"):
        evaluate_folder(*folders, EvaluateOptions(tolerance=-1))
    with pytest.raises(IsthmusError, match=r"^missing='diag' is not a rule; did you mean 'diagonal'"):
        evaluate_folder(*folders, EvaluateOptions(missing="diag"))  # type: ignore[arg-type]
