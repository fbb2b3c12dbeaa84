"""The axes of a study, and the messages about mistakes in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from isthmus.errors import IsthmusError
from isthmus.studies.papers import reduced
from isthmus.studies.study import make_study, read_study


def test_every_combination_of_the_axes_is_a_cell_with_its_own_recipe(small: Any) -> None:
    study = small(data={"a": "x", "b": "y"}, repeats=3, grid={"training.batch": [2, 4]})
    cells = list(study.cells())
    assert len(cells) == 2 * 2 * 2 * 3 * 2
    assert len({(c.data, c.network, c.point, c.fold, c.repeat) for c in cells}) == len(cells)
    last = cells[-1]
    assert (last.data, last.network, last.point, last.repeat, last.fold) == (
        "b",
        "Sharp U-Net",
        "batch 4",
        2,
        1,
    )
    assert (last.recipe.data.source, last.recipe.network.model, last.recipe.training.batch) == (
        "y",
        "sharp_unet",
        4,
    )
    assert (last.recipe.protocol.fold, last.recipe.protocol.folds) == (1, 2)


def test_a_repeat_has_chance_of_its_own(small: Any) -> None:
    seeds = [(c.recipe.training.seed, c.recipe.protocol.seed) for c in small(repeats=2, folds=1).cells()]
    assert seeds[:2] == [(0, 0), (1, 1)]


def test_protocols_with_repeats_of_their_own_are_asked_for_them(small: Any) -> None:
    study = small(recipe={"protocol": {"kind": "sharp"}}, repeats=2)
    found = [
        (c.recipe.protocol.repeat, c.recipe.protocol.seed, c.recipe.training.seed) for c in study.cells()
    ]
    assert found[0] == (0, 0, 0)
    assert found[2] == (1, 0, 1)


def test_around_a_centre_one_key_is_changed_at_a_time(small: Any) -> None:
    grid = {
        "training.batch": [2, 4, 8],
        "training.optimiser": ["adam", "sgd"],
        "network.options.dilations": [[1, 3]],
    }
    centre = {"training.batch": 4, "training.optimiser": "adam", "network.options.dilations": [1, 3]}
    points = small(grid=grid, around=centre).points()
    assert [p.label for p in points] == [
        "batch 4, optimiser adam, dilations 1-3",
        "batch 2",
        "batch 8",
        "optimiser sgd",
    ]
    assert points[1].values == centre | {"training.batch": 2}
    assert points[3].sections["training"] == {"batch": 4, "optimiser": "sgd"}
    assert len(small(grid=grid).points()) == 3 * 2 * 1


def test_a_network_may_be_for_some_data_only(small: Any) -> None:
    study = small(data={"a": "x", "b": "y"}, only={"U-Net": ["b"]})
    assert {(c.data, c.network) for c in study.cells()} == {
        ("b", "U-Net"),
        ("a", "Sharp U-Net"),
        ("b", "Sharp U-Net"),
    }


def test_some_folds_of_all_can_be_run(small: Any) -> None:
    study = small(folds=[3], recipe={"protocol": {"kind": "kfold", "folds": 5}})
    assert {(c.fold, c.recipe.protocol.folds) for c in study.cells()} == {(3, 5)}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"netwoks": {}}, "no key 'netwoks': did you mean 'networks'"),
        ({"networks": {}}, "networks is empty"),
        ({"networks": {"A": {"model": "unet", "trainin": {}}}}, "no key 'trainin': did you mean 'training'"),
        ({"grid": {"training.bach": [1]}}, "no key 'training.bach': did you mean 'batch'"),
        ({"grid": {"trainin.batch": [1]}}, "grid: write section.key"),
        ({"grid": {"training.batch": []}}, "grid.training.batch names no values"),
        ({"grid": {"training.batch": [1]}, "around": {"training.epochs": 1}}, "around names the centre"),
        ({"folds": 3, "recipe": {}}, "protocol 'holdout' has no folds"),
        ({"reference": "Unet"}, "choose from U-Net, Sharp U-Net"),
        ({"only": {"U-Net": ["phantom"]}}, "did you mean 'phantoms'"),
        ({"measures": [{"name": "D", "column": "dyce"}]}, "did you mean 'dice'"),
        ({"measures": []}, "at least 1 item"),
        ({"measures": [{"name": "D", "column": "dice"}, {"name": "D", "column": "iou"}]}, "the same name"),
        ({"folds": []}, "give at least one"),
        ({"folds": [0, 0]}, "each once"),
        ({"only": {"U-Net": [], "Sharp U-Net": []}}, "leaves no data set"),
        ({"alpha": 2}, "less than 1"),
        ({"floor": 1.5}, "less than 1"),
        ({"floor": {"phantom": 0.5}}, "floor: did you mean 'phantoms'"),
        ({"small": {"floor": {"phantom": 0.5}}}, "small.floor: did you mean 'phantoms'"),
    ],
)
def test_mistakes_are_told_in_one_line(small: Any, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(IsthmusError) as caught:
        small(**changes)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_points_of_a_grid_have_labels_of_their_own(small: Any) -> None:
    grid = {
        "training.seed": [1, 2],
        "protocol.seed": [1],
        "training.learning_rate": [0.00012345671, 0.00012345672],
    }
    labels = {point.label for point in small(grid=grid).points()}
    assert len(labels) == 4
    assert "training.seed 1, protocol.seed 1, learning_rate 0.00012345671" in labels


def test_a_floor_is_one_number_or_one_for_each_data_set(small: Any) -> None:
    data = {"a": "x", "b": "y"}
    assert [small(data=data, floor=0.7).floor_on(label) for label in data] == [0.7, 0.7]
    assert [small(data=data, floor={"b": 0.6}).floor_on(label) for label in data] == [None, 0.6]
    assert small(data=data).floor_on("a") is None


def test_the_floor_of_the_small_scale_takes_the_place_of_the_other(small: Any) -> None:
    study = small(floor=0.9, small={"floor": {"phantoms": 0.6}}, networks={"U-Net": "unet"})
    assert reduced(study).floor_on("phantoms") == 0.6


def test_a_study_is_the_same_after_its_way_through_a_file(small: Any, tmp_path: Path) -> None:
    study = small(grid={"training.batch": [2, 4]}, repeats=2)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study.to_dict()))
    assert read_study(tmp_path / "study.yaml") == study


def test_what_is_no_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match="must hold named values"):
        make_study(["unet"])
    with pytest.raises(IsthmusError, match="cannot be read"):
        read_study(tmp_path / "none.yaml")


def test_a_key_that_is_missing_is_named() -> None:
    with pytest.raises(IsthmusError, match="no 'name'; add it"):
        make_study({"data": ["isbi-2012"], "networks": ["unet"]})
