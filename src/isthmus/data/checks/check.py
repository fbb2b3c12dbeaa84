"""Checks a data set before training: every file is opened once, and all problems are reported together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from isthmus.data.cases import Case, Dataset
from isthmus.data.checks.facts import Bad, CaseFacts
from isthmus.data.checks.fitting import common_channels, refuse_mixed_axes
from isthmus.data.checks.problems import refuse
from isthmus.data.checks.remarks import TURNED, grid_remarks, mask_remarks, orientations, spacings
from isthmus.data.checks.survey import Survey, survey
from isthmus.data.masks.values import Rule, ValueMap
from isthmus.errors import IsthmusError, few
from isthmus.io.formats import is_lossy


@dataclass(frozen=True)
class Checked:
    """A data set in which every file can be read and every pair fits.

    Attributes:
        dataset: the data set with `values` and `classes` filled in, without the bad cases.
        values: the same map, never None.
        channels: number of channels of the images; 3 where grey and colour are mixed (`load` then repeats the grey
            channel).
        cases: facts in the order of `dataset.cases`.
        bad: cases that were left out, which happens with `skip_bad` only.
    """

    dataset: Dataset
    values: ValueMap
    channels: int
    cases: tuple[CaseFacts, ...]
    bad: tuple[Bad, ...] = ()

    def summary_lines(self) -> list[str]:
        """Returns what a run prints once before it begins: how volumes lie, and the remarks on images and masks."""
        turned, steps = orientations(self.cases), spacings(self.dataset.cases)
        lines = list(self.dataset.notes)
        lines += [f"volumes: orientation {', '.join(turned[:4])}; {TURNED}"] if turned else []
        lines += [f"spacing: {', '.join(steps[:4])}" + ", …" * (len(steps) > 4)] if steps else []
        remarks = [*mask_remarks(self.dataset, self.cases), *grid_remarks(self.cases)]
        return lines + [f"note: {remark.detail}" for remark in remarks]


def check_dataset(
    dataset: Dataset,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
    rule: Rule | None = None,
    skip_bad: bool = False,
) -> Checked:
    """Opens every file once, and infers the meaning of mask values from all masks if the data set does not state it.

    Args:
        progress: called with (cases done, cases).
        workers: threads; None: one per core, at most 8.
        rule: how mask values apply (`ValueMap.rule`), as the user states it; None: it is inferred.
        skip_bad: leave bad cases out and list them in `Checked.bad`, as long as one case is good.

    Raises:
        IsthmusError: lists all problems (the first 20 of them): unreadable files, sizes that differ, values that fit no
            class, NaN pixels, names that cannot be written; or masks that all hold one value, flat images among
            volumes, different numbers of channels.
    """
    return conclude(survey(dataset, progress, workers), rule, skip_bad)


def conclude(found: Survey, rule: Rule | None = None, skip_bad: bool = False) -> Checked:
    """Decides what the values in the masks mean and whether all cases fit together; see `check_dataset`."""
    dataset, bad = found.dataset, list(found.bad)
    if not found.facts:
        refuse([one.problem for one in bad], dataset.name)
    cases = [case for case in dataset.cases if case.id in found.facts]
    try:
        refuse_mixed_axes(cases, found.facts)
        channels = common_channels(cases, found.facts)
        values, unfit = _values(found, cases, rule)
    except IsthmusError as error:
        refuse([*(one.problem for one in bad if not skip_bad), str(error)], dataset.name)
        raise
    facts: dict[str, CaseFacts] = {}
    for case in cases:
        try:
            shares = _shares(found.counts[case.id], values, str(case.masks[0]), unfit)
            facts[case.id] = replace(found.facts[case.id], shares=shares)
        except IsthmusError as error:
            bad.append(Bad(case.id, "values", str(error)))
    if not skip_bad or not facts:
        refuse([one.problem for one in bad], dataset.name)
    _refuse_single_class(found, cases, values, facts)
    cases = [case for case in cases if case.id in facts]
    instances = dataset.instances
    if instances is None:
        instances = values.rule == "objects" or any(len(case.masks) > 1 for case in cases)
    names = dataset.classes or values.names()
    complete = replace(dataset, cases=tuple(cases), values=values, classes=names, instances=instances)
    return Checked(complete, values, channels, tuple(facts.values()), tuple(bad))


def _values(found: Survey, cases: list[Case], rule: Rule | None) -> tuple[ValueMap, dict[str, str]]:
    """Returns the meaning of the mask values, and the problem of each mask that does not fit it."""
    values = found.dataset.values
    if values is not None:
        return (values if rule in (None, values.rule) else ValueMap(values.pairs, rule)), {}
    masks = {str(case.masks[0]): found.counts[case.id] for case in cases}
    lossy = [str(case.masks[0]) for case in cases if is_lossy(case.masks[0].path)]
    edges = {str(case.masks[0]): found.facts[case.id].borders for case in cases}
    return ValueMap.agree(masks, rule, lossy, edges)


def _shares(
    counts: Mapping[int, int], values: ValueMap, name: str, unfit: Mapping[str, str]
) -> tuple[float, ...]:
    """Returns the share of each class in the pixels of a mask."""
    if name in unfit:
        raise IsthmusError(unfit[name])
    values.refuse_strangers(counts, name)
    labels = values.apply(np.array(list(counts)))
    pixels = np.bincount(labels, weights=np.array(list(counts.values())), minlength=values.classes)
    return tuple((pixels / pixels.sum()).tolist())


def _refuse_single_class(
    found: Survey, cases: list[Case], values: ValueMap, facts: Mapping[str, CaseFacts]
) -> None:
    """Refuses masks that all hold one class, unless they number objects."""
    present = [i for i in range(values.classes) if any(fact.shares[i] > 0 for fact in facts.values())]
    counts = [found.counts[case.id] for case in cases]
    numbered = values.rule == "objects" and any(len(held) > 1 for held in counts)
    if len(present) == 1 and not numbered:
        held = few([str(value) for value in sorted(set().union(*counts))], 8)
        raise IsthmusError(
            f"{found.dataset.name}: all {len(facts)} masks hold {held} only, so there is nothing to learn; check "
            f"{next(case for case in cases if case.id in facts).masks[0]}"
        )
