"""Several runs on one page."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.errors import IsthmusError
from isthmus.report import write_comparison
from isthmus.report.comparison import _best, _not_different

from .conftest import MakeRun, one_class, pictures
from .page import Page

DICE = {"a": 0.5, "b": 0.9, "c": 0.7, "d": 0.6}


def test_two_networks_side_by_side(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [
        make_run("one", one_class(DICE), model="unet"),
        make_run("two", one_class({"a": 0.6, "b": 0.8, "c": 0.75, "d": 0.6}), model="sharp_unet"),
    ]
    out = write_comparison(
        runs, tmp_path / "pages" / "compare.html", "A & B", images=[pictures(list(DICE))] * 2
    )
    page = Page(out)
    assert page.all("title")
    assert "A & B" in page.text
    overview = [row for row in page.rows if row and row[0] in ("unet", "sharp_unet") and len(row) == 9]
    assert [row[1] for row in overview] == ["0.675 ± 0.171", "0.688 ± 0.103"]
    # by the mean of both: b .85, c .725, d .6, a .55
    table = page.cases[1:]
    assert [row[:5] for row in table] == [
        ["1", "b", "0.900", "0.800", "−0.100"],
        ["2", "c", "0.700", "0.750", "+0.050"],
        ["3", "d", "0.600", "0.600", "0.000"],
        ["4", "a", "0.500", "0.600", "+0.100"],
    ]
    for words in ("Best: b", "Median: d", "Worst: a", "unet: Dice 0.900", "sharp_unet: Dice 0.800"):
        assert words in page.text.replace(", and the largest difference", "")
    assert "largest difference" in page.text.lower()
    bold = page.source.count("<b>")
    assert '<td class="num" data-v="0.9"><b>0.900</b>' in page.source
    assert '<b>0.600</b></td><td class="num" data-v="0.6"><b>' not in page.source
    # means, of which four cases can tell none apart, then three metrics of the three cases that differ
    assert bold == 2 * 3 + 3 * 3


def test_bold_means_are_those_that_are_not_shown_to_differ_from_the_best(
    make_run: MakeRun, tmp_path: Path
) -> None:
    """Of 8 cases the least p of Wilcoxon's test is 2 / 256, of two tests by Holm 4 / 256: below 0.05."""
    cases = [f"c{i}" for i in range(8)]
    best = {case: 0.8 + i / 100 for i, case in enumerate(cases)}
    alike = {case: value + (0.05 if i % 2 else -0.06) for i, (case, value) in enumerate(best.items())}
    worse = {case: value - 0.01 * (i + 1) for i, (case, value) in enumerate(best.items())}
    given = {"unet": worse, "mildnet": best, "sharp_unet": alike}
    runs = [make_run(name, one_class(dices), model=name) for name, dices in given.items()]
    page = Page(write_comparison(runs, tmp_path / "c.html", "t"))
    lines = [line for line in page.source.splitlines() if "<tr><td>" in line and "±" in line]
    bold = {line.split("<td>")[1].split("<")[0]: line.count("<b>") for line in lines}
    assert bold == {"unet": 0, "mildnet": 3, "sharp_unet": 3}
    assert "those not significantly different from it (Wilcoxon's signed-rank test" in page.source


def test_the_same_network_twice_is_told_apart_by_folder(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run("seed 0"), make_run("seed 1"), make_run("seed 2", model="mildnet")]
    page = Page(write_comparison(runs, tmp_path / "c.html", "Seeds"))
    names = [row[0] for row in page.rows if len(row) == 9]
    assert names[:3] == ["unet (seed 0)", "unet (seed 1)", "mildnet"]
    assert "difference is" not in page.text


def test_only_shared_cases_are_compared(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run("one", one_class(DICE)), make_run("two", one_class({"a": 0.6, "z": 0.8}))]
    page = Page(write_comparison(runs, tmp_path / "c.html", "t"))
    assert "Only the cases that every run scored are compared here." in page.text
    assert "1 case of my nuclei" in page.text
    assert [row[1] for row in page.cases[1:]] == ["a"]


def test_several_classes(make_run: MakeRun, tmp_path: Path) -> None:
    rows = [("p", "p", "test", 0, label, d, d, 1.0) for label, d in (("liver", 0.5), ("spleen <", 0.7))]
    runs = [make_run("one", rows), make_run("two", rows)]
    page = Page(write_comparison(runs, tmp_path / "c.html", "t", images=[pictures("p")] * 2))
    assert [row[2] for row in page.rows if len(row) == 10] == ["liver", "spleen <"]
    assert "True outline" in page.text


def test_runs_scored_on_two_grids_are_not_compared(make_run: MakeRun, tmp_path: Path) -> None:
    counts = (100, 100, 80, 1000)
    runs = [
        make_run(grid, [("c", "c", "test", 0, "cell", 0.9, 0.8, 1.0, grid, *counts)])
        for grid in ("original", "network")
    ]
    with pytest.raises(IsthmusError, match=r"network: scored on the grid the network sees, but .*own grid"):
        write_comparison(runs, tmp_path / "c.html", "t")


def test_a_picture_that_is_missing_leaves_the_others(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run("one", one_class(DICE)), make_run("two", one_class(DICE), model="mildnet")]
    page = Page(write_comparison(runs, tmp_path / "c.html", "t", images=[pictures("abcd"), pictures("acd")]))
    assert len(page.all("article")) == 3
    assert "1 case could not be drawn. b: no picture was given for case 'b'" in page.text


def test_what_cannot_be_compared_is_refused_in_one_line(make_run: MakeRun, tmp_path: Path) -> None:
    one, two = make_run("one"), make_run("two", one_class({"z": 0.5}))
    out = tmp_path / "c.html"
    with pytest.raises(IsthmusError, match="takes two to six runs, 1 given"):
        write_comparison([one], out, "t")
    with pytest.raises(IsthmusError, match=r"two: shares no scored case with .*one"):
        write_comparison([one, two], out, "t")
    with pytest.raises(IsthmusError, match="2 runs but pictures for 1"):
        write_comparison([one, one], out, "t", images=[{}])
    other = make_run(
        "three", [("c", "c", "test", 0, "cell", 1)], columns=("case", "group", "set", "fold", "class", "auc")
    )
    with pytest.raises(IsthmusError, match=r"three: shares no metric with .*one"):
        write_comparison([one, other], out, "t")
    assert not out.exists()


@pytest.mark.parametrize(
    ("metric", "best", "good"),
    [
        ("dice", {1}, {1, 2}),
        ("average_surface_distance", {0}, {0}),
        ("volume_difference", set(), set()),
        ("assd of another program", set(), set()),
    ],
)
def test_the_best_is_what_the_table_of_metrics_says(metric: str, best: set[int], good: set[int]) -> None:
    """Ten cases: the first run is lower in all of them, the third is the second but for one case."""
    low, high = ({f"{i}": level + i / 100 for i in range(10)} for level in (1.0, 2.0))
    alike = high | {"9": high["9"] - 0.5}
    columns = [low, high, alike]
    assert _best([sum(column.values()) for column in columns], metric) == best
    assert _not_different(columns, metric) == good
