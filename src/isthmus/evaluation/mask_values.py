"""Infers what the values of true and of predicted masks mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isthmus.data.checks.object_numbers import object_ends
from isthmus.data.masks.borders import Borders, summed
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError

NUMBERS = ValueMap(((0, 0), (1, 1)), "objects")


def refuse_doubt(values: ValueMap, true: Sequence[Mapping[int, int]], numbered: Sequence[bool]) -> None:
    """Refuse true masks whose values may be classes or numbers of objects, as the scores would differ.

    Args:
        true: the values in each mask and their numbers of pixels.
        numbered: whether each value of a mask is in one piece.
    """
    ends = object_ends(values, [list(counts) for counts in true], numbered)
    if ends:
        raise IsthmusError(
            f"the true masks count to {min(ends)} … {max(ends)}, each value in one piece: say whether values number "
            "objects (--instances) or name classes (--no-instances)"
        )


def predicted_values(
    true: ValueMap, masks: Mapping[str, Mapping[int, int]], numbered: bool, edges: Mapping[str, Borders]
) -> tuple[ValueMap, bool]:
    """What predicted values mean, and whether they are numbers of objects.

    In the values of the truth where they are written in them; else 0 and 1 stand for 0 and 255, or soft edges. Where
    true objects are told apart, predictions of more than two values (and no soft edges) number theirs. Of each mask
    `edges` tells which of its values lie along borders.
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
        "write predictions in the values of the truth, or say what values mean, as with --classes 1=liver,2=kidney"
    )


def _is_usual(values: ValueMap) -> bool:
    """Whether 1, or 255, or soft edges up to 255, is all the foreground there is: what then means the same."""
    return values.rule == "threshold" or values.pairs in (((0, 0), (1, 1)), ((0, 0), (255, 1)))
