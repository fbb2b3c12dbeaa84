"""A recipe from a preset and layers over it."""

from __future__ import annotations

from isthmus.runs.recipe import make_recipe


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
