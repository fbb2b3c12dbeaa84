"""What a check of a data set found, as one self-contained page with pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from isthmus.data.cases import load
from isthmus.data.checks.inspect import CLASS_SHARE, Inspection, percent
from isthmus.outputs import Guard
from isthmus.report import gallery
from isthmus.report.drawing import CLASSES
from isthmus.report.render import class_key, css, is_page, render
from isthmus.report.tables import Cell, Table

LEVELS = {"error": "Error: ", "warning": "Warning: ", "fact": ""}
SETS = 12
"""The largest number of sets of look-alikes that are shown."""
MEMBERS = 4
"""The largest number of pictures of each set."""


def refuse_to_replace(page: Path, data: Iterable[Path], overwrite: bool = False) -> Guard:
    """Returns a guard that keeps the page of a data set from replacing other files.

    Args:
        page: the page to write.
        data: files and folders of the data set, in which only earlier pages may be replaced.
        overwrite: whether other files may be replaced.

    Raises:
        IsthmusError: the page would replace a file of the data, or another file without permission.
    """
    guard = Guard(data, overwrite)
    guard.refuse(page, ours=is_page("data.html"), kind=".html")
    return guard


def write_data_page(found: Inspection, out: Path, limit: int = 18, guard: Guard | None = None) -> Path:
    """Writes a page that needs no other file: the findings, example cases, copies and look-alikes.

    Args:
        found: as `isthmus.data.checks.inspect.inspect_dataset` returns it.
        out: the page to write.
        limit: number of example cases; the cases with the least, the median and the most
            foreground are always among them.
        guard: decides which files may be replaced; None: only an earlier such page.

    Returns:
        The path of the page.
    """
    rows = [
        [
            Cell(LEVELS[row.level] + row.what, strong=row.level != "fact"),
            Cell(f"{row.count:,}", row.count),
            Cell(row.detail),
        ]
        for row in found.findings()
        if row.what != CLASS_SHARE
    ]
    shares = [
        [
            Cell(one.name),
            Cell(f"{one.held:,}", one.held, strong=not one.held),
            *(Cell(percent(share), share) for share in (one.mean, one.low, one.high)),
        ]
        for one in found.class_shares()
    ]
    pictures = _DataPictures(found)
    counts = [f"{len(found.cases)} case{'s' * (len(found.cases) != 1)} can be used"]
    counts += [f"{len(found.bad)} cannot"] * bool(found.bad)
    names = found.dataset.classes[1:]
    return render(
        "data.html",
        out,
        guard,
        title=found.dataset.name,
        lead=", ".join(counts),
        findings=Table([("Finding", False), ("Count", True), ("Details", False)], rows),
        shares=Table(
            [("Class", False), ("Cases", True), ("Mean", True), ("Least", True), ("Most", True)], shares
        ),
        examples=pictures.examples(limit),
        cases=len(found.cases),
        look_alikes=pictures.look_alikes(),
        sets=len(found.copies) + len(found.near),
        key=class_key(names) if len(names) > 1 else [(css(CLASSES[0]), name) for name in names],
        repeated=len(names) > len(CLASSES),
        citation=found.dataset.citation,
        terms=found.dataset.terms,
    )


class _DataPictures:
    """Draws cases of an inspected data set."""

    def __init__(self, found: Inspection) -> None:
        self.found = found
        self.cases = {case.id: case for case in found.dataset.cases}
        self.facts = {facts.id: facts for facts in found.cases}

    def examples(self, limit: int) -> list[gallery.Exhibit]:
        """Returns cases from the least to the most foreground, evenly spread; none if mask values are unknown."""
        if self.found.dataset.values is None:
            return []
        order = sorted(self.facts, key=lambda name: (self.facts[name].foreground, name))
        filled = [name for name in order if name not in set(self.found.empty)]
        marks = {}
        if filled:
            marks = {
                filled[-1]: "Most foreground",
                filled[len(filled) // 2]: "Median",
                filled[0]: "Least foreground",
            }
        spread = [
            order[i] for i in np.linspace(0, len(order) - 1, min(limit, len(order))).round().astype(int)
        ]
        chosen = [*dict.fromkeys([*reversed(marks), *spread])]
        return [self._exhibit(name, marks.get(name, "")) for name in chosen[: max(limit, len(marks))]]

    def _exhibit(self, name: str, tag: str) -> gallery.Exhibit:
        case = self.cases[name]
        picture = gallery.prepare(name, self._load, gallery.LARGE if tag else gallery.SMALL)
        panels = [gallery.labels_panel(picture, picture.truth, name, "Outlines of the mask")]
        panels = [gallery.image_panel(picture, name), *panels] if tag else panels
        facts = self.facts[name]
        scores = [
            ("foreground", percent(facts.foreground)),
            ("size", " × ".join(map(str, facts.shape[:0:-1]))),
        ]
        scores += [("group", case.group)] * (case.group != name)
        return gallery.Exhibit(name, "", tag, scores, panels, len(panels), picture.note)

    def look_alikes(self) -> list[gallery.Exhibit]:
        """Returns copies, then look-alikes, with the members of a set side by side."""
        sets = [("Same pixels", names) for names in self.found.copies]
        sets += [("Look alike", names) for names in self.found.near]
        return [self._set(tag, names) for tag, names in sets[:SETS]]

    def _set(self, tag: str, names: Sequence[str]) -> gallery.Exhibit:
        panels = []
        for name in names[:MEMBERS]:
            picture = gallery.prepare(name, self._load, gallery.SMALL)
            panel = gallery.image_panel(picture, name)
            group = self.cases[name].group
            caption = name if group == name else f"{name} (group {group})"
            panels.append(gallery.Panel(panel.uri, caption, panel.alt, panel.width, panel.height))
        note = f"{MEMBERS} of {len(names)} shown" if len(names) > MEMBERS else ""
        return gallery.Exhibit(f"{len(names)} cases", "", tag, [], panels, max(2, len(panels)), note)

    def _load(self, name: str) -> gallery.CaseImages:
        image, label = load(self.cases[name], self.found.dataset)
        shown = image[:3] if image.shape[0] == 3 else image[:1]
        return np.moveaxis(shown, 0, -1), label, label
