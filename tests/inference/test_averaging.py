"""Networks of folds are averaged where their recipes agree, each on its own normalisation."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from isthmus.inference.averaging import difference, renormalised, with_common_cleanup
from isthmus.runs.recipe import Cleanup, Network, Objective, Recipe


def recipe(mean: float = 0.0, deviation: float = 1.0, **data: object) -> Recipe:
    given = {"normalise": "dataset", "mean": [mean], "deviation": [deviation]}
    return Recipe.model_validate({"input": given, "data": data})


def test_each_network_sees_its_own_normalisation() -> None:
    """A pixel of 20 is (20 - 10) / 2 = 5 for the first fold, and (20 - 4) / 8 = 2 for the second."""
    first, second = renormalised([nn.Identity(), nn.Identity()], [recipe(10, 2), recipe(4, 8)])
    image = torch.full((1, 3, 1, 1), 5.0)  # three slices as channels
    assert first(image).unique().tolist() == [5]
    assert second(image).unique().tolist() == [2]


def cleaned(**keys: object) -> Recipe:
    return recipe().model_copy(update={"cleanup": Cleanup.model_validate(keys)})


def test_folds_that_chose_their_thresholds_have_those_in_the_middle() -> None:
    given = [
        cleaned(**values, chosen=values)
        for values in ({"seed": seed, "min_size": size} for seed, size in ((0.4, 10), (0.5, 30), (0.6, 12)))
    ]
    common = with_common_cleanup(given)
    assert [difference(common[0], each) for each in common] == ["", "", ""]
    assert (common[0].cleanup.seed, common[0].cleanup.threshold, common[0].cleanup.min_size) == (
        0.5,
        None,
        12,
    )


def test_folds_that_differ_without_having_chosen_stay_as_they_are() -> None:
    given = [cleaned(threshold=0.4), cleaned(threshold=0.5)]
    assert with_common_cleanup(given) == given
    alone = [cleaned(seed=0.4, chosen={"seed": 0.4})]
    assert with_common_cleanup(alone) == alone


@pytest.mark.parametrize(
    ("other", "key"),
    [
        (recipe(3, 4), ""),
        (recipe(classes=["background", "liver"]), "data.classes"),
        (recipe(instances=True), "data.instances"),
        (recipe().model_copy(update={"cleanup": Cleanup(threshold=0.4)}), "cleanup"),
        (recipe().model_copy(update={"network": Network(heads=["contour"])}), "network.heads"),
        (
            recipe().model_copy(update={"objective": Objective(heads={"logits": {"dice": 1}})}),
            "objective.heads",
        ),
        (recipe().model_copy(update={"roi": None}), ""),
    ],
)
def test_the_first_key_that_differs_is_named(other: Recipe, key: str) -> None:
    assert difference(recipe(), other) == key
