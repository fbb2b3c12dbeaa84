"""Who trains and who is scored: the cases that a recipe wants, divided by its protocol, past the guard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from isthmus.data.cases import Case, Dataset
from isthmus.data.checks.check import Checked
from isthmus.data.splits.folds import Split, few, holdout
from isthmus.data.splits.protocols import GROUP_NOTES, SHARES, check_split, splits
from isthmus.data.splits.single_volume import in_parts
from isthmus.errors import IsthmusError
from isthmus.runs.recipe import Recipe


def wanted(recipe: Recipe, dataset: Dataset) -> Dataset:
    """The cases that a recipe takes: all, or few; of a volume that is divided within itself, its parts."""
    if recipe.data.limit is not None:
        dataset = replace(dataset, cases=tuple(few(dataset.cases, recipe.data.limit)))
    if recipe.protocol.kind == "within-case":
        dataset = in_parts(dataset, recipe.protocol.folds)
    return dataset


def divide(recipe: Recipe, checked: Checked) -> Split:
    """The split of the recipe's protocol, past the guard; its notes are what a report has to say."""
    protocol, dataset = recipe.protocol, checked.dataset
    shares = {facts.id: facts.foreground for facts in checked.cases} if protocol.stratify else None
    split = chosen(recipe, dataset, shares)
    notes = check_split(
        split,
        dataset.cases,
        {facts.id: facts.pixels for facts in checked.cases},
        {facts.id: facts.perceptual for facts in checked.cases},
        distance=protocol.distance,
        allow_leak=protocol.allow_leak,
    )
    about = GROUP_NOTES.get(dataset.name)
    left_out = [f"left out: {bad.problem}" for bad in checked.bad]
    return replace(split, notes=(*notes, *([about] if about else []), *left_out))


def chosen(recipe: Recipe, dataset: Dataset, foreground: Mapping[str, float] | None = None) -> Split:
    """The split that the recipe's fold and repeat name.

    Args:
        dataset: as `wanted`.
        foreground: its share in each case, where a protocol is to look at it.

    Raises:
        IsthmusError: cases or a fold that are not there.
    """
    protocol, cases = recipe.protocol, dataset.cases
    if not protocol.test:
        return _of_protocol(recipe, cases, dataset.name, foreground)
    aside = holdout(cases, validation=protocol.test)  # set aside first, the rest is divided
    rest = [case for case in cases if case.id in set(aside.train)]
    return replace(_of_protocol(recipe, rest, dataset.name, foreground), test=aside.validation)


def _of_protocol(
    recipe: Recipe, cases: Sequence[Case], name: str, foreground: Mapping[str, float] | None
) -> Split:
    protocol = recipe.protocol
    if protocol.validation is not None:
        return holdout(cases, validation=protocol.validation)
    found = splits(
        protocol.kind,
        cases,
        seed=protocol.seed,
        folds=protocol.folds,
        fraction=protocol.fraction,
        shares=protocol.shares or SHARES.get(name),
        foreground=foreground,
    )
    for split in found:
        if (split.fold, split.repeat) == (protocol.fold, protocol.repeat):
            return split
    folds, repeats = (max(getattr(split, key) for split in found) for key in ("fold", "repeat"))
    raise IsthmusError(
        f"protocol '{protocol.kind}' has no fold {protocol.fold} of repeat {protocol.repeat}; "
        f"folds are numbered 0 to {folds}, repeats 0 to {repeats}"
    )
