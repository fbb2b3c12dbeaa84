"""Pictures of a study: which cases are shown, from run folders whose predictions are known."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import IsthmusError
from isthmus.io import nifti
from isthmus.io.geometry import Geometry
from isthmus.io.volumes import write_volume
from isthmus.io.writing import write_image, write_mask
from isthmus.studies.gallery.best_and_worst import FIFTEEN, ends
from isthmus.studies.gallery.chosen_cases import cases_per_rule
from isthmus.studies.page import write_study
from isthmus.studies.study import Study
from isthmus.studies.study_folder import Plan, Planned, StudyFolder

from ..conftest import write_run

SIDE = 32
CASES = ("clear", "faint", "large", "missed", "specks", "spread")


def truth_of(case: str) -> np.ndarray:
    truth = np.zeros((SIDE, SIDE), np.uint8)
    truth[8:18, 8:18] = 1
    if case == "large":
        truth[:, :28] = 1
    return truth


def image_of(case: str) -> np.ndarray:
    """One square, brighter than its surroundings by so much that the rules can tell the cases apart."""
    truth = truth_of(case)
    bright = {"clear": 250, "faint": 105}.get(case, 180)
    image = np.where(truth == 1, bright, 100 if case == "faint" else 20).astype(np.uint8)
    image[0, :8], image[31, :8] = 0, 255  # the same range of tones in all
    if case == "spread":
        image[8:18, 8:13] = 250
    if case == "specks":
        image[24:28, 24:28] = 200
    return image[None]


def predicted(case: str, network: str) -> np.ndarray:
    """The truth, but for one case that the first network misses, and specks that both take for cells."""
    found = truth_of(case)
    if case == "missed" and network == "U-Net":
        found[:] = 0
    if case == "specks":
        found[24:28, 24:28] = 1
    return found


def write_data(folder: Path) -> Path:
    for case in CASES:
        write_image(folder / "images" / f"{case}.png", image_of(case))
        write_mask(folder / "masks" / f"{case}.png", truth_of(case) * 255)
    return folder


def make(
    study: Study, out: Path, of: Mapping[str, Callable[[str, str], np.ndarray]] | None = None
) -> StudyFolder:
    """A study whose cells are finished: half of the cases in each of two folds, masks beside their scores."""
    folder, cells, recipes = StudyFolder(out), [], {}
    for i, cell in enumerate(study.cells()):
        cells.append(Planned(f"cell{i:04d}", cell.data, cell.network, cell.point, cell.fold, cell.repeat))
        recipes[cells[-1].name] = cell.recipe
        run = folder.run(cells[-1].name)
        scores = {}
        for case in CASES[cell.fold :: 2]:
            mask, truth = predicted(case, cell.network), truth_of(case)
            write_mask(run.predictions / f"{case}.png", mask * 255)
            scores[case] = 2 * float((mask & truth).sum()) / float(mask.sum() + truth.sum())
        write_run(run.path, cell.recipe, scores)
    folder.write(study, Plan(tuple(cells)), recipes, None)
    return folder


@pytest.fixture
def study(small: Any, tmp_path: Path) -> Callable[..., Study]:
    def made(**changes: Any) -> Study:
        source = str(write_data(tmp_path / "cells"))
        about = {"source": source, "classes": ["background", "cell"], "values": {0: 0, 255: 1}}
        return small(**{"data": {"cells": {"data": about}}, "figures": ["gallery"]} | changes)

    return made


def shelves(page: str) -> dict[str, list[str]]:
    """The cases under each rule, drawn there or named there."""
    found = {}
    for part in page.split('<div class="shelf" id="')[1:]:
        drawn = re.findall(r"<h4>(.*?)</h4>", part)
        again = re.findall(r'<a href="#[\w-]+">(\S+) \(', part)
        found[part.partition('"')[0]] = [*drawn, *again]
    return found


def test_each_rule_shows_the_cases_that_it_is_about(study: Any, tmp_path: Path) -> None:
    folder = make(study(), tmp_path / "study")
    write_study(folder)
    page = folder.page.read_text(encoding="utf-8")
    found = shelves(page)
    with (folder.tables / "gallery.csv").open(newline="") as file:
        scores = list(csv.DictReader(file))
    first = {}
    for rule, cases in found.items():
        column = rule.removeprefix("rule-")
        first[column] = max(scores, key=lambda row, c=column: float(row[c] or "-inf"))["case"]
        assert first[column] in cases
        assert len(cases) <= 3
    assert first == {
        "clear-boundary": "clear",
        "obscure-boundary": "faint",
        "inconsistent-foreground": "spread",
        "outliers": "specks",
        "majority-class": "large",
        "under-segmentation": "missed",
        "over-segmentation": "specks",
        "apart": "missed",
    }
    assert found["rule-majority-class"] == ["large"]
    assert found["rule-over-segmentation"] == ["specks"]
    assert "No case for: Several classes, Absent class." in page
    for case in CASES:
        assert page.count(f"<h4>{case}</h4>") <= 1  # drawn once
    assert "U-Net: Dice 0.0000" in page
    assert "Sharp U-Net: Dice 1.0000" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)


def test_scores_of_every_case_stand_in_a_table(study: Any, tmp_path: Path) -> None:
    folder = make(study(), tmp_path / "study")
    write_study(folder)
    with (folder.tables / "gallery.csv").open(newline="") as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(CASES)
    assert float(rows["large"]["majority-class"]) == 28 / 32
    assert float(rows["missed"]["under-segmentation"]) == 0.5
    assert float(rows["missed"]["apart"]) == 1.0
    assert float(rows["specks"]["over-segmentation"]) == pytest.approx(16 / 116, abs=1e-5)
    assert float(rows["specks"]["U-Net"]) == pytest.approx(2 * 100 / 216, abs=1e-5)


def test_where_the_images_are_gone_the_page_says_so_in_a_line(study: Any, tmp_path: Path) -> None:
    folder = make(study(figures=["boxes", "extremes", "gallery", "volumes"]), tmp_path / "study")
    shutil.rmtree(tmp_path / "cells")
    write_study(folder)
    page = folder.page.read_text(encoding="utf-8")
    assert page.count("Pictures of cells are missing: ") == 1
    assert "<img" not in page
    assert "Spread and significance" in page


def test_a_picture_that_cannot_be_read_leaves_the_others(study: Any, tmp_path: Path) -> None:
    folder = make(study(), tmp_path / "study")
    (tmp_path / "cells" / "images" / "clear.png").write_bytes(b"no picture")
    write_study(folder)
    page = folder.page.read_text(encoding="utf-8")
    assert page.count("clear could not be drawn: ") == 1
    assert shelves(page)["rule-clear-boundary"][0] != "clear"
    assert shelves(page)["rule-outliers"][0] == "specks"


def test_a_study_that_was_moved_finds_its_phantoms(study: Any, tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    about = {
        "source": str(before / "phantoms" / "p"),
        "classes": ["background", "cell"],
        "values": {0: 0, 255: 1},
    }
    write_data(before / "phantoms" / "p")
    make(study(data={"cells": {"data": about}}), before)
    before.rename(after)
    folder = StudyFolder(after)
    write_study(folder)
    assert "<img" in folder.page.read_text(encoding="utf-8")


def test_named_parts_are_set_against_each_other(study: Any, tmp_path: Path) -> None:
    folder = make(study(parts={"Sharp U-Net": "U-Net"}), tmp_path / "study")
    write_study(folder)
    page = folder.page.read_text(encoding="utf-8")
    assert "With and without a part" in page
    assert "differ most: Sharp U-Net and U-Net." in page
    with pytest.raises(IsthmusError, match=r"parts: .*found 'Sharp'"):
        study(parts={"Sharp": "U-Net"})


def test_strips_show_the_best_and_the_worst_of_the_reference(study: Any, tmp_path: Path) -> None:
    folder = make(study(figures=["extremes"], reference="U-Net"), tmp_path / "study")
    write_study(folder)
    page = folder.page.read_text(encoding="utf-8")
    best, worst = (
        re.findall(r"<figcaption>(\d\. .*?)</figcaption>", part) for part in page.split("cells: worst 3")
    )
    assert best == ["1. clear: 1.0000", "2. faint: 1.0000", "3. large: 1.0000"]
    assert worst == ["1. missed: 0.0000", "2. specks: 0.9259", "3. spread: 1.0000"]
    assert page.count("<img") == 6
    assert "cells, best 3" in page  # the chart of HMEDN figure 7
    folder = make(study(figures=["extremes"]), tmp_path / "other")
    write_study(folder)
    assert "worst cases of Sharp U-Net, worst first" in folder.page.read_text(encoding="utf-8")


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.floats(0, 1), max_size=60))
def test_ends_are_fifteen_at_most_and_share_no_case(values: dict[str, float]) -> None:
    best, worst = ends(values, "dice")
    assert len(best) == len(worst) == min(FIFTEEN, len(values) // 2)
    assert not set(best) & set(worst)
    rest = [values[case] for case in values if case not in best]
    assert not best or min(values[case] for case in best) >= max(rest)
    assert [values[case] for case in worst] == sorted(values[case] for case in worst)
    assert ends(values | {"x": float("nan")}, "dice") == (best, worst)


def test_of_distances_the_smallest_is_the_best() -> None:
    assert ends({"near": 1.0, "far": 9.0}, "hausdorff_distance") == (["near"], ["far"])


def test_more_networks_and_data_sets_leave_fewer_cases_a_rule() -> None:
    counts = [cases_per_rule(data, networks) for data, networks in ((1, 1), (1, 5), (1, 9), (3, 2), (6, 9))]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (3, 1)


def test_volumes_are_shown_in_slices_and_surfaces(small: Any, tmp_path: Path) -> None:
    truth = np.zeros((6, 20, 24), np.uint8)
    truth[2:5, 4:14, 6:18] = 1
    truth[2:5, 6:10, 8:12] = 2
    names = ["one", "two"]
    for name in names:
        for part, array in (("images", (truth * 90).astype(np.int16)), ("masks", truth)):
            (tmp_path / "scans" / part).mkdir(parents=True, exist_ok=True)
            grid = Geometry(array.shape[::-1], array.dtype, np.diag([-1.0, -1.0, 4.0, 1.0]))
            nifti.write(tmp_path / "scans" / part / f"{name}.nii.gz", grid.from_array(array), grid)
    about = {
        "source": str(tmp_path / "scans"),
        "classes": ["background", "shell", "core"],
        "values": {0: 0, 1: 1, 2: 2},
    }
    study = small(
        data={"scans": {"data": about}},
        folds=1,
        figures=["extremes", "gallery", "volumes"],
        recipe={"input": {"slices": 3}, "protocol": {"kind": "holdout"}},
    )
    folder, cells, recipes = StudyFolder(tmp_path / "study"), [], {}
    for cell in study.cells():
        cells.append(Planned(cell.network.replace(" ", ""), cell.data, cell.network, "", 0, 0))
        recipes[cells[-1].name] = cell.recipe
        run = folder.run(cells[-1].name)
        write_run(run.path, cell.recipe, dict.fromkeys(names, 1.0), labels=("shell", "core"))
        for name in names:
            run.predictions.mkdir(exist_ok=True)
            image = tmp_path / "scans" / "images" / f"{name}.nii.gz"
            write_volume(run.predictions / f"{name}.nii.gz", truth, like=image)
    folder.write(study, Plan(tuple(cells)), recipes, None)
    write_study(folder)
    page = folder.page.read_text(encoding="utf-8")
    assert "missing" not in page
    section = page.partition("<h2>Volumes</h2>")[2].partition("</section>")[0]
    assert section.count("<img") == 2 * (
        6 + 3
    )  # best and worst: slices of both masks, surfaces of truth and networks
    assert "True outlines: Axial, slice 4 of 6" in section
    assert section.count("True surface") == 4  # captions and descriptions
    assert shelves(page)["rule-several-classes"] == ["one", "two"]
    assert "slice 3 of 6" in page
    assert "another class" in page
