"""Checks a data set before training: every file is opened once, and everything that is wrong is reported together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from isthmus.data.cases import Dataset
from isthmus.data.checks.facts import Bad, CaseFacts
from isthmus.data.checks.fitting import common_channels, refuse_mixed_axes
from isthmus.data.checks.problems import refuse
from isthmus.data.checks.remarks import TURNED, grids, orientations, remarks, spacings
from isthmus.data.checks.survey import Survey, survey
from isthmus.data.masks.values import Rule, ValueMap
from isthmus.errors import IsthmusError
from isthmus.io.images import LOSSY_SUFFIXES


@dataclass(frozen=True)
class Checked:
    """A data set in which every file reads and every pair fits.

    Attributes:
        dataset: with `values` and `classes` filled in, without the bad cases.
        values: the same map, never None.
        channels: of the images; 3 where grey and colour are mixed (`load` then repeats the grey).
        cases: facts in the order of `dataset.cases`.
        bad: cases that were left out, which happens with `skip_bad` only.
    """

    dataset: Dataset
    values: ValueMap
    channels: int
    cases: tuple[CaseFacts, ...]
    bad: tuple[Bad, ...] = ()

    def summary_lines(self) -> list[str]:
        """What a run says once before it begins: how volumes lie, and masks that may number objects."""
        lies, steps = orientations(self.cases), spacings(self.dataset.cases)
        lines = [f"volumes: orientation {', '.join(lies[:4])}; {TURNED}"] if lies else []
        lines = [*self.dataset.notes, *lines]
        lines += [f"spacing: {', '.join(steps[:4])}" + ", …" * (len(steps) > 4)] if steps else []
        lines += [f"note: {remark.detail}" for remark in remarks(self.dataset, self.cases)]
        lines += [f"note: {found.said()}" for found in grids(self.cases)]
        return lines


def check_dataset(
    dataset: Dataset,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
    rule: Rule | None = None,
    skip_bad: bool = False,
) -> Checked:
    """Open every file once; `progress` is called with (cases done, cases).

    Where the data set does not know its mask values yet, they are inferred from all masks.

    Args:
        workers: threads; None: one per core, at most 8.
        rule: how mask values apply (`ValueMap.rule`), where the user says so; None: as they look.
        skip_bad: leave bad cases out, and say so in `Checked.bad`, as long as one is good.

    Raises:
        IsthmusError: all that is wrong (the first 20 are listed): unreadable files, sizes that differ, values
            that fit no class, NaN pixels, names that cannot be written; or masks that all hold one value, flat images
            among volumes, channels that cannot be brought together.
    """
    return conclude(survey(dataset, progress, workers), rule, skip_bad)


def conclude(found: Survey, rule: Rule | None = None, skip_bad: bool = False) -> Checked:
    """What the values in the masks mean, and whether all cases fit together; see `check_dataset`."""
    dataset, bad = found.dataset, list(found.bad)
    if not found.looks:
        refuse([one.problem for one in bad], dataset.name)
    cases = [case for case in dataset.cases if case.id in found.looks]
    try:
        refuse_mixed_axes(cases, found.looks)
        channels = common_channels(cases, found.looks)
    except IsthmusError as error:
        refuse([*(one.problem for one in bad if not skip_bad), str(error)], dataset.name)
        raise
    masks = {str(case.masks[0]): found.counts[case.id] for case in cases}
    values = dataset.values
    odd: dict[str, str] = {}
    if values is None:
        lossy = [str(c.masks[0]) for c in cases if c.masks[0].path.suffix.lower() in LOSSY_SUFFIXES]
        try:
            edges = {str(case.masks[0]): found.looks[case.id].borders for case in cases}
            values, odd = ValueMap.agree(masks, rule, lossy, edges)
        except IsthmusError as error:
            if not skip_bad:
                refuse([*(one.problem for one in bad), str(error)], dataset.name)
            raise
    elif rule not in (None, values.rule):
        values = ValueMap(values.pairs, rule)
    facts: dict[str, CaseFacts] = {}
    for case in cases:
        try:
            if str(case.masks[0]) in odd:
                raise IsthmusError(odd[str(case.masks[0])])
            shares = _shares(found.counts[case.id], values, str(case.masks[0]))
            facts[case.id] = replace(found.looks[case.id], shares=shares)
        except IsthmusError as error:
            bad.append(Bad(case.id, "values", str(error)))
    if not skip_bad or not facts:
        refuse([one.problem for one in bad], dataset.name)
    cases = [case for case in cases if case.id in facts]
    present = [i for i in range(values.classes) if any(fact.shares[i] > 0 for fact in facts.values())]
    numbered = values.rule == "objects" and any(len(counts) > 1 for counts in masks.values())
    if len(present) == 1 and not numbered:
        held = sorted(set().union(*masks.values()))
        raise IsthmusError(
            f"{dataset.name}: all {len(cases)} masks hold {', '.join(map(str, held[:8]))} only, so there is "
            f"nothing to tell apart; check {cases[0].masks[0]}"
        )
    instances = dataset.instances
    if instances is None:
        instances = values.rule == "objects" or any(len(case.masks) > 1 for case in cases)
    names = dataset.classes or values.names()
    complete = replace(dataset, cases=tuple(cases), values=values, classes=names, instances=instances)
    return Checked(complete, values, channels, tuple(facts.values()), tuple(bad))


def _shares(counts: dict[int, int], values: ValueMap, name: str) -> tuple[float, ...]:
    values.refuse_strangers(counts, name)
    labels = values.apply(np.array(list(counts)))
    pixels = np.bincount(labels, weights=np.array(list(counts.values())), minlength=values.classes)
    return tuple((pixels / pixels.sum()).tolist())
