"""Before the first step: look at every file, fill in what the recipe left open, divide the cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.data.cases import Case, Dataset, load_image
from isthmus.data.checks.check import Checked, conclude
from isthmus.data.checks.inspect import open_tolerant
from isthmus.data.checks.remarks import refuse_resampled
from isthmus.data.checks.survey import survey
from isthmus.data.masks.ignored import counted, with_ignored
from isthmus.data.masks.values import ValueMap
from isthmus.data.sampling.grid import Grid
from isthmus.data.sampling.loading import Preprocessing, Target
from isthmus.data.sampling.patches import windows
from isthmus.data.sampling.slices import slice_by_slice
from isthmus.data.sources import open_dataset
from isthmus.data.splits.folds import Split
from isthmus.errors import IsthmusError
from isthmus.inference.outputs.classes import Meaning
from isthmus.inference.settings import clean_up, normaliser, value_map
from isthmus.networks import DEFAULT_MODEL
from isthmus.networks.kernels.bfloat16.choice import kernel_remarks
from isthmus.objectives import Objective
from isthmus.runs import hardware as machine
from isthmus.runs.precision import WORTHWHILE, speedup
from isthmus.runs.recipe import Data, Input, Recipe
from isthmus.training.distributed import own_device, world
from isthmus.training.objective import aim
from isthmus.training.split import divide, wanted
from isthmus.watch import Watch

PATCH = {2: 256, 3: 96}  # side of a patch when the user names none and images are larger
COARSEST = 16  # pixels of a side of the coarsest map, at least, where the network is our own
FEWEST, MOST = 32, 500  # patches an epoch when the user names no number


@dataclass(frozen=True)
class Prepared:
    """A recipe without open values, the checked cases, who trains and who is scored, and what is learned."""

    recipe: Recipe
    data: Checked
    split: Split
    objective: Objective

    def cases(self, ids: tuple[str, ...]) -> list[Case]:
        """The cases of these ids."""
        wanted = set(ids)
        return [case for case in self.data.dataset.cases if case.id in wanted]

    def hashes(self) -> dict[str, dict[str, str]]:
        """SHA-256 of every input file, by case."""
        return {facts.id: facts.sha256 for facts in self.data.cases}

    def truth(self, labels: Tensor) -> Tensor:
        """What the network's maps are held against: class indices ``(N, *spatial)``, or, where the regions overlap,
        a map for each, ``(N, regions, *spatial)``."""
        if not self.recipe.data.multilabel:
            return labels
        table = torch.from_numpy(Meaning.of(self.recipe.data).membership()).to(labels.device)
        return table[labels.long()].movedim(-1, 1)

    @property
    def preprocessing(self) -> Preprocessing:
        """How a case becomes arrays for the network."""
        data, shape = self.recipe.data, self.recipe.input
        targets: dict[str, Target] = dict(self.objective.targets)
        if data.multilabel:
            regions = Meaning.of(data).membership().T
            targets = {name: _of_regions(target, regions) for name, target in targets.items()}
        if shape.slices is not None:
            targets = {name: slice_by_slice(target) for name, target in targets.items()}
        return Preprocessing(
            data.channels or 1, normaliser(shape), Grid(shape.resize), data.instances, targets
        )

    def spacing(self, case: Case, size: tuple[int, ...]) -> tuple[float, ...] | None:
        """Of a case on the network's grid, on which it has this size."""
        if case.spacing is None:
            return None
        own = next(facts.shape[1:] for facts in self.data.cases if facts.id == case.id)
        return tuple(step * old / new for step, old, new in zip(case.spacing, own, size, strict=True))


def _of_regions(target: Target, regions: NDArray[np.uint8]) -> Target:
    """Returns the target of the masks of all regions, computed from a label of classes.

    Args:
        target: what is computed from the masks ``(regions, *spatial)``.
        regions: ``(regions, classes)``, 1 where a class belongs to a region.
    """
    return lambda label: target(regions[:, label])


def prepare(recipe: Recipe, watch: Watch) -> Prepared:
    """Check the data of a recipe and resolve it.

    Raises:
        IsthmusError: anything wrong with the data or the recipe, before any time is spent.
    """
    source = recipe.data
    root = Path(source.root) if source.root else None
    unfit: tuple[str, ...] = ()
    if source.skip_bad:
        dataset, unfit = open_tolerant(source.source, root, source.axes)
    else:
        dataset = open_dataset(source.source, root, source.axes)
    dataset = wanted(recipe, dataset)
    if source.values:
        dataset = _with_values(dataset, value_map(recipe), source.classes)
    watch.stage("checking files", len(dataset.cases))
    ignore = dataset.ignore if source.ignore is None else source.ignore
    found = counted(survey(dataset, lambda *_: watch.advance()), ignore)
    checked = conclude(found, source.value_rule, source.skip_bad)
    if source.instances and source.value_rule is None and checked.values.classes > 2:
        checked = conclude(found, "objects", source.skip_bad)  # few objects look like classes
    if source.instances and source.value_rule is None:
        refuse_resampled(checked.dataset, checked.cases)
    checked = with_ignored(checked, ignore)
    split = divide(recipe, checked)
    split = replace(split, notes=(*split.notes, *(f"left out: {problem}" for problem in unfit)))
    return resolve(recipe, checked, split)


def resolve(recipe: Recipe, checked: Checked, split: Split) -> Prepared:
    """Fill in what a recipe leaves open, for these cases."""
    dims = len(checked.cases[0].shape) - 1
    flat = recipe.input.slices is not None  # volumes, of which the network sees slices
    if flat and dims == 2:
        raise IsthmusError("input.slices is for volumes, and these images are flat; leave it out")
    axes = 2 if flat else dims
    resolved = recipe.model_copy(
        update={
            "data": _data(recipe.data, checked),
            "input": _input(recipe, checked, axes),
            "hardware": machine.resolve(own_device(recipe.hardware)),
        }
    )
    _refuse_what_does_not_fit(resolved, checked, axes)
    meaning = Meaning.of(resolved.data)
    channels = (resolved.data.channels or 1) * (recipe.input.slices or 1)
    options = _options(recipe, {"in_channels": channels, "classes": meaning.maps, "spatial_dims": axes})
    seen = recipe.roi.size if recipe.roi else resolved.input.resize or resolved.input.patch
    ours = recipe.network.model == DEFAULT_MODEL and not {"depth", "widths", "encoder"} & set(options)
    if recipe.network.depth == "auto" and ours and axes == 2 and seen:
        options["depth"] = depth_for(min(seen))
    samples = recipe.training.samples or _samples(resolved.input, recipe, checked, split)
    resolved = resolved.model_copy(
        update={
            "network": recipe.network.model_copy(update={"options": options}),
            "training": recipe.training.model_copy(update={"samples": samples}),
        }
    )
    resolved, objective = aim(resolved, checked, split)
    clean_up(resolved)  # classes that it names exist
    if resolved.input.normalise == "dataset" and not resolved.input.mean:
        mean, deviation = statistics(checked, split, resolved.data.channels or 1)
        levels = resolved.input.model_copy(update={"mean": mean, "deviation": deviation})
        resolved = resolved.model_copy(update={"input": levels})
    return Prepared(_in_the_faster_type(resolved, recipe), checked, split, objective)


def _in_the_faster_type(resolved: Recipe, recipe: Recipe) -> Recipe:
    """With float32 where the processor could compute in bfloat16, nobody asked for it and it would not be faster."""
    hardware = resolved.hardware
    if (hardware.device, hardware.precision) != ("cpu", "bfloat16"):
        return resolved
    if not machine.leaves_precision_open(recipe.hardware):
        return resolved
    try:
        times = speedup(resolved) if world().first else 0.0
    except (IsthmusError, RuntimeError):  # a network or a size that cannot be is refused later
        times = 0.0
    (times,) = world().told([times], torch.device("cpu"))
    if times >= WORTHWHILE:
        return resolved
    kernel_remarks()  # of kernels that will not be used
    return resolved.model_copy(update={"hardware": hardware.model_copy(update={"precision": "float32"})})


def _options(recipe: Recipe, found: dict[str, int]) -> dict[str, Any]:
    """The network's options, with what the data decides."""
    given = recipe.network.options
    options = {
        **{name: value for name, value in found.items() if (name, value) != ("spatial_dims", 2)},
        **given,
    }
    for name, needed in found.items():
        if options.get(name, needed) != needed:
            raise IsthmusError(
                f"network.options.{name} is {options[name]} but the data needs {needed}; leave it out"
            )
    return options


def depth_for(side: int) -> int:
    """As many levels as leave the coarsest map of an image at least 16 pixels a side, but three to five.

    >>> [depth_for(side) for side in (64, 128, 250, 256, 1024)]
    [3, 4, 4, 5, 5]
    """
    return min(5, max(3, (max(1, side) // COARSEST).bit_length()))


def _refuse_what_does_not_fit(recipe: Recipe, checked: Checked, axes: int) -> None:
    data, shape = recipe.data, recipe.input
    if data.instances and (len(data.classes) != 2 or data.regions):
        raise IsthmusError(
            f"data.instances numbers the objects of one class, and these masks have {len(data.classes) - 1}; "
            "leave it out"
        )
    if not data.instances and all(facts.foreground == 1 for facts in checked.cases):
        raise IsthmusError(
            f"{checked.dataset.name}: every pixel of all masks belongs to an object, so that there is no background to "
            "tell it from; tell the objects apart with data.instances=true"
        )
    if data.instances and not clean_up(recipe).is_nothing:
        raise IsthmusError(
            "cleanup is for masks of classes, and data.instances numbers objects; leave cleanup out (all but its "
            "threshold)"
        )
    if data.ignore is not None and (data.instances or data.multilabel):
        raise IsthmusError(
            "pixels can be ignored in masks of classes alone; leave out data.ignore, or data.instances and "
            "data.multilabel"
        )
    if data.multilabel and len(data.regions) > 12:
        raise IsthmusError(f"data.regions names {len(data.regions)} regions; 12 at most can overlap")
    if data.multilabel and not data.regions:
        raise IsthmusError(
            "data.multilabel needs data.regions, such as data.regions={WT: [1, 2, 3], ET: [3]}"
        )
    if shape.slices and recipe.training.augment == "hmedn-ct" and (data.channels or 1) > 1:
        raise IsthmusError(
            "training.augment=hmedn-ct turns the order of the channels round, which here are not slices alone; "
            "choose another augmentation"
        )
    if shape.windows and not shape.patch:
        raise IsthmusError("input.windows needs input.patch, the size of the windows")
    if shape.windows and (shape.foreground or shape.slices or recipe.roi):
        raise IsthmusError(
            "input.windows fixes the places of patches; leave out input.foreground, input.slices and roi"
        )
    if recipe.roi is not None and len(recipe.roi.size) != axes:
        raise IsthmusError(f"roi.size names {len(recipe.roi.size)} sides but the network has {axes} axes")
    if recipe.roi is not None and len(recipe.roi.resize) != axes:
        raise IsthmusError(f"roi.resize names {len(recipe.roi.resize)} sides but the network has {axes} axes")
    if shape.windows:
        size = min(checked.cases, key=lambda facts: math.prod(facts.shape[1:])).shape[1:]
        padded = [max(side, patch) for side, patch in zip(size, shape.patch or (), strict=True)]
        try:
            windows(padded, shape.patch or (), shape.windows)
        except ValueError as error:
            raise IsthmusError(f"input.windows: {error}") from error


def _with_values(dataset: Dataset, values: ValueMap, classes: list[str]) -> Dataset:
    names = tuple(classes) or values.names()
    if len(names) != values.classes:
        raise IsthmusError(
            f"data.classes names {len(names)} classes but data.values maps to {values.classes}"
        )
    return replace(dataset, values=values, classes=names)


def _data(source: Data, checked: Checked) -> Data:
    if source.classes and len(source.classes) != checked.values.classes:
        raise IsthmusError(
            f"data.classes names {len(source.classes)} classes (background included) but the masks have "
            f"{checked.values.classes}: {checked.values.describe()}"
        )
    classes = source.classes or list(checked.dataset.classes)
    return source.model_copy(
        update={
            "root": str(Path(source.root).resolve()) if source.root else None,
            "source": str(Path(source.source).resolve()) if not source.root else source.source,
            "channels": source.channels or checked.channels,
            "axes": source.axes or checked.dataset.axes or None,
            "classes": classes,
            "values": dict(checked.values.pairs),
            "value_rule": checked.values.rule,
            "ignore": checked.dataset.ignore,
            "regions": _regions(source, checked, classes),
        }
    )


def _regions(source: Data, checked: Checked, classes: Sequence[str]) -> dict[str, list[int]]:
    if source.regions == "dataset":
        found = {name: list(indices) for name, indices in checked.dataset.regions.items()}
        if not found:
            raise IsthmusError(
                f"{checked.dataset.name} has no regions of its own; write data.regions={{NAME: [CLASS, …]}}"
            )
        return found
    for name, indices in source.regions.items():
        strange = [index for index in indices if not 0 < index < len(classes)]
        if strange or not indices:
            listing = ", ".join(f"{index} {label}" for index, label in enumerate(classes) if index)
            raise IsthmusError(f"data.regions.{name} names class {strange}: the classes are {listing}")
    return dict(source.regions)


def _input(recipe: Recipe, checked: Checked, axes: int) -> Input:
    """Resize where the user or the data set says so, else patches at native scale; bytes, which have a scale in
    common, are divided by it, and everything else is normalised image by image."""
    given = recipe.input
    if given.normalise == "auto":
        found = "scale" if all(facts.dtype == "uint8" for facts in checked.cases) else "zscore"
        given = given.model_copy(update={"normalise": found})
    if given.resize and given.patch:
        raise IsthmusError("input.resize and input.patch exclude each other; give one of them")
    if recipe.roi and (given.resize or given.patch):
        raise IsthmusError("roi.size is what the network sees; leave out input.resize and input.patch")
    for key, size in (("resize", given.resize), ("patch", given.patch)):
        if size and len(size) != axes:
            raise IsthmusError(
                f"input.{key} names {len(size)} sides but the images have {axes} axes; name {axes}"
            )
    if recipe.roi:
        return given
    if given.resize or given.patch:
        return given
    usual = None if recipe.data.instances else checked.dataset.resize  # squashed, small objects would merge
    if usual and len(usual) == axes:
        return given.model_copy(update={"resize": usual})
    sides = [max(axis) for axis in zip(*(facts.shape[1:] for facts in checked.cases), strict=True)][-axes:]
    if axes == 2:  # square, as quarter turns exchange the axes
        sides = [max(sides)] * 2
    patch = tuple(min(PATCH[axes], max(32, math.ceil(side / 32) * 32)) for side in sides)
    return given.model_copy(update={"patch": patch})


def _samples(grid: Input, recipe: Recipe, checked: Checked, split: Split) -> int:
    """Each resized image once an epoch, each fixed window, each slice; as many patches as cover the training images,
    within reason."""
    train = set(split.train)
    shapes = [facts.shape[1:] for facts in checked.cases if facts.id in train]
    if grid.windows:
        return len(shapes) * grid.windows
    if grid.slices and (recipe.roi or not grid.patch):
        return min(MOST, max(FEWEST, sum(shape[0] for shape in shapes)))
    patch = grid.patch
    if patch is None:
        return len(split.train)
    if grid.slices:
        patch = (1, *patch)
    cover = sum(math.prod(math.ceil(n / p) for n, p in zip(shape, patch, strict=True)) for shape in shapes)
    return min(MOST, max(FEWEST, cover))


def statistics(checked: Checked, split: Split, channels: int) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel over all pixels of the training images."""
    train = set(split.train)
    total, squares, count = np.zeros(channels), np.zeros(channels), 0
    for case in checked.dataset.cases:
        if case.id in train:
            flat = load_image(case, channels).reshape(channels, -1).astype(np.float64)
            total += flat.sum(axis=1)
            squares += np.square(flat).sum(axis=1)
            count += flat.shape[1]
    mean = total / count
    deviation = np.sqrt(np.maximum(0, squares / count - mean**2))
    return mean.tolist(), deviation.tolist()
