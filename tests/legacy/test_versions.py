"""Runs made before networks had versions are of the first one, whatever is done with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.cli.train.request import Request
from isthmus.networks import create_model
from isthmus.runs.files import read_json, read_yaml, write_json, write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import make_recipe
from isthmus.training.preparation.network import make_network

NAME, OPTIONS = "nuclei_densenet121", {"widths": [5, 4, 4, 3], "in_channels": 3}


@pytest.fixture
def before(tmp_path: Path) -> RunFolder:
    """A run as it was written when DenseNet-121's decoders read a ReLU of its last normalisation."""
    recipe = make_recipe("bare", {"network": {"model": NAME, "options": OPTIONS}})
    values = recipe.to_dict()
    for section, keys in (
        ("network", ["version"]),
        ("training", ["epsilon", "plateau_rule", "plateau_monitor"]),
    ):
        for key in keys:
            del values[section][key]
    write_yaml(tmp_path / "recipe.yaml", values)
    folder = RunFolder.open(tmp_path)
    folder.save_network(recipe.network, create_model(NAME, version=1, **OPTIONS).state_dict())
    stored = read_json(folder.network)
    del stored["version"]
    write_json(folder.network, stored)
    return folder


def test_it_predicts_and_goes_on_with_the_old_layers(before: RunFolder) -> None:
    assert before.load_network().encoder.ends_in_relu
    assert make_network(before.recipe()).encoder.ends_in_relu


def test_its_recipe_trains_what_it_trained(before: RunFolder) -> None:
    request = Request("", [], None, None, None, None, before.recipe_path, *[None] * 7)
    recipe = request.to_recipe()
    assert recipe == before.recipe()
    assert recipe.network.version == 1
    assert (recipe.training.epsilon, recipe.training.plateau_rule) == (1e-8, "pytorch")
    assert (recipe.training.plateau_monitor, recipe.network.initialisation) == ("loss", "xavier")
    assert "version" not in read_yaml(before.recipe_path)["network"]


def test_what_is_trained_now_has_the_new_ones() -> None:
    for preset in ("default", "paper"):
        recipe = make_recipe(preset, {"network": {"model": NAME, "options": OPTIONS}})
        assert not make_network(recipe).encoder.ends_in_relu
