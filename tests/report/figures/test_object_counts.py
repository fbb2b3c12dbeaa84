"""True against predicted numbers of objects, with the line on which they are equal."""

from __future__ import annotations

import math
import re

import pytest

from isthmus.report.charts import scatter
from isthmus.report.figures import Reported
from isthmus.report.figures.object_counts import draw
from isthmus.runs.results import read_run

from ..conftest import MakeRun

KEYS = ("case", "group", "set", "fold", "class", "dice")


def rows(*counts: tuple[object, object]) -> list[tuple[object, ...]]:
    return [(f"c{i}", f"c{i}", "validation", 0, "cell", 0.5, *pair) for i, pair in enumerate(counts)]


def test_counts_add_up_and_a_case_without_any_is_left_out(make_run: MakeRun) -> None:
    run = read_run(
        make_run(
            rows=rows((88, 73), (12, 12), ("", "")), columns=(*KEYS, "truth_objects", "prediction_objects")
        )
    )
    figure = draw(Reported(run, [run]))
    assert figure is not None
    assert "100 true and 85 predicted objects in all" in figure.caption
    assert len(figure.charts) == 1


@pytest.mark.parametrize("columns", [("volume", "age"), ("truth_objects", "age")])
def test_a_run_without_counts_has_no_such_figure(make_run: MakeRun, columns: tuple[str, str]) -> None:
    run = read_run(make_run(rows=rows((1, 2)), columns=(*KEYS, *columns)))
    assert draw(Reported(run, [run])) is None


def test_points_lie_where_their_numbers_say() -> None:
    """On axes of one length, from 0: (0, 0) and (4, 4) are the ends of the line, (4, 0) is right of its start."""
    chart = scatter("t", [0, 4, 4, math.nan], [0, 4, 0, 1], ("x", "y"))
    assert chart is not None
    points = [
        tuple(map(float, found)) for found in re.findall(r'<use [^>]*x="([\d.]+)" y="([\d.]+)"', chart.svg)
    ][-3:]
    start, end, right = points
    assert end[0] - start[0] == pytest.approx(start[1] - end[1])
    assert right == (pytest.approx(end[0]), pytest.approx(start[1]))


def test_nothing_to_draw() -> None:
    assert scatter("t", [], [], ("x", "y")) is None
    assert scatter("t", [math.nan], [1], ("x", "y")) is None
