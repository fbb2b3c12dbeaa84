"""Excludes pixels with a certain mask value from training and scoring."""

from __future__ import annotations

from dataclasses import replace

from isthmus.data.cases import IGNORED
from isthmus.data.checks.check import Checked
from isthmus.data.checks.facts import Bad
from isthmus.data.checks.survey import Survey
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError


def without_ignored(found: Survey, ignore: int | None) -> Survey:
    """Returns the survey without the pixels of this value, so that it is neither a class nor part of one.

    A case that holds nothing else cannot be used.

    Raises:
        IsthmusError: no mask holds the value.
    """
    if ignore is None:
        return found
    known = found.dataset.ignore == ignore  # the data set states it, whatever its masks hold
    if not known and not any(ignore in counts for counts in found.counts.values()):
        raise IsthmusError(f"data.ignore is {ignore}, and no mask holds this value; give one that they hold")
    counts = {
        case: {value: pixels for value, pixels in of_case.items() if value != ignore}
        for case, of_case in found.counts.items()
    }
    empty = [case for case, of_case in counts.items() if not of_case]
    bad = [Bad(case, "values", f"'{case}': its mask holds only {ignore}, which is ignored") for case in empty]
    remaining = {case: of_case for case, of_case in counts.items() if of_case}
    facts = {
        case: replace(one, borders={value: at for value, at in one.borders.items() if value != ignore})
        for case, one in found.facts.items()
        if case in remaining
    }
    return replace(found, facts=facts, counts=remaining, bad=(*found.bad, *bad))


def with_ignored(checked: Checked, ignore: int | None) -> Checked:
    """Returns the data set in which this value is ignored; where a class is needed nevertheless, it is background.

    Raises:
        IsthmusError: the value is a class, or the values of the masks are not classes one by one.
    """
    if ignore is None:
        return checked
    values = checked.values
    if values.rule != "exact" or dict(values.pairs).get(ignore, 0):
        raise IsthmusError(
            f"data.ignore is {ignore}, which is a class or an object of these masks ({values.describe()}); name a "
            "value that is neither"
        )
    if values.classes > IGNORED:
        raise IsthmusError(
            f"data.ignore leaves room for {IGNORED} classes, and the masks have {values.classes}"
        )
    if ignore not in dict(values.pairs):
        values = ValueMap((*values.pairs, (ignore, 0)), values.rule)
    note = (
        f"pixels of the mask value {ignore} are neither learned nor scored; figures show them as background"
    )
    dataset = replace(checked.dataset, values=values, ignore=ignore, notes=(*checked.dataset.notes, note))
    return replace(checked, dataset=dataset, values=values)
