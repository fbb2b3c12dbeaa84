"""Rows of a table of scores: every number is there, and what is read back summarises as what was written."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.metrics import over_classes, pooled, score_case, summarise
from isthmus.metrics.rows import by_class, case_rows, summaries
from isthmus.metrics.table import columns

CLASSES = {1: "gland", 2: "lumen"}


def cases():
    """Hits, a missed class, a false alarm, classes that are in neither mask."""
    rng = np.random.default_rng(0)
    random = list(rng.integers(0, 3, (3, 2, 9, 7)))
    empty, first = np.zeros((9, 7), int), np.ones((9, 7), int)
    return [*random, (empty, first), (first, empty), (empty, empty), (first, 2 * first)]


def test_the_columns_are_what_score_case_returns():
    pair = cases()[0]
    for objects in (False, True):
        (row,) = case_rows(
            score_case(*pair, classes={1: "a", 2: "b"}, objects=objects), case="c", set="test", fold=0
        )[1:]
        assert tuple(row) == columns(objects=objects)
        assert (row["case"], row["group"], row["set"], row["fold"], row["class"]) == ("c", "", "test", 0, "b")


def written(rows):
    file = io.StringIO()
    writer = csv.DictWriter(file, columns(objects=True))
    writer.writeheader()
    writer.writerows(rows)
    return list(csv.DictReader(io.StringIO(file.getvalue())))


def test_rows_read_back_summarise_as_the_scores_themselves():
    scores = [score_case(*pair, classes=CLASSES) for pair in cases()]
    rows = [
        row
        for i, each in enumerate(scores)
        for row in case_rows(each, case=f"c{i}", grid="original", fold=None)
    ]
    back = written(rows)
    assert back[0]["fold"] == ""
    assert "." not in back[0]["truth_points"] + back[0]["false_objects"]
    expected = summarise(scores)
    np.testing.assert_equal(summaries(rows), expected)
    np.testing.assert_equal(summaries(back), expected)
    assert expected["gland"]["dice"].n_missed == 1
    assert expected["gland"]["dice"].n_false_alarm == 2
    assert expected["lumen"]["dice"].n_missed == 1
    assert expected["lumen"]["dice"].n_both_empty == 3
    for name, table in by_class(back).items():
        assert pooled(table) == pooled(scores)[name]


def test_strings_of_a_csv_tell_a_miss_as_numbers_do():
    row = {"dice": "0", "prediction_points": "0.0", "truth_points": "4.0"}
    row |= {"shared_points": "0.0", "image_points": "9.0"}
    assert summarise([row])["dice"].n_missed == 1
    assert pooled([row]).truth == 4


def test_over_classes_counts_a_case_once():
    """By hand: cases (1, 0 missed), (1, both empty 1), (both empty 1, 1), false alarm (1, 0); NaN left out."""

    def row(dice, p, t, gaps=math.nan):
        return {"dice": dice, "open_gaps": gaps, "prediction_points": p, "truth_points": t}

    found = over_classes(
        [
            {"a": row(1.0, 4, 4, 0.5), "b": row(0.0, 0, 4)},
            {"a": row(1.0, 4, 4), "b": row(1.0, 0, 0)},
            {"a": row(1.0, 0, 0), "b": row(1.0, 0, 0)},
            {"a": row(1.0, 4, 4), "b": row(0.0, 4, 0)},
        ]
    )
    dice = found["dice"]
    assert (dice.mean, dice.n) == (0.75, 4)
    assert (dice.n_missed, dice.n_both_empty, dice.n_false_alarm) == (1, 1, 1)
    assert (found["open_gaps"].mean, found["open_gaps"].n, found["open_gaps"].n_missed) == (0.5, 1, 1)
    for nothing in ([], [{}]):
        with pytest.raises(IsthmusError, match="there are no scores"):
            over_classes(nothing)


def test_a_cell_that_is_no_number_is_named():
    with pytest.raises(IsthmusError, match="dice is 'good', not a number"):
        summaries([{"case": "a", "class": "cell", "dice": "good"}])
