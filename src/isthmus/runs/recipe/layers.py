"""A recipe from layers of values: a preset at the bottom, the user's values on top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isthmus.errors import IsthmusError, nearest
from isthmus.runs.recipe.network import Network
from isthmus.runs.recipe.presets import PRESETS, TUNED
from isthmus.runs.recipe.recipe import Recipe, sections, validate
from isthmus.shapes import shown

NETWORKS = ("network", "roi")
"""Sections that name a network, by default the same."""
LENGTH = ("epochs", "minutes", "epoch_seconds", "last_epoch")
"""Keys of ``training`` that together say how long it takes."""
SHAPE = {"widths", "depth", "encoder"}
"""Options of a network that decide its widths; those that were chosen for the minutes go when one is changed."""


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
        below = _with_versions(_without_length(merged, layer), layer)
        merged = overlaid(_without_given(below, layer), layer)
    if preset == "default" and _model(merged.get("network")) == Network().model:
        merged = overlaid(TUNED, merged)
    if preset != "bare":
        merged = overlaid(_newest_versions(merged), merged)
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
    kept = below | {"training": {key: value for key, value in under.items() if key not in LENGTH}}
    return _opened(kept) if named == {"minutes"} else kept


def _opened(values: dict[str, Any]) -> dict[str, Any]:
    """Drops what was chosen for other minutes (``training.fitted``), so that it is chosen anew."""
    training, network = values["training"], values.get("network")
    fitted = training.get("fitted")
    if not isinstance(fitted, list):
        return values
    left = {key: value for key, value in training.items() if key not in (*fitted, "fitted")}
    values = values | {"training": left}
    options = network.get("options") if isinstance(network, Mapping) else None
    if "widths" in fitted and isinstance(network, Mapping) and isinstance(options, Mapping):
        kept = {key: value for key, value in options.items() if key not in ("widths", "depth")}
        values["network"] = {**network, "options": kept}
    return values


def _without_given(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Drops from what was chosen for the minutes (``training.fitted``) what a layer changes itself."""
    fitted = _mapping(below.get("training")).get("fitted")
    if not isinstance(fitted, list):
        return below
    changed = _changed(_mapping(below["training"]), _mapping(above.get("training")))
    options, own = (_mapping(_mapping(layer.get("network")).get("options")) for layer in (below, above))
    if "widths" in fitted and _changed(options, own) & SHAPE:
        changed.add("widths")
        left = {key: value for key, value in options.items() if key not in SHAPE}
        below = below | {"network": {**below["network"], "options": left}}
    return below | {
        "training": {**below["training"], "fitted": [key for key in fitted if key not in changed]}
    }


def _changed(below: Mapping[str, Any], above: Mapping[str, Any]) -> set[str]:
    return {key for key, value in above.items() if key not in below or below[key] != value}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _with_versions(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values below a layer that names other networks than they do, with the newest versions of those."""
    for section in NETWORKS:
        under, given = below.get(section), above.get(section)
        if not isinstance(under, Mapping) or not isinstance(given, Mapping) or "model" not in under:
            continue
        if given.get("model", under["model"]) != under["model"]:
            below = below | {section: {**under, "version": _newest(given["model"])}}
    return below


def _newest_versions(values: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Returns the newest version of each network that has more than one, by section."""
    named = [
        section for section in NETWORKS if section == "network" or isinstance(values.get(section), Mapping)
    ]
    found = {section: _newest(_model(values.get(section))) for section in named}
    return {section: {"version": newest} for section, newest in found.items() if newest > 1}


def _newest(model: Any) -> int:
    """Returns the newest version of a network, as its card says; 1 if there is none, which is refused later."""
    from isthmus.networks import model_card  # here, as it takes seconds

    try:
        return model_card(model).version if isinstance(model, str) else 1
    except IsthmusError:
        return 1


def _model(section: Any) -> Any:
    return section.get("model", Network().model) if isinstance(section, Mapping) else Network().model
