"""Selects the cases of a recipe and splits them by its protocol into those that train and those that are scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from isthmus.data.cases import Case, Dataset
from isthmus.data.checks.check import Checked
from isthmus.data.splits.folds import Split, holdout, take_groups
from isthmus.data.splits.leaks import check_split
from isthmus.data.splits.protocols import GROUP_NOTES, SHARES, splits
from isthmus.data.splits.single_volume import divided
from isthmus.errors import IsthmusError
from isthmus.runs.recipe import Protocol, Recipe


def select_cases(limit: int | None, protocol: Protocol, dataset: Dataset) -> Dataset:
    """Returns the data set with the cases that a recipe takes: all, or those of as many groups as its limit.

    Of an image or volume that is split within itself, the cases are its parts.
    """
    if limit is not None:
        dataset = replace(dataset, cases=tuple(take_groups(dataset.cases, limit)))
    return divided(dataset, protocol.kind, protocol.folds, protocol.fraction)


def protocol_for(protocol: Protocol, limit: int | None, dataset: Dataset) -> Protocol:
    """Returns the protocol by which a data set is split: of a single case, the last part validates."""
    usual = protocol.kind == "holdout" and protocol.validation is None and protocol.test is None
    cases = dataset.cases if limit is None else take_groups(dataset.cases, limit)
    return protocol.model_copy(update={"kind": "last-part"}) if usual and len(cases) == 1 else protocol


def split_of_recipe(recipe: Recipe, dataset: Dataset) -> Split:
    """Returns the split that a recipe makes of a data set, unchecked.

    Raises:
        IsthmusError: cases or a fold that do not exist.
    """
    selected = select_cases(recipe.data.limit, recipe.protocol, dataset)
    return split_of_protocol(recipe.protocol, selected)


def split_cases(protocol: Protocol, checked: Checked) -> Split:
    """Returns the split of a protocol, with notes on what a report has to mention.

    Raises:
        IsthmusError: cases or a fold that do not exist, or the same images on both sides of the split.
    """
    dataset = checked.dataset
    shares = {facts.id: facts.foreground for facts in checked.cases} if protocol.stratify else None
    split = split_of_protocol(protocol, dataset, shares)
    notes = check_split(
        split,
        dataset.cases,
        {facts.id: facts.pixels for facts in checked.cases},
        {facts.id: facts.perceptual for facts in checked.cases},
        distance=protocol.distance,
        allow_leak=protocol.allow_leak,
    )
    groups = GROUP_NOTES.get(dataset.name)
    left_out = [f"left out: {bad.problem}" for bad in checked.bad]
    return replace(split, notes=(*notes, *([groups] if groups else []), *left_out))


def split_of_protocol(
    protocol: Protocol, dataset: Dataset, foreground: Mapping[str, float] | None = None
) -> Split:
    """Returns the split of the protocol's fold and repeat, unchecked.

    Args:
        protocol: protocol of the recipe.
        dataset: as `select_cases` returns it.
        foreground: share of foreground in each case, for protocols that balance it.

    Raises:
        IsthmusError: cases or a fold that do not exist.
    """
    cases = dataset.cases
    if not protocol.test:
        return _split(protocol, cases, dataset.name, foreground)
    tested = holdout(cases, validation=protocol.test)  # set aside first; the others are split
    others = [case for case in cases if case.id in set(tested.train)]
    return replace(_split(protocol, others, dataset.name, foreground), test=tested.validation)


def _split(
    protocol: Protocol, cases: Sequence[Case], name: str, foreground: Mapping[str, float] | None
) -> Split:
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
