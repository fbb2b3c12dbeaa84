"""The highest-scoring cases of each rule in `selection_rules`, with the networks side by side."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from isthmus.errors import IsthmusError
from isthmus.report import drawing, gallery
from isthmus.report.summary import number
from isthmus.runs.files import cell, write_text
from isthmus.studies.gallery.predicted_cases import (
    Album,
    Colours,
    Item,
    Pictures,
    Seen,
    Shelf,
    Tile,
    class_keys,
    outlines,
)
from isthmus.studies.gallery.selection_rules import RULES, SIDE, Rule, sight
from isthmus.studies.results import Results
from isthmus.studies.study_folder import StudyFolder

PICTURES = 500
"""How many a study's galleries hold, about; it limits how many cases stand under a rule."""
FEW = 3
"""Cases of a data set under a rule, at most."""
POINTS = 200_000_000
"""How many pixels of a data set are looked at, about; of more cases than that an even selection is."""
LEAST = 20
"""Cases that are looked at, however large they are."""


@dataclass(frozen=True)
class Rated:
    """The scores of a case under each rule, by the rule's name."""

    data: str
    case: str
    scores: Mapping[str, float]


def galleries(
    results: Results, folder: StudyFolder, found: Mapping[str, Pictures], missing: Sequence[str]
) -> Album:
    """The galleries of a study, and ``tables/gallery.csv`` with the scores of all cases that were looked at."""
    rules = asked(results)
    notes: list[str] = []
    undrawn, rated = list(missing), []
    for data, pictures in found.items():
        cases = looked_at(pictures)
        if len(cases) < len(pictures.cases):
            notes.append(
                f"{data}: {len(cases)} of {len(pictures.cases)} cases, evenly spread over their names, were looked at."
            )
        if pictures.left_out:
            notes.append(f"{data}: the {len(pictures.networks)} best networks are shown.")
        for case in cases:
            try:
                rated.append(Rated(data, case, rate(pictures, case, rules)))
            except IsthmusError as error:
                undrawn.append(f"{pictures.named(case)} could not be drawn: {error}")
    _write(folder, found, rules, rated)
    few = how_few(len(found), max((len(each.networks) for each in found.values()), default=1))
    drawn: dict[tuple[str, str], str] = {}
    shelves = [_shelf(rule, chosen(rule, rated, few), found, drawn) for rule in rules]
    empty = [shelf.title for shelf in shelves if not shelf.items and not shelf.again]
    if empty and found:
        notes.append(f"No case for: {', '.join(empty)}.")
    return Album(
        "Cases chosen by rule",
        f"For each rule the {'case' if few == 1 else f'{few} cases'} of each data set with the highest score, every "
        f"network beside the others. Rules look at the mean of an image's channels, at most {SIDE} pixels a side, "
        "its tones from 0 (0.5th percentile) to 1 (99.5th), and of a volume at the slice with most true foreground. "
        f"A case is drawn once. Beside this page: {folder.tables.name}/gallery.csv with the scores of every case.",
        [shelf for shelf in shelves if shelf.items or shelf.again],
        undrawn,
        notes,
        class_keys(found),
        ["found", "errors", *_further(found)],
    )


def _further(found: Mapping[str, Pictures]) -> list[Colours]:
    """What else the key explains: the two outlines of one class, and the mix-ups of several."""
    several = {each.several for each in found.values()}
    explained: list[Colours] = ["outlines"] if False in several else []
    return [*explained, "other class"] if True in several else explained


def asked(results: Results) -> list[Rule]:
    """The rules, the last of them named by what the study sets against each other."""
    pairs = results.study.parts
    *rest, last = RULES
    if pairs:
        named = "; ".join(f"{a} and {b}" for a, b in pairs.items())
        return [*rest, replace(last, says=f"the Dice of these are furthest apart: {named}.")]
    return [*rest, replace(last, title="Networks apart", says="the Dice of two networks are furthest apart.")]


def looked_at(pictures: Pictures) -> list[str]:
    """All cases, or as many as `POINTS` allow, evenly spread."""
    count = len(pictures.cases)
    most = min(count, max(LEAST, POINTS // math.prod(pictures.shape)))
    return [pictures.cases[i * count // most] for i in range(most)]


def how_few(data: int, networks: int) -> int:
    """How many cases of a data set stand under a rule, so that there are about `PICTURES` in all.

    >>> how_few(1, 2), how_few(1, 9), how_few(6, 2)
    (3, 2, 1)
    """
    every = len(RULES) * max(1, data) * (2 + 2 * networks)
    return max(1, min(FEW, PICTURES // every))


def rate(pictures: Pictures, case: str, rules: Sequence[Rule]) -> dict[str, float]:
    """The scores of a case."""
    seen, _ = pictures(case).slice()
    indices = tuple(range(1, max(2, len(pictures.classes))))
    found = sight(seen.image, seen.truth, seen.predicted, indices, pictures.results.study.parts)
    return {rule.name: rule.score(found) for rule in rules}


def chosen(rule: Rule, rated: Sequence[Rated], few: int) -> list[Rated]:
    """Of each data set the cases with the highest score, if it is above the rule's least; ties by name."""
    found: list[Rated] = []
    for data in dict.fromkeys(each.data for each in rated):
        fit = [each for each in rated if each.data == data and each.scores[rule.name] > rule.least]
        found += sorted(fit, key=lambda each: (-each.scores[rule.name], each.case))[:few]
    return found


def _shelf(
    rule: Rule, best: Sequence[Rated], found: Mapping[str, Pictures], drawn: dict[tuple[str, str], str]
) -> Shelf:
    items: list[Item] = []
    again: list[tuple[str, str]] = []
    for each in best:
        pictures = found[each.data]
        said = f"{rule.unit} {number(each.scores[rule.name], 3)}"
        if (each.data, each.case) in drawn:
            again.append((f"{pictures.named(each.case)} ({said})", drawn[each.data, each.case]))
            continue
        anchor = f"{rule.name}-{len(items) + 1}"
        drawn[each.data, each.case] = anchor
        items.append(_item(pictures, each.case, anchor, said))
    return Shelf(f"rule-{rule.name}", rule.title, f"Cases in which {rule.says}", items, again)


def _item(pictures: Pictures, case: str, anchor: str, said: str) -> Item:
    seen, note = pictures(case).slice()
    return Item(
        anchor,
        pictures.named(case),
        [part for part in (note, said) if part],
        [(None, tiles(pictures, case, seen))],
    )


def tiles(pictures: Pictures, case: str, seen: Seen) -> list[Tile]:
    """The image above its true outline, then for each network its outline above the difference map."""
    longest = 256 if len(seen.predicted) <= 4 else 192
    shown = seen.pictures(longest)
    first = next(iter(shown.values()))
    colours = None if pictures.several else drawing.TRUTH
    image = gallery.image_panel(first, case)
    found = [
        Tile(
            "Image, true outline",
            [
                image,
                gallery.labels_panel(
                    first, first.truth, case, "True outline", colours, broad=not pictures.several
                ),
            ],
        )
    ]
    for name, picture in shown.items():
        outline = outlines(picture, case, f"Outline by {name}", several=pictures.several)
        panels = [outline, gallery.difference_panel(picture, case, f"Difference, {name}")]
        found.append(Tile(f"{name}: {pictures.said(seen.values[name])}", panels))
    return found


def _write(
    folder: StudyFolder, found: Mapping[str, Pictures], rules: Sequence[Rule], rated: Sequence[Rated]
) -> None:
    """A row for each case: its scores under each rule, and each network's first measure."""
    names = list(dict.fromkeys(name for each in found.values() for name in each.networks))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["data", "case", *map(cell, (rule.name for rule in rules)), *map(cell, names)])
    for each in rated:
        pictures = found[each.data]
        values: list[Any] = [each.scores[rule.name] for rule in rules]
        values += [
            pictures.value(name, each.case) if name in pictures.networks else math.nan for name in names
        ]
        writer.writerow(
            [cell(each.data), cell(each.case), *("" if math.isnan(v) else f"{v:.6g}" for v in values)]
        )
    write_text(folder.tables / "gallery.csv", text.getvalue())
