"""The best and worst fifteen cases (HMEDN figure 7) in strips of small pictures, and volumes in slices and surfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from isthmus.errors import IsthmusError
from isthmus.report import gallery, volumes
from isthmus.report.summary import landmarks, number, ranked
from isthmus.studies.gallery.predicted_cases import Album, Item, Pictures, Shelf, Tile, captioned, class_keys
from isthmus.studies.results import ALL

FIFTEEN = 15
"""Cases at either end, as in the paper."""
THUMB = 128
"""Longest side of a small picture in pixels."""
SURFACES = 6
"""Networks whose surfaces are drawn, at most."""


def ends(values: Mapping[str, float], column: str) -> tuple[list[str], list[str]]:
    """The best cases, best first, and the worst, worst first: fifteen each, and no case in both.

    >>> ends({"a": 0.1, "b": 0.9, "c": 0.5}, "dice")
    (['b'], ['a'])
    """
    order = ranked({case: value for case, value in values.items() if value == value}, column)
    count = min(FIFTEEN, len(order) // 2)
    return order[:count], order[::-1][:count]


def extremes(found: Mapping[str, Pictures], missing: Sequence[str]) -> Album:
    """Strips of the cases on which each data set's reference network is best and worst."""
    shelves: list[Shelf] = []
    undrawn = list(missing)
    for data, pictures in found.items():
        network = pictures.reference()
        values = {case: pictures.value(network, case) for case in pictures.cases}
        score = partial(number, digits=pictures.measure.digits)
        for word, cases in zip(("best", "worst"), ends(values, pictures.measure.column), strict=True):
            items = []
            for place, case in enumerate(cases, 1):
                try:
                    caption = f"{place}. {short(case)}: {score(values[case])}"
                    tile = _thumb(pictures, network, case, caption)
                except IsthmusError as error:
                    undrawn.append(f"{pictures.named(case)} could not be drawn: {error}")
                    continue
                items.append(Item("", "", [], [(None, [tile])]))
            title = pictures.results.title(data, ALL)
            says = f"{pictures.measure.name} of the {len(cases)} cases on which {network} is {word}, the {word} first."
            shelves.append(
                Shelf(f"{word}-{len(shelves)}", f"{title}: {word} {len(cases)}", says, items, compact=True)
            )
    caption = (
        "By the first measure, of the network that the study sets the others against (else the best), in the first "
        "repeat. What was rightly found is as in the image, what is rightly left out is darker; of a volume the slice "
        "with most true foreground."
    )
    several = any(each.several for each in found.values())
    return Album(
        "Best and worst cases, pictures",
        caption,
        [shelf for shelf in shelves if shelf.items],
        undrawn,
        [],
        {},
        ["errors", "other class"] if several else ["errors"],
    )


def _thumb(pictures: Pictures, network: str, case: str, caption: str) -> Tile:
    seen, _ = pictures(case, [network]).slice()
    picture = seen.pictures(THUMB)[network]
    return Tile(caption, [gallery.errors_panel(picture, case, f"Errors of {network}")])


def short(case: str) -> str:
    """A name that fits below a small picture.

    >>> short("slice-04"), short("03b9306f44e9b8951461623dcbd6")
    ('slice-04', '03b9306f…dcbd6')
    """
    return case if len(case) <= 18 else f"{case[:8]}…{case[-5:]}"


def views(found: Mapping[str, Pictures], missing: Sequence[str]) -> Album:
    """Of data sets of volumes the best, median and worst case of the reference network: slices and surfaces."""
    shelves: list[Shelf] = []
    undrawn, shown = list(missing), {}
    for data, pictures in found.items():
        if len(pictures.shape) != 3:
            continue
        shown[data] = pictures
        network = pictures.reference()
        values = {case: pictures.value(network, case) for case in pictures.cases}
        items: list[Item] = []
        for case, word in landmarks(ranked(values, pictures.measure.column)).items():
            try:
                items.append(_view(pictures, network, case, word, f"volume-{len(shelves)}-{len(items)}"))
            except IsthmusError as error:
                undrawn.append(f"{pictures.named(case)} could not be drawn: {error}")
        says = f"The best, the median and the worst case of {network}; slices show its outlines."
        shelves.append(Shelf(f"volumes-{len(shelves)}", pictures.results.title(data, ALL), says, items))
    caption = (
        "Three orthogonal slices through the middle of the truth (along each axis the median of its voxels), with "
        "voxels as large as they are, and surfaces seen from in front, the patient's left at the right. "
    )
    binary = any(not each.several for each in shown.values())
    if binary:
        caption += (
            "A predicted surface is grey where it lies on the true one, orange outside of it, blue inside."
        )
    return Album("Volumes", caption, shelves, undrawn, [], class_keys(shown), ["outlines"] if binary else [])


def _view(pictures: Pictures, network: str, case: str, word: str, anchor: str) -> Item:
    names = [network, *(name for name in pictures.networks if name != network)][:SURFACES]
    seen = pictures(case, names)
    slices = volumes.slice_panels(
        case, (seen.image, seen.truth, seen.predicted[network], seen.spacing), several=pictures.several
    )
    captions = {
        f"{name}: {pictures.said(seen.values[name])}": labels for name, labels in seen.predicted.items()
    }
    surfaces = volumes.surface_panels(case, seen.truth, captions, seen.spacing, several=pictures.several)
    rows: list[tuple[int | None, Sequence[Tile]]] = [(3, [captioned(panel) for panel in slices])]
    rows += [(None, [captioned(panel) for panel in surfaces])] if surfaces else []
    return Item(anchor, f"{word}: {case}", [pictures.said(seen.values[network])], rows)
