"""Inspects a data set before training: unreadable files, oddities, duplicates, and what it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Literal

from isthmus.data.cases import Dataset
from isthmus.data.checks.check import conclude
from isthmus.data.checks.duplicates import NEAR, duplicates, near_duplicates
from isthmus.data.checks.facts import Bad, CaseFacts
from isthmus.data.checks.problems import collecting
from isthmus.data.checks.remarks import LISTED, TURNED, grid_remarks, mask_remarks, orientations, spacings
from isthmus.data.checks.survey import survey
from isthmus.data.masks.ignored import with_ignored, without_ignored
from isthmus.data.masks.values import Rule
from isthmus.data.sources import open_dataset
from isthmus.data.splits.protocols import GROUP_NOTES
from isthmus.errors import IsthmusError, counted, few

Level = Literal["error", "warning", "fact"]


@dataclass(frozen=True)
class Finding:
    """A row of the table: its level, name and count, and a detail that names the cases."""

    level: Level
    what: str
    count: int
    detail: str


@dataclass(frozen=True)
class ClassShare:
    """One class: the number of cases that hold it, and its mean, smallest and largest share of an image."""

    name: str
    held: int
    mean: float
    low: float
    high: float


CLASS_SHARE = "class share"
"""The name that findings give the rows of `Inspection.class_shares`."""


@dataclass(frozen=True)
class Inspection:
    """What an inspection of every file found.

    Attributes:
        dataset: the cases that can be used; `values` is None if the masks are not consistent.
        cases: facts of these cases (`shares` are empty if `values` is None).
        bad: the cases that cannot be used, and what does not fit the layout.
        problem: why the readable cases do not fit together; "" if they do.
        copies: sets of ids of images that are identical pixel by pixel.
        near: sets of ids of images that look alike, without the copies.
    """

    dataset: Dataset
    cases: tuple[CaseFacts, ...]
    bad: tuple[Bad, ...]
    problem: str
    copies: tuple[tuple[str, ...], ...]
    near: tuple[tuple[str, ...], ...]

    @property
    def usable(self) -> bool:
        """Whether every pair can be read and fits; all other findings are warnings."""
        return bool(self.cases) and not self.bad and not self.problem

    @property
    def empty(self) -> tuple[str, ...]:
        """Ids of the cases whose mask holds only background."""
        return tuple(facts.id for facts in self.cases if facts.shares and facts.shares[0] == 1)

    def class_shares(self) -> list[ClassShare]:
        """Returns how much of an image each class covers; [] if mask values have no known meaning."""
        if self.dataset.values is None or not all(facts.shares for facts in self.cases):
            return []
        columns = zip(
            self.dataset.classes, zip(*(facts.shares for facts in self.cases), strict=True), strict=True
        )
        return [
            ClassShare(name, sum(share > 0 for share in shares), fmean(shares), min(shares), max(shares))
            for name, shares in columns
        ]

    def findings(self) -> list[Finding]:
        """Returns the table: errors first, then facts about the data set with the warnings that belong to them."""
        rows = [Finding("error", _KINDS[bad.kind], 1, bad.problem) for bad in self.bad]
        if self.problem:
            rows.append(Finding("error", "together", 1, self.problem))
        if self.cases:
            rows += [*self._groups(), *self._images(), *self._masks(), *self._twins()]
        return rows

    def _groups(self) -> Iterable[Finding]:
        sizes = Counter(case.group for case in self.dataset.cases)
        total = len(self.cases)
        if total == 1:
            detail = "the last fifth of it validates (last-part), so scores say nothing about other images"
            yield Finding("warning", "cases", 1, detail)
        elif len(sizes) == 1:
            detail = f"all belong to one group ({next(iter(sizes))}): no split is independent (within-case)"
            yield Finding("warning", "cases", total, detail)
        elif len(sizes) == total:
            yield Finding("fact", "cases", total, "each a group of its own")
        else:
            yield Finding("fact", "cases", total, f"in {counted(len(sizes), 'group')}")
            several = [f"{name} ({n})" for name, n in sizes.most_common() if n > 1]
            yield Finding("fact", "of one group", len(several), few(several, LISTED))
        if self.dataset.name in GROUP_NOTES:
            yield Finding("warning", "groups", len(sizes), GROUP_NOTES[self.dataset.name])

    def _images(self) -> Iterable[Finding]:
        for note in self.dataset.notes:
            yield Finding("fact", "files", 1, note)
        sizes = Counter(facts.shape for facts in self.cases)
        listing = [
            f"{' x '.join(map(str, shape[:0:-1]))}, {channels(shape[0])} ({n})"
            for shape, n in sizes.most_common()
        ]
        yield Finding("fact", "sizes", len(sizes), few(listing, LISTED, "; "))
        turned, steps = orientations(self.cases), spacings(self.dataset.cases)
        if turned:
            yield Finding("fact", "orientations", len(turned), f"{few(turned, LISTED, '; ')}; {TURNED}")
        if steps:
            yield Finding("fact", "spacings", len(steps), few(steps, LISTED, "; "))
        for remark in grid_remarks(self.cases):
            yield Finding("warning", remark.what, remark.count, remark.detail)
        for dtype, n in Counter(facts.dtype for facts in self.cases).most_common():
            those = [facts for facts in self.cases if facts.dtype == dtype]
            low, high = min(facts.low for facts in those), max(facts.high for facts in those)
            yield Finding("fact", "intensities", n, f"{dtype}, {low:g} to {high:g}")
        flat = [facts.id for facts in self.cases if facts.low == facts.high]
        if flat:
            yield Finding("warning", "images of one value", len(flat), few(flat, LISTED))

    def _masks(self) -> Iterable[Finding]:
        values = self.dataset.values
        if values is None or not all(facts.shares for facts in self.cases):
            return
        yield Finding("fact", "mask values", len(values.pairs), values.describe(self.dataset.classes))
        for remark in mask_remarks(self.dataset, self.cases):
            yield Finding("warning", remark.what, remark.count, remark.detail)
        if self.dataset.instances:
            detail = "masks separate the objects of a class; data.instances=true learns to separate them"
            yield Finding("fact", "objects", len(self.cases), detail)
        for one in self.class_shares():
            mean, low, high = map(percent, (one.mean, one.low, one.high))
            detail = f"{one.name}: {mean} of an image" + f" on average, {low} to {high}" * (low != high)
            yield Finding("fact" if one.held else "warning", CLASS_SHARE, one.held, detail)
        if self.empty:
            yield Finding("warning", "empty masks", len(self.empty), few(self.empty, LISTED))

    def _twins(self) -> Iterable[Finding]:
        group = {case.id: case.group for case in self.dataset.cases}
        if self.copies:
            sets = [few(names, 6, " = ") for names in self.copies]
            yield Finding("warning", "duplicates", len(sets), few(sets, LISTED, "; "))
        across = [names for names in self.near if len({group[name] for name in names}) > 1]
        within = len(self.near) - len(across)
        if across:
            sets = [few(names, 6, " ~ ") for names in across]
            yield Finding("warning", "near-duplicates", len(sets), few(sets, LISTED, "; "))
        if within:
            yield Finding("fact", "near-duplicates", within, "within one group, which no split separates")


_KINDS = {"name": "name", "unreadable": "unreadable", "pair": "does not fit", "values": "mask values"}


def open_tolerant(
    name_or_path: str | Path, root: Path | None = None, axes: str | None = None
) -> tuple[Dataset, tuple[str, ...]]:
    """Opens a data set with the cases that fit the layout, and returns the problems of the others.

    Raises:
        IsthmusError: there is no such data set, or nothing of the layout.
    """
    with collecting() as problems:
        dataset = open_dataset(name_or_path, root, axes)
    first = {case.id: case for case in reversed(dataset.cases)}
    cases = tuple(case for case in dataset.cases if first[case.id] is case)
    return replace(dataset, cases=cases), tuple(problems)


def inspect_dataset(
    dataset: Dataset,
    progress: Callable[[int, int], None] | None = None,
    *,
    problems: Sequence[str] = (),
    workers: int | None = None,
    rule: Rule | None = None,
    distance: int = NEAR,
) -> Inspection:
    """Inspects every file of a data set, in parallel; faulty cases do not stop it.

    Args:
        progress: called with (cases done, cases).
        problems: problems of the layout, as `open_tolerant` found them.
        workers, rule: as in `check_dataset`.
        distance: the most bits, of 64, in which the perceptual hashes of near-duplicates differ.
    """
    bad = [Bad("", "pair", problem) for problem in problems]
    if not dataset.cases:
        return Inspection(dataset, (), tuple(bad), "" if bad else "a data set without cases", (), ())
    found = without_ignored(survey(dataset, progress, workers), dataset.ignore)
    facts, problem = tuple(found.facts.values()), ""
    good = replace(dataset, cases=tuple(case for case in dataset.cases if case.id in found.facts))
    bad += found.bad
    if facts:
        try:
            checked = with_ignored(conclude(found, rule, skip_bad=True), dataset.ignore)
            bad += checked.bad[len(found.bad) :]
            good, facts = checked.dataset, checked.cases
        except IsthmusError as error:
            problem = str(error)
            good = replace(good, values=None)
    hashes = {one.id: one.pixels for one in facts}
    near = near_duplicates({one.id: one.perceptual for one in facts}, distance)
    return Inspection(
        good,
        facts,
        tuple(bad),
        problem,
        tuple(duplicates(hashes)),
        tuple(names for names in near if len({hashes[name] for name in names}) > 1),
    )


def percent(share: float) -> str:
    """Returns a share as a percentage; a share above 0 is never written as 0.0%.

    >>> percent(0.5), percent(0.0004), percent(0.0)
    ('50.0%', '<0.1%', '0.0%')
    """
    return "<0.1%" if 0 < share < 0.0005 else f"{share:.1%}"


def channels(number: int) -> str:
    """Returns a number of channels in words.

    >>> channels(1), channels(3)
    ('1 channel', '3 channels')
    """
    return f"{number} channel{'s' * (number > 1)}"
