import numpy as np
import pytest
from PIL import Image

from benchmarks.accuracy.contenders import page

MACHINE = {
    "processor": "a processor",
    "cores": 2,
    "threads": 1,
    "gpu": None,
    "memory_gib": 4.0,
    "capabilities": [],
    "python": "3.11",
    "versions": {"torch": "2"},
}


def run(asked, dice, seed=0, group="AABB"):
    """A run of cases whose Dice is given."""
    scores = {f"case {i}": {"dice": d, "iou": d / 2, "group": group[i]} for i, d in enumerate(dice)}
    return {
        "asked": asked,
        "seed": seed,
        "train": 1.1 * asked,
        "predict": 5.0,
        "steps": 90,
        "scores": scores,
    }


def row(asked, seed, **values):
    return {"name": f"toy, {asked} s, seed {seed}", "unit": "runs", "values": values, "machine": MACHINE}


@pytest.fixture
def rows():
    return [
        row(300, 0, isthmus=run(300, [0.9, 0.8, 0.7, 0.6]), nnunet=run(300, [0.8, 0.7, 0.6, 0.5])),
        row(
            300,
            1,
            isthmus=run(300, [0.7, 0.8, 0.9, 0.8], seed=1),
            nnunet=run(300, [0.8, 0.7, 0.8, 0.5], seed=1),
        ),
        row(60, 0, isthmus=run(60, [0.5] * 4)),
    ]


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_has_means_over_seeds_and_cases_and_paired_differences(rows):
    lines = page.scores_at(300, [{"rows": rows}])
    ours, nnunet = (cells(line) for line in lines[2:4])
    # ours by case over seeds: 0.8 0.8 0.8 0.7; nnU-Net's: 0.8 0.7 0.7 0.5; differences 0 0.1 0.1 0.2
    assert ours == ["toy", "isthmus train", "2", "4", "**0.7750**", "0.3875", "-", "330", "90", "5"]
    assert nnunet[4:6] == ["0.6750", "0.3375"]
    # whole groups, of means 0.05 and 0.15, are flipped: the mean is as far from 0 in 2 of 4 ways
    assert nnunet[6] == "+0.1000 (too few groups), p = 0.500"
    assert "a processor" in lines[-1] or "a processor" in lines[-2]


def test_intervals_are_those_of_the_comparison_and_ours_minus_the_other_whichever_is_better():
    dice = [0.9, 0.5, 0.7, 0.6, 0.8, 0.4]
    better = run(300, [each + 0.05 for each in dice], group="ABCDEF")
    lines = page.scores_at(
        300, [{"rows": [row(300, 0, isthmus=run(300, dice, group="ABCDEF"), nnunet=better)]}]
    )
    # all six differences have one sign: 2 of 64 flips are as far from 0
    assert cells(lines[3])[4] == "**0.7000**"
    assert cells(lines[3])[6] == "-0.0500 (-0.0500 to -0.0500), p = 0.031"


def test_a_program_that_is_not_installed_gets_one_line_for_all_its_rows(rows):
    for each in rows:
        each["values"]["nnunet"] = {"asked": 300, "seed": 0, "missing": "not installed: nnunetv2 for python"}
    lines = page.scores_at(300, [{"rows": rows}])
    assert [line for line in lines if "nnU-Net" in line] == [
        "- nnU-Net v2: not installed: nnunetv2 for python"
    ]
    assert cells(lines[2])[4] == "**0.7750**"


def test_the_curve_has_the_first_seed_at_every_time_and_sets_of_one_time_have_none(rows):
    other = {"name": "other, 300 s, seed 0", "unit": "runs", "values": {"isthmus": run(300, [1.0] * 4)}}
    lines = page.BLOCKS["curve"]([{"rows": [*rows, other]}])
    assert lines[0] == f"![Dice by minutes]({page.PICTURE})"
    assert cells(lines[4]) == ["toy", "isthmus train", "0.5000 (66)", "0.7500 (330)"]
    assert cells(lines[5]) == ["toy", "nnU-Net v2", "0.6500 (330)", "-"]
    assert not any("other" in line for line in lines)
    assert page.BLOCKS["curve"]([{"rows": [other]}])[0].startswith("No time but one")


def test_the_picture_is_drawn_where_there_are_several_times(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "ROOT", tmp_path / "benchmarks")
    (tmp_path / "docs" / "results").mkdir(parents=True)
    path = tmp_path / "docs" / "results" / page.PICTURE
    assert page.drawn(None, rows[:1]) == {"picture": None}
    assert not path.exists()
    assert page.drawn(None, rows) == {"picture": page.PICTURE}
    with Image.open(path) as picture:
        assert np.asarray(picture.convert("L")).std() > 5
    assert path.stat().st_size < 100_000
