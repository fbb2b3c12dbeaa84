"""Before the first step: checks every file, splits the cases and fills in what the recipe leaves open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from isthmus.data.cases import Dataset
from isthmus.data.checks.check import Checked, conclude
from isthmus.data.checks.inspect import open_tolerant
from isthmus.data.checks.remarks import refuse_resampled
from isthmus.data.checks.survey import survey
from isthmus.data.masks.ignored import with_ignored, without_ignored
from isthmus.data.sources import open_dataset
from isthmus.data.splits.folds import Split
from isthmus.errors import IsthmusError
from isthmus.inference.outputs.classes import Classes
from isthmus.inference.settings import clean_up, value_map
from isthmus.networks import DEFAULT_MODEL
from isthmus.networks.kernels.bfloat16.choice import kernel_remarks
from isthmus.runs import hardware as machine
from isthmus.runs.precision import WORTHWHILE, speedup
from isthmus.runs.recipe import Data, Input, Network, Recipe
from isthmus.training.loop.distributed import own_device, world
from isthmus.training.object_thresholds import with_usual
from isthmus.training.preparation.classes import resolve_data, with_values
from isthmus.training.preparation.consistency import refuse_contradictions
from isthmus.training.preparation.inputs import resolve_input, samples_per_epoch, with_levels_of_the_data
from isthmus.training.preparation.objective import resolve_objective
from isthmus.training.preparation.prepared import Prepared
from isthmus.training.preparation.split import protocol_for, select_cases, split_cases
from isthmus.watch import Watch

COARSEST = 16
"""Least number of pixels along a side of the coarsest map, if the network is our own."""


def prepare(recipe: Recipe, watch: Watch) -> Prepared:
    """Checks the data of a recipe and resolves the recipe.

    Raises:
        IsthmusError: anything wrong with the data or the recipe, before any time is spent.
    """
    source = recipe.data
    root = Path(source.root) if source.root else None
    unreadable: tuple[str, ...] = ()
    if source.skip_bad:
        dataset, unreadable = open_tolerant(source.source, root, source.axes)
    else:
        dataset = open_dataset(source.source, root, source.axes)
    protocol = protocol_for(recipe.protocol, source.limit, dataset)
    recipe = recipe.model_copy(update={"protocol": protocol})
    checked = _check(source, select_cases(source.limit, protocol, dataset), watch)
    split = split_cases(protocol, checked)
    split = replace(split, notes=(*split.notes, *(f"left out: {problem}" for problem in unreadable)))
    return resolve(recipe, checked, split)


def _check(source: Data, dataset: Dataset, watch: Watch) -> Checked:
    """Checks every file, and finds out what the values in the masks mean."""
    if source.values:
        dataset = with_values(dataset, value_map(source), source.classes)
    watch.stage("checking files", len(dataset.cases))
    ignore = dataset.ignore if source.ignore is None else source.ignore
    found = without_ignored(survey(dataset, lambda *_: watch.advance()), ignore)
    checked = conclude(found, source.value_rule, source.skip_bad)
    if source.instances and source.value_rule is None:
        if checked.values.classes > 2:  # the numbers of a few objects look like classes
            checked = conclude(found, "objects", source.skip_bad)
        refuse_resampled(checked.dataset, checked.cases)
    return with_ignored(checked, ignore)


def resolve(recipe: Recipe, checked: Checked, split: Split) -> Prepared:
    """Fills in what a recipe leaves open, for these cases.

    Raises:
        IsthmusError: settings that contradict each other or the data.
    """
    axes, roi, instances = _network_axes(recipe.input, checked), recipe.roi is not None, recipe.data.instances
    resolved = recipe.model_copy(
        update={
            "data": resolve_data(recipe.data, checked),
            "input": resolve_input(recipe.input, checked, split, axes, roi=roi, instances=instances),
            "hardware": machine.resolve(own_device(recipe.hardware)),
        }
    )
    refuse_contradictions(resolved, checked, axes)
    options = _network_options(recipe.network, resolved.data, resolved.input, axes)
    seen = recipe.roi.size if recipe.roi else resolved.input.resize or resolved.input.patch
    if recipe.network.depth == "auto" and axes == 2 and seen and is_ours(recipe.network):
        options["depth"] = depth_for(min(seen))
    network = recipe.network.model_copy(update={"options": options})
    samples = recipe.training.samples or samples_per_epoch(resolved.input, checked, split, roi=roi)
    training = recipe.training.model_copy(update={"samples": samples})
    resolved = resolved.model_copy(update={"network": network, "training": training})
    resolved, objective = resolve_objective(resolved, checked, split)
    resolved = with_usual(resolved)
    clean_up(resolved.cleanup, resolved.data.classes)  # refuses classes that do not exist
    levels = with_levels_of_the_data(resolved.input, checked, split, resolved.data.channels or 1)
    resolved = resolved.model_copy(update={"input": levels})
    return Prepared(_in_the_faster_precision(resolved, recipe), checked, split, objective)


def _network_axes(given: Input, checked: Checked) -> int:
    """Returns how many spatial axes the network has: those of the images, or two where it sees slices of volumes."""
    dims = len(checked.cases[0].shape) - 1
    if given.slices is None:
        return dims
    if dims == 2:
        raise IsthmusError("input.slices is for volumes, and these images are flat; leave it out")
    return 2


def _network_options(network: Network, data: Data, given: Input, axes: int) -> dict[str, Any]:
    """Returns the network's options, with those that the data decides."""
    needed = {
        "in_channels": (data.channels or 1) * (given.slices or 1),
        "classes": Classes.of(data).map_count,
        "spatial_dims": axes,
    }
    options = {name: value for name, value in needed.items() if (name, value) != ("spatial_dims", 2)}
    options |= network.options
    for name, value in needed.items():
        if options.get(name, value) != value:
            raise IsthmusError(
                f"network.options.{name} is {options[name]} but the data needs {value}; leave it out"
            )
    return options


def is_ours(network: Network) -> bool:
    """Returns whether it is our own network, of random weights, without options that fix its depth."""
    if network.start is not None:
        return False
    return network.model == DEFAULT_MODEL and not {"depth", "widths", "encoder"} & set(network.options)


def depth_for(side: int) -> int:
    """Returns as many levels, from three to five, as leave the coarsest map of an image at least 16 pixels a side.

    >>> [depth_for(side) for side in (64, 128, 250, 256, 1024)]
    [3, 4, 4, 5, 5]
    """
    return min(5, max(3, (max(1, side) // COARSEST).bit_length()))


def _in_the_faster_precision(resolved: Recipe, recipe: Recipe) -> Recipe:
    """Returns the recipe with float32 instead of bfloat16 where bfloat16 is not faster and was not requested."""
    hardware = resolved.hardware
    if (hardware.device, hardware.precision) != ("cpu", "bfloat16"):
        return resolved
    if not machine.leaves_precision_open(recipe.hardware):
        return resolved
    try:
        times = speedup(resolved) if world().first else 0.0
    except (IsthmusError, RuntimeError):  # an impossible network or size is refused later
        times = 0.0
    (times,) = world().broadcast([times], torch.device("cpu"))
    if times >= WORTHWHILE:
        return resolved
    kernel_remarks()  # drops what was remarked about kernels that will not be used
    return resolved.model_copy(update={"hardware": hardware.model_copy(update={"precision": "float32"})})
