"""Averages networks of several folds: finds their runs, checks that they agree, brings them to one normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch
from torch import nn

from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe
from isthmus.runs.trained import run_path, trained_run


def run_folders(path: Path) -> list[RunFolder]:
    """Returns a single run, or the runs of its folds; if some of these have weights, only those that do.

    A path that does not exist may be the name of a trained network that comes with the package.
    """
    path = run_path(path)
    folds = sorted(path.glob("fold-*/recipe.yaml")) if path.is_dir() else []
    if folds and not (path / "recipe.yaml").is_file():
        runs = [RunFolder.open(fold.parent) for fold in folds]
        return [run for run in runs if run.weights.is_file()] or runs
    return [trained_run(path)]


def with_common_cleanup(recipes: Sequence[Recipe]) -> list[Recipe]:
    """Returns the recipes of folds with one clean-up: where each fold has chosen how maps become objects, the mean of
    the chosen thresholds and the median of the smallest sizes."""
    chosen = [recipe.cleanup.chosen for recipe in recipes]
    common: dict[str, Any] = {}
    for key in chosen[0]:
        values = [each[key] for each in chosen if key in each]
        if len(values) == len(recipes):
            common[key] = int(median(values)) if key == "min_size" else round(fmean(values), 4)
    if len(recipes) == 1 or not common:
        return list(recipes)
    changed = common | {"chosen": common}
    return [
        recipe.model_copy(update={"cleanup": recipe.cleanup.model_copy(update=changed)}) for recipe in recipes
    ]


class _Renormalised(nn.Module):
    """A network on images that another fold's normalisation has changed: they are brought to its own first."""

    factor: torch.Tensor
    shift: torch.Tensor

    def __init__(self, network: nn.Module, factor: torch.Tensor, shift: torch.Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("factor", factor)
        self.register_buffer("shift", shift)

    def forward(self, images: torch.Tensor) -> Any:
        times = images.shape[1] // len(self.factor)  # slices as channels
        shape = (1, -1, *[1] * (images.ndim - 2))
        return self.network(
            images * self.factor.repeat(times).view(shape) + self.shift.repeat(times).view(shape)
        )


def renormalised(networks: Sequence[nn.Module], recipes: Sequence[Recipe]) -> list[nn.Module]:
    """Returns networks of folds that all take images with the first one's normalisation; see `Input.mean`."""
    first = recipes[0].input
    result = [networks[0]]
    for network, recipe in zip(networks[1:], recipes[1:], strict=True):
        own = recipe.input
        if own.normalise == "dataset" and (own.mean, own.deviation) != (first.mean, first.deviation):
            mean, deviation = (
                torch.tensor([first.mean, own.mean]),
                torch.tensor([first.deviation, own.deviation]),
            )
            deviation = torch.where(deviation > 0, deviation, torch.ones(()))
            factor, shift = deviation[0] / deviation[1], (mean[0] - mean[1]) / deviation[1]
            network = _Renormalised(network, factor, shift)
        result.append(network)
    return result


def difference(one: Recipe, other: Recipe) -> str:
    """Returns the first key in which two recipes differ though networks can only be averaged if they agree in it; "" if
    there is none."""
    ours, theirs = one.to_dict(), other.to_dict()
    for recipe in (ours, theirs):  # these are each fold's own
        recipe["input"]["mean"] = recipe["input"]["deviation"] = []
        recipe["input"]["diameter"] = None
        recipe["input"]["spacing"] = recipe["input"]["spacing"] is not None
    keys = {
        "input": None,
        "roi": None,
        "cleanup": None,
        "data": ("channels", "classes", "values", "value_rule", "instances", "regions", "multilabel"),
        "network": ("heads",),
        "objective": ("heads",),
    }
    for section, names in keys.items():
        if names is None and ours[section] != theirs[section]:
            return section
        for name in names or ():
            if ours[section][name] != theirs[section][name]:
                return f"{section}.{name}"
    return ""
