"""Compares the grids of scored masks: units, positions, and values that were not whole numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from isthmus.errors import IsthmusError, few
from isthmus.evaluation.mask_pairs import Pair
from isthmus.io.geometry import MILLIMETRES
from isthmus.io.volumes import unit
from isthmus.metrics.input_checks import as_spacing

Spacing: TypeAlias = float | Sequence[float] | None


def in_one_unit(pairs: Sequence[Pair]) -> list[Pair]:
    """Returns pairs with voxel sizes in the unit that all files state, or in mm if they state several."""
    units = {pair: _unit(pair) or "mm" for pair in pairs if pair[0].spacing is not None}
    if len(set(units.values())) < 2:
        return list(pairs)
    return [
        (
            replace(pair[0], spacing=tuple(side * MILLIMETRES[units[pair]] for side in pair[0].spacing)),
            pair[1],
        )
        if pair[0].spacing is not None
        else pair
        for pair in pairs
    ]


def unit_of(pairs: Sequence[Pair], spacing: Spacing) -> str:
    """Returns the unit of all distances, in words."""
    units = [_unit(pair) or "mm" for pair in pairs if pair[0].spacing is not None]
    others = "pixels" if spacing is None else "the unit of the spacing"
    if not units:
        return others
    name = units[0] if len(set(units)) == 1 else "mm"
    return name if len(units) == len(pairs) else f"{name} where files state it, else {others}"


def remarks(pairs: Sequence[Pair], found: Sequence[tuple[str, float]]) -> Iterator[str]:
    """Yields lines about headers that do not agree, rounded values, and units that no file states.

    Args:
        pairs: true and predicted cases.
        found: for each pair how far the two lie apart, in words, and how far values were from whole numbers.
    """
    names = [case.id for case, _ in pairs]
    away = [f"{name} ({place})" for name, (place, _) in zip(names, found, strict=True) if place]
    if away:
        yield (
            "according to the headers, predictions do not lie where the true masks are; they are scored voxel by "
            f"voxel: {few(away, 3)}"
        )
    off = [f"{name} ({rest:.1g})" for name, (_, rest) in zip(names, found, strict=True) if rest]
    if off:
        yield f"mask values were nearly whole numbers and were rounded: {few(off, 3)}"
    if any(pair[0].spacing is not None and not _unit(pair) for pair in pairs):
        yield "files state no unit for the size of their voxels; millimetres are assumed"


def _unit(pair: Pair) -> str:
    case, prediction = pair
    return unit(case.first) or unit(prediction.first)


def check_spacing(spacing: Spacing, pairs: Sequence[Pair], axes: Sequence[int]) -> None:
    """Refuses a spacing that a mask cannot have, before anything is scored.

    Args:
        spacing: spacing of masks whose files state none.
        pairs: true and predicted cases.
        axes: number of axes of the masks of each pair.

    Raises:
        IsthmusError: names the file.
    """
    if spacing is None:
        return
    open_ = [i for i, (case, _) in enumerate(pairs) if case.spacing is None]
    if not open_:
        raise IsthmusError(
            f"spacing {spacing} is given, but each file states its own, as {pairs[0][0].masks[0]} does "
            f"({', '.join(f'{step:g}' for step in pairs[0][0].spacing or ())}); leave it out"
        )
    for i in open_:
        try:
            as_spacing(spacing, axes[i])
        except IsthmusError as error:
            raise IsthmusError(f"{pairs[i][0].masks[0]}: {error}") from error
