"""A recipe from a preset and layers over it."""

from __future__ import annotations

import pytest

from isthmus.errors import IsthmusError
from isthmus.networks import list_models, model_card
from isthmus.runs.recipe import make_recipe, preset_of
from isthmus.runs.recipe.presets import KERAS_NETWORKS


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


def test_networks_of_keras_start_as_keras_does_and_the_others_as_before() -> None:
    assert set(KERAS_NETWORKS) < set(list_models())
    keras, paper = (make_recipe(preset_of(model)) for model in ("multiresunet", "mildnet"))
    assert (keras.network.initialisation, keras.training.epsilon) == ("glorot", 1e-7)
    assert (paper.network.initialisation, paper.training.epsilon) == ("xavier", 1e-8)
    changed = {"initialisation": "xavier"}, {"epsilon": 1e-8, "plateau_rule": "pytorch"}
    assert make_recipe("keras", {"network": changed[0], "training": changed[1]}) == paper


def test_the_newest_version_of_a_network_is_trained_unless_the_recipe_says_everything() -> None:
    for name in list_models():
        assert make_recipe("paper", {"network": {"model": name}}).network.version == model_card(name).version
    network = {"network": {"model": "nuclei_densenet121"}}
    assert [make_recipe(preset, network).network.version for preset in ("default", "paper", "bare")] == [
        2,
        2,
        1,
    ]
    assert make_recipe("paper", network, {"network": {"version": 1}}).network.version == 1
    assert make_recipe("paper", {"network": {"model": "mildnet"}}).network.version == 1


def test_the_first_network_of_a_region_of_interest_has_its_newest_version() -> None:
    first = {"roi": {"model": "nuclei_densenet121"}}
    new, old = (make_recipe(preset, first) for preset in ("paper", "bare"))  # an old recipe names no version
    assert new.roi is not None
    assert old.roi is not None
    assert (new.roi.version, old.roi.version, new.network.version) == (2, 1, 1)
    again = make_recipe("bare", new.to_dict(), {"roi": {"model": "mildnet"}})
    assert again.roi is not None
    assert again.roi.version == 1
    assert make_recipe("paper").roi is None
    plain = make_recipe("paper", {"roi": {}}).roi
    assert plain is not None
    assert plain.version == 1


def test_another_network_has_its_own_newest_version() -> None:
    dense, mild = (make_recipe("paper", {"network": {"model": n}}) for n in ("nuclei_densenet121", "mildnet"))
    for stored, other, version in ((dense, "mildnet", 1), (mild, "nuclei_densenet121", 2)):
        given = {"network": {"model": other}}
        assert make_recipe("bare", stored.to_dict(), given).network.version == version
    assert make_recipe("bare", dense.to_dict(), {"network": {"model": "nuclei_densenet121"}}) == dense
    old = make_recipe("bare", {"network": {"model": "nuclei_densenet121"}})
    assert make_recipe("bare", old.to_dict(), {"training": {"epochs": 3}}).network.version == 1


def test_a_network_that_is_no_name_is_refused() -> None:
    with pytest.raises(IsthmusError, match=r"network\.model"):
        make_recipe("paper", {"network": {"model": ["unet"]}})


def test_a_value_that_a_layer_states_itself_was_not_chosen_for_the_minutes() -> None:
    """A run of minutes, a value of the user over it, and other minutes: the value stays, what was chosen goes."""
    run = {
        "training": {"minutes": 5.0, "epoch_seconds": 3.0, "epochs": 9, "batch": 2, "samples": 32,
                     "fitted": ["widths", "batch", "samples"]},
        "network": {"options": {"widths": [4, 8], "depth": 2}},
    }  # fmt: skip
    batch = make_recipe("default", run, {"training": {"batch": 8}})
    assert (batch.training.fitted, batch.training.batch) == (["widths", "samples"], 8)
    widths = make_recipe("default", run, {"network": {"options": {"widths": [6, 12]}}})
    assert widths.training.fitted == ["batch", "samples"]
    longer = make_recipe("default", batch.to_dict(), {"training": {"minutes": 20.0}})
    assert (longer.training.batch, longer.training.samples, longer.network.options) == (8, None, {})
    deeper = make_recipe(
        "default", run, {"network": {"options": {"depth": 3}}}, {"training": {"minutes": 20.0}}
    )
    assert deeper.network.options == {"depth": 3}
    assert make_recipe("default", run, {"training": {"batch": 2}}) == make_recipe("default", run)
