"""Infers what the values of true and predicted masks mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isthmus.data.cases import Dataset
from isthmus.data.checks.object_numbers import object_ends
from isthmus.data.masks.borders import Borders, summed
from isthmus.data.masks.conflicts import Masks
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError
from isthmus.evaluation.mask_pairs import Pair
from isthmus.evaluation.survey import PairFacts
from isthmus.io.formats import is_lossy

NUMBERS = ValueMap(((0, 0), (1, 1)), "objects")


def refuse_doubt(values: ValueMap, true: Sequence[Mapping[int, int]], numbered: Sequence[bool]) -> None:
    """Refuses true masks whose values may be classes or numbers of objects, as the scores would differ.

    Args:
        values: their apparent meaning.
        true: the pixels of each value, by mask.
        numbered: whether each value of a mask is in one piece.
    """
    ends = object_ends(values, [list(counts) for counts in true], numbered)
    if ends:
        raise IsthmusError(
            f"the true masks count to {min(ends)} … {max(ends)}, each value in one piece: say whether values number "
            "objects (--instances) or name classes (--no-instances)"
        )


def true_values(
    dataset: Dataset, pairs: Sequence[Pair], facts: Sequence[PairFacts], instances: bool | None
) -> ValueMap:
    """Returns what the values of true masks mean: what the data set states, or else what the masks suggest.

    Args:
        dataset: data set of the true masks.
        pairs: true and predicted cases.
        facts: facts of each pair.
        instances: whether values number objects; None: not stated.

    Raises:
        IsthmusError: values that may be classes or numbers of objects.
    """
    if instances and not any(len(case.masks) > 1 for case, _ in pairs):
        return NUMBERS
    if dataset.values is not None:
        return dataset.values
    names = [str(case.masks[0]) for case, _ in pairs]
    lossy = [str(case.masks[0]) for case, _ in pairs if is_lossy(case.masks[0].path)]
    masks = dict(zip(names, (each.true for each in facts), strict=True))
    edges = dict(zip(names, (each.borders for each in facts), strict=True))
    values = ValueMap.infer_masks(masks, None, lossy, edges)
    if instances is None and dataset.instances is None:
        refuse_doubt(values, [each.true for each in facts], [each.numbered for each in facts])
    if instances is False and values.rule == "objects":
        return ValueMap.infer_masks(masks, "exact", lossy)
    return values


def predicted_values(
    true: ValueMap, masks: Masks, edges: Mapping[str, Borders], numbered: bool
) -> tuple[ValueMap, bool]:
    """Returns what predicted values mean, and whether they are numbers of objects.

    Predictions are in the values of the truth; otherwise 0 and 1 stand for 0 and 255, or for soft edges. Where true
    objects are separated, predictions of more than two values (and without soft edges) number theirs.

    Args:
        true: meaning of the true values.
        masks: the pixels of each value in each predicted mask, by its name.
        edges: which of the values lie along borders, by the name of the mask.
        numbered: whether true objects are separated.

    Raises:
        IsthmusError: values that fit no class of the truth.
    """
    found: dict[int, int] = {}
    for name, counts in masks.items():
        if min(counts) < 0:
            raise IsthmusError(f"{name}: mask value {min(counts)}; masks hold 0, 1, 2, …: write them so")
        for value, pixels in counts.items():
            found[value] = found.get(value, 0) + pixels
    known = {value for value, _ in true.pairs}
    if true.rule == "exact" and set(found) <= known:
        return true, False
    if numbered or true.rule == "objects":
        ours = ValueMap.infer(found, None, summed(edges.values())) if max(found) <= 255 else NUMBERS
        return (ours, False) if ours.classes == 2 and ours.rule != "objects" else (NUMBERS, True)
    ours = ValueMap.infer_masks(masks, borders=edges)
    if _is_usual(ours) and _is_usual(true):
        return ours, False
    name = next(name for name, counts in masks.items() if not set(counts) <= known)
    strangers = sorted(set(masks[name]) - known)[:8]
    raise IsthmusError(
        f"{name}: the values {', '.join(map(str, strangers))} do not occur in the truth ({true.describe()}); "
        "write predictions in the values of the truth, or say what values mean, as with --classes 1=liver,2=kidney, or "
        "that they number objects (--instances)"
    )


def _is_usual(values: ValueMap) -> bool:
    """Returns whether all foreground is 1, or 255, or soft edges up to 255, which mean the same."""
    return values.rule == "threshold" or values.pairs in (((0, 0), (1, 1)), ((0, 0), (255, 1)))
