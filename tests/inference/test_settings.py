"""A recipe becomes mask values, normalisation and clean-up; images of another kind are refused."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.inference.settings import channels_seen, clean_up, normaliser, refuse_other_axes
from isthmus.runs.recipe import Cleanup, Recipe


def test_a_picture_in_a_run_of_volumes_is_refused_in_one_line() -> None:
    recipe = Recipe.model_validate({"network": {"options": {"spatial_dims": 3}}})
    refuse_other_axes((1, 4, 5, 6), recipe)
    with pytest.raises(IsthmusError, match="a picture of 6 x 5, but the network was trained on volumes"):
        refuse_other_axes((1, 5, 6), recipe)
    slices = Recipe.model_validate({"input": {"slices": 5}})  # a network in 2D that sees volumes
    refuse_other_axes((1, 4, 5, 6), slices)
    with pytest.raises(IsthmusError, match="trained on volumes"):
        refuse_other_axes((1, 5, 6), slices)


def test_slices_and_channels_multiply() -> None:
    recipe = Recipe.model_validate({"input": {"slices": 5}, "data": {"channels": 2}})
    assert channels_seen(recipe) == 10


def test_images_are_normalised_by_the_numbers_of_training() -> None:
    given = {"normalise": "dataset", "mean": [10.0, 1.0], "deviation": [2.0, 0.0]}
    found = normaliser(Recipe.model_validate({"input": given}).input)(np.empty(0))
    image = np.array([[[12, 8]], [[7, 9]]], np.uint8)
    assert found.apply(image).tolist() == [[[1, -1]], [[0, 0]]]  # a constant channel becomes 0


def test_clean_up_names_classes_and_refuses_others() -> None:
    classes = ["background", "liver", "kidney"]
    found = clean_up(Cleanup.model_validate({"largest": ["kidney"], "min_size": {"liver": 7}}), classes)
    assert (found.largest, found.min_size) == ((2,), {1: 7})
    with pytest.raises(IsthmusError, match="largest names 'spleen': the classes are liver, kidney"):
        clean_up(Cleanup.model_validate({"largest": ["spleen"]}), classes)
