"""The tables of a report: summary by set and class, clean-up, every case."""

from __future__ import annotations

from isthmus.report import write_report

from .conftest import CASES, MakeRun, disks, one_class, pictures
from .page import Page


def test_classes_misses_and_undefined_cells(make_run: MakeRun) -> None:
    rows = [
        ("p", "g1", "test", 0, "liver", 0.9, 0.82, 3.0),
        ("p", "g1", "test", 0, "spleen", 0.0, 0.0, "inf"),
        ("q", "g1", "test", 0, "liver", 0.7, 0.54, 5.0),
        ("q", "g1", "test", 0, "spleen", 1.0, 1.0, "nan"),
        ("r", "g2", "validation", 0, "liver", 0.8, 0.67, ""),
    ]
    page = Page(write_report(make_run(rows=rows), images=pictures(["p", "q"])))
    assert "0.650 ± 0.283 n = 2, 1 missed" in page.text
    assert "∞ n = 2, 1 missed" in page.text  # a mean over an infinite distance is infinite
    spleen = [row for row in page.rows if row[:2] == ["test", "spleen"]]
    assert spleen[0] == [
        "test",
        "spleen",
        "Dice",
        "0.500",
        "0.707",
        "0.500",
        "0.000",
        "1.000",
        "2",
        "1",
        "0",
        "0",
    ]
    assert spleen[2] == ["test", "spleen", "Hausdorff distance", "∞", "–", "∞", "∞", "∞", "1", "1", "0", "0"]
    assert spleen[3][2:4] == ["Dice, all cases as one image", "0.667"]  # 2 * 100 / (100 + 2 * 100)
    assert ["test", "all classes", "Dice", "0.650"] in [row[:4] for row in page.rows]
    assert ["2", "p", "g1", "test", "spleen", "0.000", "0.000", "∞"] in page.rows
    assert ["1", "q", "g1", "test", "spleen", "1.000", "1.000", "–"] in page.rows
    assert ["", "r", "g2", "validation", "liver", "0.800", "0.670", "–"] in page.rows
    assert "chosen by its score" not in page.text
    assert page.text.count("Predicted outlines") == 2


def test_tables_name_the_grid_and_never_mix_two(make_run: MakeRun) -> None:
    page = Page(write_report(make_run("one", one_class({"c": 0.8}))))
    assert page.text.count("on the images' own grid") == 3
    assert "Grid" not in page.text
    counts = (100, 100, 80, 1000)
    rows = [
        ("c", "c", "test", 0, "cell", 0.9, 0.8, 1.0, "network", *counts),
        ("c", "c", "test", 0, "cell", 0.5, 0.4, 2.0, "original", *counts),
    ]
    page = Page(write_report(make_run("two", rows)))
    assert "0.500 n = 1, none missed" in page.text
    assert [row[:5] for row in page.cases[1:]] == [
        ["1", "c", "original", "0.500", "0.400"],
        ["", "c", "network", "0.900", "0.800"],
    ]
    assert ["network", "Dice", "0.900"] in [row[:3] for row in page.rows]


def test_what_is_in_neither_mask_is_counted_beside_the_mean(make_run: MakeRun) -> None:
    rows = [
        ("a", "a", "test", 0, "cell", 1.0, 1.0, 0.0, "original", 0, 0, 0, 1000),
        ("b", "b", "test", 0, "cell", 0.0, 0.0, 44.0, "original", 0, 50, 0, 1000),
        ("c", "c", "test", 0, "cell", 0.0, 0.0, 44.0, "original", 50, 0, 0, 1000),
    ]
    page = Page(write_report(make_run(rows=rows)))
    assert ["Dice", "0.333", "0.577", "0.000", "0.000", "1.000", "3", "1", "1", "1"] in page.rows


def test_misses_that_were_not_counted_are_not_claimed(make_run: MakeRun) -> None:
    rows = one_class({"a": 0.0, "b": 0.5})
    page = Page(write_report(make_run(rows=rows, columns=CASES)))
    assert "0.250 ± 0.354 n = 2 " in page.text
    assert ["Dice", "0.250", "0.354", "0.250", "0.000", "0.500", "2", "–", "–", "–"] in page.rows
    assert "own grid" not in page.text


def test_every_metric_is_summarised_and_the_table_of_cases_stays_readable(make_run: MakeRun) -> None:
    from isthmus.metrics import case_rows, score_case
    from isthmus.metrics.table import METRICS, columns

    truth, ours = disks(), disks(shift=2)
    cases = [(truth, truth), (ours, truth), (0 * truth, truth)]
    rows = [
        row
        for i, pair in enumerate(cases)
        for row in case_rows(
            score_case(*pair, classes={1: "cell"}), case=f"c{i}", set="test", grid="original"
        )
    ]
    run = make_run(rows=[tuple(row.values()) for row in rows], columns=columns(objects=True))
    page = Page(write_report(run))
    summary = [row for row in page.rows if len(row) == 10]
    assert len(summary) == len(METRICS) + 2
    assert all(row[-3:] == ["1", "0", "0"] for row in summary[:-2])
    assert len(page.cases[1]) == 2 + 9
    assert "All metrics of every case are in cases.csv." in page.text
