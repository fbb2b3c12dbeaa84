"""The scores of several programs on the same cases."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from isthmus.metrics.summary import mean_of
from isthmus.metrics.table import COUNTS, KEYS

ALL = "all classes"
TRUTH = "truth"
"""What the reference is called among the readers."""


@dataclass(frozen=True)
class ProgramScores:
    """The scores of every program, case by case, and of every two programs against each other.

    Attributes:
        programs: names, in the given order.
        rows: one for each case, class and program (key ``program``), with metrics and counts as in
            `isthmus.metrics.rows`.
        between: such rows of two programs each (keys ``first`` and ``second``), the second one taken as the truth;
            empty if only scores are known.
        groups: the group (patient, slide) of each case.
        lacking: the cases that each program lacks, by program.
        unit: unit of the distances, in words.
        objects: whether whole objects were scored.
        notes: lines about how masks were read.
    """

    programs: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]]
    between: Sequence[Mapping[str, Any]]
    groups: Mapping[str, str]
    lacking: Mapping[str, Sequence[str]]
    unit: str = "pixels"
    objects: bool = False
    notes: Sequence[str] = ()

    @property
    def cases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row["case"] for row in self.rows))

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row["class"] for row in self.rows))

    @property
    def labels(self) -> tuple[str, ...]:
        """What has scores of its own: the mean over all classes if there are several, and each class."""
        return self.classes if len(self.classes) == 1 else (ALL, *self.classes)

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that were scored and are defined in a case at least."""
        names = [name for name in self.rows[0] if name not in (*KEYS, *COUNTS, "program")]
        return tuple(n for n in names if not all(math.isnan(_number(row[n])) for row in self.rows))

    @property
    def clusters(self) -> Mapping[str, str] | None:
        """The group of each case; None if each case is one of its own."""
        of_cases = [self.groups[case] for case in self.cases]
        return self.groups if len(set(of_cases)) < len(of_cases) else None

    def by_case(self, program: str, label: str, metric: str) -> dict[str, float]:
        """Returns a metric of each case: of a class, or the mean over its classes that is not NaN."""
        found = self._of[program]
        return {
            case: mean_of(row[metric] for name, row in found[case].items() if label in (name, ALL))
            for case in self.cases
        }

    def state(self, case: str) -> str:
        """Returns the programs that lack a case, as text; "" if none does."""
        return ", ".join(name for name in self.programs if case in self.lacking.get(name, ()))

    def only_common(self) -> ProgramScores:
        """Returns the scores of those cases that every program has."""
        left_out = {case for cases in self.lacking.values() for case in cases}
        return replace(
            self,
            rows=[row for row in self.rows if row["case"] not in left_out],
            between=[row for row in self.between if row["case"] not in left_out],
        )

    @cached_property
    def _of(self) -> dict[str, dict[str, dict[str, Mapping[str, float]]]]:
        """By program, case and class."""
        found: dict[str, dict[str, dict[str, Mapping[str, float]]]] = {}
        for row in self.rows:
            numbers = {name: _number(row[name]) for name in self.metrics}
            found.setdefault(row["program"], {}).setdefault(row["case"], {})[row["class"]] = numbers
        return found


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
