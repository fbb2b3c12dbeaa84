"""The table of metrics: every fact is stated once, and a registered metric appears wherever the others do."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from isthmus import metrics
from isthmus.errors import IsthmusError
from isthmus.metrics import Metric, register_metric, score_case, score_probabilities, summarise
from isthmus.metrics.case import METRICS
from isthmus.metrics.measurements import Measurements
from isthmus.metrics.object_states import OF_PREDICTION, OF_TRUTH
from isthmus.metrics.rows import case_rows
from isthmus.metrics.table import columns, direction, is_shown, list_metrics, title

BETTER = {
    "higher": {"dice", "iou", "open_gaps", "aggregated_jaccard", "average_precision", "surface_dice"},
    "lower": {"hausdorff_distance_95", "average_surface_distance", "object_hausdorff", "false_objects"},
    "neither": {"volume_difference", "prediction_objects", "truth_objects"},
}


@pytest.fixture(autouse=True)
def only_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METRICS, "_things", dict(METRICS))


@pytest.mark.parametrize(("better", "names"), BETTER.items())
def test_which_direction_is_better(better, names):
    assert {direction(name) for name in names} == {{"higher": 1, "lower": -1, "neither": 0}[better]}


def test_a_perfect_prediction_has_the_best_value_of_every_metric():
    """Shares are 1, distances and false objects 0; no other prediction is better by any metric."""
    truth = np.zeros((12, 12), bool)
    truth[2:5, 2:5] = truth[7:10, 7:10] = True
    best, other = score_case(truth, truth), score_case(np.roll(truth, 1, 0), truth)
    for name in list_metrics():
        metric = METRICS[name]
        if metric.better == "neither" or math.isnan(best[name]):
            continue
        assert best[name] == (1 if metric.better == "higher" else 0), name
        assert direction(name) * (best[name] - other[name]) >= 0, name


def test_a_function_of_the_package_gives_what_the_table_gives():
    truth = np.zeros((12, 14), bool)
    truth[2:5, 2:5] = truth[2:5, 6:9] = truth[7:10, 7:10] = True
    prediction = np.roll(truth, 1, 1)
    scores, compared = score_case(prediction, truth, tolerance=1), set()
    for name in [name for name in list_metrics() if hasattr(metrics, name)]:
        needs_numbers = METRICS[name].objects and name not in ("open_gaps", "false_objects")
        masks = [metrics.components(each) if needs_numbers else each for each in (prediction, truth)]
        more = {"tolerance": 1} if name == "surface_dice" else {}
        assert getattr(metrics, name)(*masks, **more) == scores[name], name
        compared.add(name)
    assert set(list_metrics()) - compared == {
        "hausdorff_distance_95",
        "hausdorff_distance_foreground",
        "average_distance_to_truth",
        "average_distance_to_prediction",
        "segmentation_quality",
        "recognition_quality",
        "prediction_objects",
        "truth_objects",
        *OF_TRUTH,
        *OF_PREDICTION,
    }


def test_a_column_that_is_no_metric_is_judged_by_no_guess():
    assert (direction("assd"), is_shown("assd", "report"), title("assd")) == (0, False, "Assd")


def width(of: Measurements) -> float:
    """Columns of the image in which the prediction has a point."""
    return float(np.count_nonzero(of.prediction.any(axis=0)))


def test_a_registered_metric_sees_the_whole_masks_and_is_scored_and_written(tmp_path: Path):
    register_metric(Metric("width", "count", "neither", width))
    prediction = np.zeros((4, 9), np.uint8)
    prediction[1, 2:5] = 1
    scores = score_case(prediction, np.roll(prediction, 2, 1), classes={1: "cell"}, objects=False)
    (row,) = case_rows(scores, case="a")
    assert tuple(row) == columns()
    assert columns()[-5:] == ("width", *columns()[-4:])
    assert row["width"] == 3
    assert isinstance(row["width"], int)
    with (tmp_path / "cases.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns())
        writer.writeheader()
        writer.writerow(row)
    assert summarise([scores["cell"]])["width"].mean == 3


def test_masks_of_the_whole_image_are_there_even_if_empty():
    register_metric(Metric("side", "count", "neither", lambda of: of.truth.shape[1] + of.prediction.shape[0]))
    assert score_case(np.zeros((4, 9), bool), np.zeros((4, 9), bool))["side"] == 13


def test_a_metric_of_objects_is_left_out_with_them():
    register_metric(
        Metric("largest", "count", "neither", lambda of: max(of.objects.truth.areas), objects=True)
    )
    truth = np.array([[1, 1, 0, 2]])
    assert score_case(truth, truth, instances=True)["largest"] == 2
    assert "largest" not in score_case(truth > 0, truth > 0, objects=False)
    assert columns(objects=True)[-5] == "largest"


def most(of: Measurements) -> float:
    return float(of.probabilities.max())


def test_a_metric_of_probabilities_is_computed_where_they_are_known():
    register_metric(Metric("most", "share", "higher", most, probabilities=True))
    assert "most" not in score_case([[True]], [[True]])
    assert "most" not in columns()
    assert "most" in columns(probabilities=True)
    assert score_probabilities([[0.25, 0.75]], [[True, False]]) == {"most": 0.75}
    assert score_probabilities([[0.25, 0.75]], [[1, 255]], ignore=255) == {"most": 0.25}


@pytest.mark.parametrize("wrong", [[[0.5]], [[0.5, 1.5]], [[0.5, np.nan]], [[-0.5, 0.5]]])
def test_what_is_no_probability_of_each_point_is_refused(wrong):
    register_metric(Metric("most", "share", "higher", most, probabilities=True))
    with pytest.raises(IsthmusError, match="give a number from 0 to 1 for each point"):
        score_probabilities(wrong, [[True, False]])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("dice", "share", "higher"), "a metric named 'dice' is registered already"),
        (("class", "share", "higher"), "a metric cannot be named 'class'"),
        (("image_points", "share", "higher"), "a metric cannot be named 'image_points'"),
        (("My metric", "share", "higher"), "a metric cannot be named 'My metric'"),
        (("mine", "shares", "higher"), "'shares': did you mean 'share'"),
        (("mine", "share", "bigger"), "'bigger'"),
        (("mine", "share", "higher", width, ("reports",)), "'reports': did you mean 'report'"),
    ],
)
def test_an_impossible_row_is_refused(row, message):
    with pytest.raises(ValueError, match=message):
        register_metric(Metric(*row, *([width] if len(row) == 3 else [])))
