"""The first network of a recipe with a region of interest: a run of its own, inside the run's folder."""

from __future__ import annotations

from dataclasses import replace

from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError
from isthmus.runs.recipe import Data, Network, Recipe, Roi
from isthmus.training.preparation.network import make_network
from isthmus.training.preparation.prepare import resolve
from isthmus.training.preparation.prepared import Prepared


def first_network(prepared: Prepared) -> Prepared | None:
    """Returns how the first network is trained, on the same cases; None if the recipe has no region of interest.

    Raises:
        IsthmusError: an impossible size or network in ``roi``.
    """
    recipe, rule = prepared.recipe, prepared.data.values.rule
    if recipe.roi is None:
        return None
    values = ValueMap(tuple((value, min(index, 1)) for value, index in recipe.data.values.items()), rule)
    names = ("background", "foreground")
    dataset = replace(prepared.data.dataset, values=values, classes=names)
    try:
        ready = resolve(
            _recipe(recipe, recipe.roi, values, names),
            replace(prepared.data, dataset=dataset, values=values),
            prepared.split,
        )
        make_network(ready.recipe)
    except IsthmusError as error:
        raise IsthmusError(
            f"roi, the first network: {error}".replace("input.resize", "roi.resize")
        ) from error
    return ready


def _recipe(recipe: Recipe, roi: Roi, values: ValueMap, names: tuple[str, ...]) -> Recipe:
    """Returns the recipe of the first network, which separates foreground from background."""
    return Recipe(
        data=Data(
            source=recipe.data.source,
            root=recipe.data.root,
            channels=recipe.data.channels,
            values=dict(values.pairs),
            value_rule=values.rule,
            classes=list(names),
            ignore=recipe.data.ignore,
        ),
        input=recipe.input.model_copy(
            update={"resize": roi.resize, "patch": None, "spacing": None, "foreground": 0.0}
        ),
        network=Network(
            model=roi.model,
            version=roi.version,
            options={"widths": roi.widths},
            initialisation=recipe.network.initialisation,
        ),
        training=recipe.training.model_copy(
            update={
                "epochs": roi.epochs,
                "samples": None,
                "select": "dice" if recipe.training.select == "objects" else recipe.training.select,
            }
        ),
        protocol=recipe.protocol,
        hardware=recipe.hardware,
    )
