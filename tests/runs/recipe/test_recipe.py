"""The recipe: strict keys, nearest names, overrides, presets, and a round trip through YAML."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import IsthmusError
from isthmus.runs.files import write_yaml
from isthmus.runs.recipe import make_recipe, parse_overrides, read_recipe


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
        ({"hardware": {"device": "gpu"}}, "hardware.device"),
        ({"protocol": {"fraction": 1.5}}, "protocol.fraction"),
        ({"training": {"schedule": "linear"}}, "training.schedule"),
    ],
)
def test_a_value_out_of_range_names_its_key_in_one_line(values: dict[str, object], key: str) -> None:
    with pytest.raises(IsthmusError) as caught:
        make_recipe("default", values)
    assert key in str(caught.value)
    assert "\n" not in str(caught.value)


def test_overrides_are_read_as_yaml_and_may_leave_out_the_section() -> None:
    assert parse_overrides(
        ["epochs=5", "training.learning_rate=1e-3", "input.resize=[64, 32]", "augment=none"]
    ) == {
        "training": {"epochs": 5, "learning_rate": 1e-3, "augment": "none"},
        "input": {"resize": [64, 32]},
    }


@pytest.mark.parametrize("word", ["epochs", "=5", "training..epochs=5", "epochz=5", "input.resize=[1,"])
def test_what_is_no_override_is_refused(word: str) -> None:
    with pytest.raises(IsthmusError):
        parse_overrides([word])


def test_later_layers_lie_on_top_of_the_preset() -> None:
    recipe = make_recipe("paper", {"training": {"epochs": 7}}, {"training": {"batch": 2}})
    assert (recipe.training.epochs, recipe.training.batch, recipe.training.schedule) == (7, 2, "plateau")
    assert recipe.training.augment == "none"


def test_what_was_found_for_our_own_network_is_laid_under_that_alone() -> None:
    ours, other, told = (
        make_recipe("default", *layers)
        for layers in (
            [],
            [{"network": {"model": "unet"}}],
            [{"network": {"depth": None}, "training": {"learning_rate": 0.1}}],
        )
    )
    bare = make_recipe("bare")
    values = [
        (r.input.normalise, r.network.initialisation, r.network.depth, r.training.learning_rate)
        for r in (ours, other, told, bare)
    ]
    assert values == [
        ("auto", "default", "auto", 0.003),
        ("zscore", "xavier", None, 0.001),
        ("auto", "default", None, 0.1),
        ("zscore", "xavier", None, 0.001),
    ]


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
