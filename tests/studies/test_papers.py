"""The papers' tables: their recipes are valid, say what the papers say, and name what the papers print."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from isthmus.data.cases import Dataset
from isthmus.data.catalog import DATASETS
from isthmus.data.phantoms.cells import phantom
from isthmus.data.phantoms.nuclei import touching_nuclei
from isthmus.data.phantoms.organs import SHAPE, SPACING, organ_phantom
from isthmus.data.rng import rng
from isthmus.data.splits.papers import placeholders
from isthmus.errors import IsthmusError
from isthmus.networks import list_models
from isthmus.runs.recipe import Data
from isthmus.studies.page import write_study
from isthmus.studies.papers import list_papers, read_paper, reduced, reproduce, without_few
from isthmus.studies.planning import Place, StudyData
from isthmus.studies.run import RunOptions
from isthmus.studies.study import Phantoms
from isthmus.studies.study_folder import StudyFolder
from isthmus.watch import Silent

from .conftest import fork, never

NAMED = (
    *(f"mildnet/{name}" for name in ("table3", "table4", "table5", "figure7", "figure8")),
    *(f"multiresunet/{name}" for name in ("table3", "table4", "figure6")),
    *(f"hmedn/{name}" for name in (*(f"table{i}" for i in range(1, 8)), "figure6", "figure7")),
    *(f"sharpunet/{name}" for name in ("table1", "table2", "table3", "figure3", "figure5", "figure9")),
)
SIZES = {"mildnet": "mildnet", "multiresunet": "multiresunet", "hmedn": "hmedn", "sharpunet": "sharp"}


def test_every_table_and_figure_is_there() -> None:
    assert sorted(list_papers()) == sorted(NAMED)


@pytest.mark.parametrize("name", NAMED)
def test_a_recipe_is_whole(name: str) -> None:
    study = read_paper(name).study
    assert study.name == name
    assert study.title
    assert study.paper
    for cell in study.cells():
        assert cell.recipe.network.model in list_models()
        assert cell.recipe.data.source in DATASETS
        assert cell.recipe.training.optimiser == (
            "adam" if name != "mildnet/table3" else cell.recipe.training.optimiser
        )
        size = DATASETS[cell.recipe.data.source].sizes.get(SIZES[name.partition("/")[0]])
        if size is not None and cell.recipe.input.resize is not None:
            assert cell.recipe.input.resize == size


def test_hmedn_figure_7_shows_the_cells_of_table_5() -> None:
    table, figure = (read_paper(f"hmedn/{name}").study for name in ("table5", "figure7"))
    assert [(c.label, c.recipe) for c in figure.cells()] == [(c.label, c.recipe) for c in table.cells()]
    assert figure.figures == ["extremes"]


@pytest.mark.parametrize("name", [name for name in NAMED if read_paper(name).printed])
def test_what_the_paper_prints_has_a_place(name: str) -> None:
    """Every printed number belongs to a data set (or a class of it), a network and a measure of the study."""
    paper = read_paper(name)
    measures = {measure.name for measure in paper.study.measures}
    lines = list(csv.DictReader(io.StringIO(paper.printed or "")))
    assert lines
    assert set(lines[0]) == {"dataset", "model", "metric", "mean", "sd"}
    for line in lines:
        assert line["model"] in paper.study.networks
        assert line["metric"] in measures
        assert any(line["dataset"].startswith(label) for label in paper.study.data) or paper.study.counted
        for number in (line["mean"], line["sd"]):
            assert number == "" or float(number) >= 0
    assert {line["model"] for line in lines} == set(paper.study.networks)


@pytest.mark.parametrize("name", [name for name in NAMED if not read_paper(name).study.counted])
def test_the_small_scale_is_small(name: str) -> None:
    study = read_paper(name).study
    small = reduced(study, tuple(study.data))
    cells = list(small.cells())
    assert {cell.network for cell in cells} == {cell.network for cell in study.cells()}
    assert {cell.data for cell in cells} == set(study.data)
    for cell in cells:
        training = cell.recipe.training
        assert training.epochs * (training.samples or 16) <= 1024 * (
            2 if "augmentation" in cell.network else 1
        )
        assert cell.recipe.training.early_stopping is None or name.startswith("hmedn/table6")
        shape = cell.recipe.input.resize or cell.recipe.input.patch
        assert shape is not None
        assert max(shape) <= 128
    assert {cell.recipe.training.schedule for cell in cells} <= {
        c.recipe.training.schedule for c in study.cells()
    }
    assert {cell.recipe.protocol.kind for cell in cells} == {c.recipe.protocol.kind for c in study.cells()}


@pytest.mark.parametrize("name", [name for name in NAMED if not read_paper(name).study.counted])
def test_the_small_scale_states_a_floor_that_no_constant_mask_reaches(name: str) -> None:
    study = read_paper(name).study
    small = reduced(study, tuple(study.data))
    recipes = {cell.data: cell.recipe for cell in small.cells()}
    for label in study.data:
        kinds = study.small.phantoms
        kind = kinds[label] if isinstance(kinds, dict) else kinds
        floor = small.floor_on(label)
        assert floor is not None
        assert constant_dice(kind, recipes[label].data) < floor < 0.95


def constant_dice(phantoms: Phantoms, data: Data) -> float:
    """Returns the best mean Dice of masks that are one value everywhere, whatever the picture."""
    masks = [mask_of(phantoms, index) for index in range(8)]
    if phantoms.kind != "organs":
        return float(
            np.mean([2 * share / (1 + share) for share in (float((mask > 0).mean()) for mask in masks)])
        )
    regions = data.regions if isinstance(data.regions, dict) else {}
    wanted = list(regions.values()) or [
        [value for value, index in data.values.items() if index == scored]
        for scored in range(1, len(data.classes))
    ]
    found = [
        np.mean(
            [
                dice(np.isin(mask, values), np.full(mask.shape, value in values))
                for mask in masks
                for values in wanted
            ]
        )
        for value in range(4)
    ]
    return float(max(found))


def dice(truth: NDArray[np.bool_], drawn: NDArray[np.bool_]) -> float:
    return float(2 * (truth & drawn).sum() / (truth.sum() + drawn.sum()))


def mask_of(phantoms: Phantoms, index: int) -> NDArray[Any]:
    if phantoms.kind == "organs":
        shape = (phantoms.slices, phantoms.size, phantoms.size)
        spacing = [n * step / side for n, step, side in zip(SHAPE, SPACING, shape, strict=True)]
        return organ_phantom(index, shape, spacing)[1]
    if phantoms.kind == "touching":
        return touching_nuclei(index, phantoms.size)[1]
    return phantom(phantoms.size, rng(phantoms.seed, "phantom", index))[1]


def test_a_set_too_small_to_learn_from_gives_way_to_phantoms() -> None:
    def place(source: str, cases: int) -> Place:
        return Place(source, None, Dataset(source, tuple(placeholders(cases))), "")

    places = {"a": place("brats", 11), "b": place("brats", 12), "c": place("lgg-mri", 2)}
    found = without_few(StudyData(places, absent={"d": "not there"}))
    assert list(found.places) == ["b", "c"]
    assert found.absent == {
        "d": "not there",
        "a": "11 cases, and small networks need 12 to learn from brats",
    }


def test_the_protocols_are_those_of_the_papers() -> None:
    recipe = next(read_paper("mildnet/table5").study.cells()).recipe
    assert (recipe.training.epochs, recipe.training.batch, recipe.training.schedule) == (100, 4, "plateau")
    assert (recipe.input.windows, recipe.input.normalise, recipe.protocol.kind) == (4, "minmax", "mildnet")
    recipe = next(read_paper("multiresunet/table4").study.cells()).recipe
    assert (recipe.training.epochs, recipe.training.select, recipe.training.schedule) == (
        150,
        "iou",
        "constant",
    )
    cells = list(read_paper("sharpunet/table3").study.cells())
    assert len(cells) == 6 * 6 * 5 * 5
    assert {cell.recipe.training.batch for cell in cells} == {16}
    for recipe in (cell.recipe for cell in cells):
        watched = (
            "loss" if "covid" in recipe.data.source else "soft_iou"
        )  # val_loss and val_jacard of the code
        assert (recipe.training.plateau_monitor, recipe.training.select) == (watched, watched)
        assert recipe.training.plateau_rule == "keras"
        assert (recipe.network.initialisation, recipe.training.epsilon) == ("glorot", 1e-7)
    recipe = next(read_paper("hmedn/table4").study.cells()).recipe
    steps = recipe.training.epochs * (recipe.training.samples or 0) // recipe.training.batch
    assert steps >= 200_000
    grid = read_paper("mildnet/table3").study
    assert len(grid.points()) == 1 + 4 + 2 + 4 + 3 + 2 + 3 + 5 + 4


@pytest.mark.usefixtures("trained")
def test_phantoms_stand_in_at_the_small_scale_and_every_table_says_so(tmp_path: Path, begun: Any) -> None:
    options = RunOptions(jobs=2, scale="small", launch=fork)
    outcome = reproduce("sharpunet/figure5", tmp_path / "study", Silent(), options=options)
    assert not outcome.failed
    assert len(begun()) == 2 * 2
    folder = StudyFolder.open(tmp_path / "study")
    text = write_study(folder)[0].markdown()
    assert "CVC-ClinicDB (phantoms)" in text
    assert "Scale: small" in text
    assert "73.97 ± 3.41" in text
    again = RunOptions(jobs=2, scale="small", launch=never)
    assert reproduce("sharpunet/figure5", tmp_path / "study", Silent(), options=again).computed == ()


@pytest.mark.usefixtures("trained")
def test_data_that_is_there_is_taken_and_what_is_not_is_said(tmp_path: Path, shared_data: Path) -> None:
    said: list[str] = []

    class Watch(Silent):
        def say(self, text: str) -> None:
            said.append(text)

    (tmp_path / "data").mkdir()
    for name in ("isbi-2012", "cvc-clinicdb"):  # of the second there is one sequence only
        (tmp_path / "data" / name).symlink_to(shared_data / name)
    options = RunOptions(jobs=2, scale="paper", launch=fork)
    reproduce("multiresunet/table4", tmp_path / "study", Watch(), root=tmp_path / "data", options=options)
    plan = StudyFolder.open(tmp_path / "study").plan()
    assert {cell.data for cell in plan.cells} == {"Electron Microscopy"}
    assert set(plan.absent) == {"Dermoscopy", "Fluorescence Microscopy", "Endoscopy", "MRI"}
    assert sum(line.startswith("left out: ") for line in said) == 4
    assert any("Endoscopy: 10 cases of one group" in line for line in said)
    assert {cell.steps for cell in plan.cells} == {150 * 3}  # 24 of 30 slices in batches of 10


def test_nothing_to_compute_on_is_told(tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match=r"none of its data sets \(cvc-clinicdb\) is available"):
        reproduce("sharpunet/figure5", tmp_path / "study", Silent())
    with pytest.raises(IsthmusError, match="did you mean 'mildnet/table5'"):
        read_paper("mildnet/tabel5")
    with pytest.raises(IsthmusError, match="--scale tiny"):
        reproduce("sharpunet/figure5", tmp_path / "study", Silent(), options=RunOptions(scale="tiny"))
    with pytest.raises(IsthmusError, match="no such folder; --data"):
        reproduce("sharpunet/figure5", tmp_path / "study", Silent(), root=tmp_path / "none")


def test_parameters_are_counted_without_training(tmp_path: Path) -> None:
    reproduce(
        "multiresunet/table3", tmp_path / "study", Silent(), options=RunOptions(scale="paper", launch=never)
    )
    text = write_study(StudyFolder.open(tmp_path / "study"))[0].markdown()
    assert text.count("| exact |") == 4
