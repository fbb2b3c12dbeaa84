"""A recipe from layers of values: a preset at the bottom, the user's values on top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isthmus.errors import IsthmusError, nearest
from isthmus.runs.recipe.network import Network
from isthmus.runs.recipe.presets import PRESETS, TUNED, VERSIONS
from isthmus.runs.recipe.recipe import Recipe, sections, validate
from isthmus.shapes import shown

LENGTH = ("epochs", "minutes", "epoch_seconds", "last_epoch")
"""Keys of ``training`` that together say how long it takes."""


def make_recipe(preset: str = "default", *layers: Mapping[str, Any]) -> Recipe:
    """Makes a recipe from a preset and nested mappings laid over it, later ones on top.

    >>> make_recipe("paper", {"training": {"epochs": 5}}).training.schedule
    'plateau'
    """
    if preset not in PRESETS:
        raise IsthmusError(f"unknown preset '{preset}': {nearest(preset, PRESETS)}")
    merged: dict[str, Any] = {}
    for layer in (PRESETS[preset], *layers):
        if not isinstance(layer, Mapping):
            raise IsthmusError(f"a recipe holds sections ({', '.join(sections())}), found {shown(layer)}")
        merged = overlaid(_with_version(_without_length(merged, layer), layer), layer)
    if preset == "default" and _model(merged) == Network().model:
        merged = overlaid(TUNED, merged)
    if preset != "bare" and (newest := _newest(_model(merged))) > 1:
        merged = overlaid({"network": {"version": newest}}, merged)
    return validate(merged)


def overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lays the second of two nested mappings over the first.

    >>> overlaid({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}, "b": 4})
    {'a': {'x': 1, 'y': 3}, 'b': 4}
    """
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            value = overlaid(under, value)
        result[key] = value
    return result


def _without_length(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Drops how long to train from the values below a layer that states it itself.

    Raises:
        IsthmusError: the layer names both epochs and minutes, and the minutes were not turned into epochs yet.
    """
    given = above.get("training")
    if not isinstance(given, Mapping):
        return below
    named = {key for key in LENGTH if given.get(key) is not None}
    if named >= {"epochs", "minutes"} and "epoch_seconds" not in named:
        raise IsthmusError("training.epochs and training.minutes both say how long to train; leave one out")
    under = below.get("training")
    if not named or not isinstance(under, Mapping):
        return below
    if named == {"minutes"} and under.get("minutes") == given["minutes"]:
        return below  # the same again
    return below | {"training": {key: value for key, value in under.items() if key not in LENGTH}}


def _with_version(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values below a layer that names another network than they do, with the newest version of that one."""
    under, given = below.get("network"), above.get("network")
    if not isinstance(under, Mapping) or not isinstance(given, Mapping) or "model" not in under:
        return below
    if given.get("model", under["model"]) == under["model"]:
        return below
    return below | {"network": {**under, "version": _newest(given["model"])}}


def _newest(model: Any) -> int:
    return VERSIONS.get(model, 1) if isinstance(model, str) else 1


def _model(values: Mapping[str, Any]) -> Any:
    network = values.get("network")
    return network.get("model", Network().model) if isinstance(network, Mapping) else Network().model
