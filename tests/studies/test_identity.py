"""The name of a cell: the same for the same result, wherever it is computed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.data.phantoms.cells import write_phantoms
from isthmus.data.sources import open_dataset
from isthmus.errors import IsthmusError
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe, make_recipe
from isthmus.studies.identity import fingerprint, identity
from isthmus.training.preparation.start import with_start


def test_a_name_is_known_for_all_time() -> None:
    """If it changed, every study would be computed again."""
    recipe = make_recipe("paper", {"network": {"model": "mildnet"}, "training": {"batch": 8}})
    assert identity(recipe, "abc") == "0cefcb8cda516df4"


def test_a_key_that_recipes_gain_one_day_keeps_the_names() -> None:
    class Later(Recipe):
        more: int = 3

    now, later = make_recipe("paper", {"training": {"batch": 8}}), Later(**make_recipe("paper").to_dict())
    assert identity(later, "abc") == identity(make_recipe("paper"), "abc") != identity(now, "abc")
    assert identity(later.model_copy(update={"more": 4}), "abc") != identity(later, "abc")


@given(
    st.fixed_dictionaries(
        {
            "device": st.sampled_from(["cpu", "cuda:1", "auto"]),
            "threads": st.integers(1, 64) | st.none(),
            "workers": st.integers(0, 8),
            "cache_mb": st.integers(0, 100),
            "channels_last": st.booleans(),
        }
    ),
    st.text("abc/", min_size=1),
)
def test_machines_and_places_do_not_change_it(hardware: dict[str, object], place: str) -> None:
    there = make_recipe("default", {"hardware": hardware, "data": {"source": place, "root": place}})
    assert identity(there, "data") == identity(make_recipe("default"), "data")


@pytest.mark.parametrize(
    "change",
    [
        {"training": {"epochs": 49}},
        {"training": {"seed": 1}},
        {"protocol": {"fold": 1}},
        {"network": {"model": "unet"}},
        {"network": {"options": {"widths": [2, 4]}}},
        {"input": {"resize": [64, 32]}},
        {"data": {"limit": 3}},
        {"objective": {"difficulty_sigma": 4.0}},
        {"cleanup": {"merge": True}},
        {"hardware": {"precision": "bfloat16"}},
    ],
)
def test_what_changes_the_result_changes_the_name(change: dict[str, object]) -> None:
    assert identity(make_recipe("default", change), "data") != identity(make_recipe("default"), "data")


def test_the_order_of_keys_does_not_matter() -> None:
    one = make_recipe("default", {"network": {"options": {"widths": [2], "block": "plain"}}})
    other = make_recipe("default", {"network": {"options": {"block": "plain", "widths": [2]}}})
    assert identity(one, "data") == identity(other, "data")


def test_pretrained_weights_count_by_their_bytes(tmp_path: Path) -> None:
    names = []
    for folder, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / "weights.safetensors"
        file.write_bytes(content)
        names.append(
            identity(make_recipe("default", {"network": {"options": {"encoder_weights": str(file)}}}), "")
        )
    assert names[0] == names[1] != names[2]


def test_the_weights_that_training_starts_from_count_by_their_bytes(tmp_path: Path) -> None:
    names = []
    for folder, content in (("a", b"1"), ("b", b"1"), ("c", b"2"), ("a", b"3")):
        names.append(identity(_from(tmp_path / folder, content), ""))
    assert names[0] == names[1]
    assert len({*names[1:], identity(make_recipe("default"), "")}) == 4
    recipe = _from(tmp_path / "a", b"1")
    filled = with_start(recipe)
    assert identity(filled, "") == names[0]
    shutil.rmtree(tmp_path / "a")
    assert identity(filled, "") == names[0]  # a run knows its weights, also where those of its start are gone
    with pytest.raises(IsthmusError, match="no run folder at"):
        identity(recipe, "")


def test_data_is_the_same_where_it_moves_and_another_where_it_changes(tmp_path: Path) -> None:
    write_phantoms(tmp_path / "here", 3, 32)
    before = _of(tmp_path / "here")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    assert _of(tmp_path / "there") == before
    image = tmp_path / "there" / "images" / "phantom-001.png"
    image.write_bytes(image.read_bytes() + b" ")
    assert _of(tmp_path / "there") != before
    shutil.copytree(tmp_path / "here", tmp_path / "fewer")
    for kind in ("images", "masks"):
        (tmp_path / "fewer" / kind / "phantom-002.png").unlink()
    assert _of(tmp_path / "fewer") != before


def test_other_groups_make_other_data(tmp_path: Path) -> None:
    """Groups decide which cases are held out."""
    write_phantoms(tmp_path, 2, 32)
    cases = open_dataset(str(tmp_path)).cases
    assert fingerprint(cases) != fingerprint([replace(case, group="one patient") for case in cases])


def test_data_that_is_gone_is_told(tmp_path: Path) -> None:
    write_phantoms(tmp_path, 3, 32)
    cases = open_dataset(tmp_path).cases
    (tmp_path / "masks" / "phantom-002.png").unlink()
    with pytest.raises(IsthmusError, match=r"phantom-002.png: cannot be read"):
        fingerprint(cases)


def _of(folder: Path) -> str:
    return fingerprint(open_dataset(folder).cases)


def _from(folder: Path, weights: bytes) -> Recipe:
    """A recipe that starts from a run with these weights."""
    folder.mkdir(exist_ok=True)
    run = RunFolder(folder)
    run.recipe_path.touch()
    run.weights.write_bytes(weights)
    return make_recipe("default", {"network": {"start": str(folder)}})
