"""Before the first step: look at every file, fill in what the recipe left open, divide the cases."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from isthmus.data.cases import Case, Dataset
from isthmus.data.check import Checked, check_dataset
from isthmus.data.folder import open_dataset
from isthmus.data.folds import Split, holdout
from isthmus.data.inspect import open_tolerant
from isthmus.data.protocols import GROUP_NOTES, SHARES, check_split, splits
from isthmus.data.values import ValueMap
from isthmus.errors import IsthmusError
from isthmus.inference.predictor import value_map
from isthmus.runs import hardware as machine
from isthmus.runs.recipe import Data, Input, Recipe
from isthmus.watch import Watch

PATCH = {2: 256, 3: 96}  # side of a patch when the user names none and images are larger
FEWEST, MOST = 32, 500  # patches an epoch when the user names no number


@dataclass(frozen=True)
class Prepared:
    """A recipe without open values, the checked cases, and who trains and who is scored."""

    recipe: Recipe
    data: Checked
    split: Split

    def cases(self, ids: tuple[str, ...]) -> list[Case]:
        """The cases of these ids."""
        wanted = set(ids)
        return [case for case in self.data.dataset.cases if case.id in wanted]

    def hashes(self) -> dict[str, dict[str, str]]:
        """SHA-256 of every input file, by case."""
        return {facts.id: facts.sha256 for facts in self.data.cases}


def prepare(recipe: Recipe, watch: Watch) -> Prepared:
    """Check the data of a recipe and resolve it.

    Raises:
        IsthmusError: anything wrong with the data or the recipe, before any time is spent.
    """
    source = recipe.data
    root = Path(source.root) if source.root else None
    unfit: tuple[str, ...] = ()
    if source.skip_bad:
        dataset, unfit = open_tolerant(source.source, root)
    else:
        dataset = open_dataset(source.source, root)
    if source.values:
        dataset = _with_values(dataset, value_map(recipe), source.classes)
    watch.stage("checking files", len(dataset.cases))
    checked = check_dataset(dataset, lambda *_: watch.advance(), skip_bad=source.skip_bad)
    split = divide(recipe, checked)
    split = replace(split, notes=(*split.notes, *(f"left out: {problem}" for problem in unfit)))
    dims = _dims(checked)
    resolved = recipe.model_copy(
        update={
            "data": _data(source, checked),
            "input": _input(recipe.input, checked, dims),
            "hardware": machine.resolve(recipe.hardware),
        }
    )
    classes = len(resolved.data.classes)
    maps = 1 if classes == 2 else classes
    found = {"in_channels": resolved.data.channels, "classes": maps, "spatial_dims": dims}
    given = recipe.network.options
    options = {
        **{name: value for name, value in found.items() if dims == 3 or name != "spatial_dims"},
        **given,
    }
    for name, needed in found.items():
        if options.get(name, needed) != needed:
            raise IsthmusError(
                f"network.options.{name} is {options[name]} but the data needs {needed}; leave it out"
            )
    loss = recipe.training.loss
    if loss == "auto":
        loss = "bce" if maps == 1 else "ce"
    if (loss == "bce") != (maps == 1):
        needed_loss = "bce" if maps == 1 else "ce"
        raise IsthmusError(f"training.loss is '{loss}' but {classes} classes need '{needed_loss}' (or auto)")
    samples = recipe.training.samples or _samples(resolved.input, checked, split)
    resolved = resolved.model_copy(
        update={
            "network": recipe.network.model_copy(update={"options": options}),
            "training": recipe.training.model_copy(update={"loss": loss, "samples": samples}),
        }
    )
    return Prepared(resolved, checked, split)


def divide(recipe: Recipe, checked: Checked) -> Split:
    """The split of the recipe's protocol, past the guard; its notes are what a report has to say."""
    protocol, cases = recipe.protocol, checked.dataset.cases
    if protocol.test:  # set aside first, the rest is divided
        aside = holdout(cases, validation=protocol.test)
        split = replace(_chosen(recipe, checked, aside.train), test=aside.validation)
    else:
        split = _chosen(recipe, checked, tuple(case.id for case in cases))
    notes = check_split(
        split,
        cases,
        {facts.id: facts.pixels for facts in checked.cases},
        {facts.id: facts.perceptual for facts in checked.cases},
        distance=protocol.distance,
        allow_leak=protocol.allow_leak,
    )
    about = GROUP_NOTES.get(checked.dataset.name)
    left_out = [f"left out: {bad.problem}" for bad in checked.bad]
    return replace(split, notes=(*notes, *([about] if about else []), *left_out))


def _chosen(recipe: Recipe, checked: Checked, ids: tuple[str, ...]) -> Split:
    """The split of these cases that the recipe's fold and repeat name."""
    protocol, among = recipe.protocol, set(ids)
    cases = [case for case in checked.dataset.cases if case.id in among]
    if protocol.validation is not None:
        return holdout(cases, validation=protocol.validation)
    found = splits(
        protocol.kind,
        cases,
        seed=protocol.seed,
        folds=protocol.folds,
        fraction=protocol.fraction,
        shares=protocol.shares or SHARES.get(checked.dataset.name),
        foreground={facts.id: facts.foreground for facts in checked.cases} if protocol.stratify else None,
    )
    for split in found:
        if (split.fold, split.repeat) == (protocol.fold, protocol.repeat):
            return split
    folds, repeats = (max(getattr(split, key) for split in found) for key in ("fold", "repeat"))
    raise IsthmusError(
        f"protocol '{protocol.kind}' has no fold {protocol.fold} of repeat {protocol.repeat}; "
        f"folds are numbered 0 to {folds}, repeats 0 to {repeats}"
    )


def _dims(checked: Checked) -> int:
    """Axes of the images, the same for all."""
    found = {len(facts.shape) - 1: facts.id for facts in checked.cases}
    if len(found) > 1:
        listing = ", ".join(f"{dims} in '{case}'" for dims, case in sorted(found.items()))
        raise IsthmusError(
            f"images with different numbers of axes: {listing}; train on flat images or on volumes"
        )
    return next(iter(found))


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
    return source.model_copy(
        update={
            "root": str(Path(source.root).resolve()) if source.root else None,
            "source": str(Path(source.source).resolve()) if not source.root else source.source,
            "channels": source.channels or checked.channels,
            "classes": source.classes or list(checked.dataset.classes),
            "values": dict(checked.values.pairs),
            "value_rule": checked.values.rule,
        }
    )


def _input(given: Input, checked: Checked, dims: int) -> Input:
    """Resize where the user or the data set says so, else patches at native scale."""
    if given.resize and given.patch:
        raise IsthmusError("input.resize and input.patch exclude each other; give one of them")
    for key, size in (("resize", given.resize), ("patch", given.patch)):
        if size and len(size) != dims:
            raise IsthmusError(
                f"input.{key} names {len(size)} sides but the images have {dims} axes; name {dims}"
            )
    if given.resize or given.patch:
        return given
    if checked.dataset.resize:
        return given.model_copy(update={"resize": checked.dataset.resize})
    axes = zip(*(facts.shape[1:] for facts in checked.cases), strict=True)
    sides = [max(axis) for axis in axes]
    if dims == 2:  # square, as quarter turns exchange the axes
        sides = [max(sides)] * 2
    patch = tuple(min(PATCH[dims], max(32, math.ceil(side / 32) * 32)) for side in sides)
    return given.model_copy(update={"patch": patch})


def _samples(grid: Input, checked: Checked, split: Split) -> int:
    """Each resized image once an epoch; as many patches as cover the training images, within reason."""
    if grid.patch is None:
        return len(split.train)
    train = set(split.train)
    shapes = [facts.shape[1:] for facts in checked.cases if facts.id in train]
    patch = grid.patch
    cover = sum(math.prod(math.ceil(n / p) for n, p in zip(shape, patch, strict=True)) for shape in shapes)
    return min(MOST, max(FEWEST, cover))
