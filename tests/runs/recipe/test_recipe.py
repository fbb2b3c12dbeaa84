"""The recipe: strict keys, nearest names, and a round trip through YAML."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import IsthmusError
from isthmus.runs.files import write_yaml
from isthmus.runs.recipe import make_recipe, read_recipe


def test_an_unknown_key_is_refused_with_the_nearest() -> None:
    with pytest.raises(IsthmusError, match=r"training\.epoch'.*did you mean 'epochs'"):
        make_recipe("default", {"training": {"epoch": 3}})


def test_an_unknown_section_is_refused_with_the_nearest() -> None:
    with pytest.raises(IsthmusError, match="did you mean 'training'"):
        make_recipe("default", {"trainings": {}})


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"training": {"epochs": 0}}, "training.epochs"),
        ({"training": {"batch": "many"}}, "training.batch"),
        ({"training": {"learning_rate": -1}}, "training.learning_rate"),
        ({"input": {"resize": [0, 5]}}, "input.resize"),
        ({"hardware": {"device": "gpu"}}, "hardware.device': must be auto, cpu, cuda, cuda:1 "),
        ({"protocol": {"fraction": 1.5}}, "protocol.fraction"),
        ({"training": {"schedule": "linear"}}, "training.schedule"),
    ],
)
def test_a_value_out_of_range_names_its_key_in_one_line(values: dict[str, object], key: str) -> None:
    with pytest.raises(IsthmusError) as caught:
        make_recipe("default", values)
    assert key in str(caught.value)
    assert "\n" not in str(caught.value)


@given(
    st.integers(1, 10**6), st.integers(0, 2**31 - 1), st.floats(1e-8, 1.0), st.sampled_from([None, [64, 96]])
)
def test_a_recipe_survives_its_file(
    tmp_path_factory: pytest.TempPathFactory, epochs, seed, rate, resize
) -> None:
    recipe = make_recipe(
        "paper",
        {
            "training": {"epochs": epochs, "seed": seed, "learning_rate": rate},
            "input": {"resize": resize},
            "data": {"source": "Zürich 1: ä/ö", "values": {0: 0, 255: 1}},
        },
    )
    path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    write_yaml(path, recipe.to_dict())
    assert read_recipe(path) == recipe


@pytest.mark.parametrize(
    "text", ["[1, 2]", "a: [", "training: {epochs: x}", "!!python/object/apply:os.getcwd []", ""]
)
def test_a_broken_recipe_file_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(IsthmusError) as caught:
        read_recipe(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
