"""The pictures of a study: what its run folders predicted beside the original images, where these are still there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.report import drawing, gallery, summary
from isthmus.report.gallery import Panel, Picture
from isthmus.report.run_images import RunImages
from isthmus.studies.results import ALL, Result, Results, better
from isthmus.studies.study import Measure
from isthmus.studies.study_folder import StudyFolder

MOST = 10
"""Networks side by side, at most."""


Colours = Literal["outlines", "found", "errors", "other class"]
"""What the key to a section's colours explains."""


@dataclass(frozen=True)
class Tile:
    """Pictures that belong together, one below the other, under one caption."""

    caption: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Item:
    """A case: where it stands on the page, what is said of it, and rows of tiles (None: as many as fit in a row)."""

    anchor: str
    title: str
    facts: Sequence[str]
    rows: Sequence[tuple[int | None, Sequence[Tile]]]


@dataclass(frozen=True)
class Shelf:
    """Cases under one heading; `again` are those that stand elsewhere on the page, by what is said and their anchor."""

    anchor: str
    title: str
    says: str
    items: Sequence[Item]
    again: Sequence[tuple[str, str]] = ()
    compact: bool = False  # small pictures, many in a row


@dataclass(frozen=True)
class Album:
    """A section of pictures, what is missing in it, and the colours of classes by data set."""

    title: str
    caption: str
    shelves: Sequence[Shelf]
    missing: Sequence[str]  # whose pictures are, and why
    notes: Sequence[str]
    classes: Mapping[str, Sequence[tuple[str, str]]]
    key: Sequence[Colours]


@dataclass(frozen=True)
class Seen:
    """A case on its own grid: image, true labels, and each network's labels and score."""

    image: NDArray[Any]
    truth: NDArray[np.uint8]
    predicted: Mapping[str, NDArray[np.uint8]]
    values: Mapping[str, float]
    spacing: tuple[float, ...] | None

    @property
    def flat(self) -> bool:
        """Whether it is no volume."""
        return self.truth.ndim == 2

    def slice(self) -> tuple[Seen, str]:
        """Of a volume the slice with most true foreground, and its number in words."""
        if self.flat:
            return self, ""
        at = drawing.telling_slice(self.truth, *self.predicted.values())
        predicted = {name: labels[at] for name, labels in self.predicted.items()}
        spacing = self.spacing[1:] if self.spacing else None
        cut = Seen(self.image[at], self.truth[at], predicted, self.values, spacing)
        return cut, f"slice {at + 1} of {len(self.truth)}"

    def pictures(self, longest: int) -> dict[str, Picture]:
        """By network, at display size, with pixels as large as they are."""
        sides = self.spacing or (1.0,) * self.truth.ndim
        height, width = (
            round(n * side / min(sides)) for n, side in zip(self.truth.shape, sides, strict=True)
        )
        size = drawing.fit((max(1, height), max(1, width)), longest)
        image = drawing.resize_image(drawing.rgb(self.image), size)
        truth = drawing.resize_labels(self.truth, size)
        return {
            name: Picture(image, truth, drawing.resize_labels(labels, size), "")
            for name, labels in self.predicted.items()
        }


class Pictures:
    """The cases of a data set that all networks with results have predicted.

    Args:
        results: the study's.
        folder: where its phantoms lie, if the study was moved.
        data: the label of the data set.

    Raises:
        IsthmusError: the data is gone, or no case was predicted by all networks.
    """

    def __init__(self, results: Results, folder: StudyFolder, data: str) -> None:
        self.results, self.data, self.measure = results, data, first_measure(results)
        names = [name for name in results.networks if results.of(data, name)]
        self.left_out = len(names) - len(names[:MOST])
        if self.left_out:
            samples = {
                name: results.sample(data, name, ALL, self.measure).spread("cases").mean for name in names
            }
            best = sorted(names, key=lambda name: -better(self.measure) * samples[name])[:MOST]
            names = [name for name in names if name in best]
        self.images: dict[str, RunImages] = {}
        self.owners: dict[str, dict[str, Result]] = {}
        for name in names:
            owners: dict[str, Result] = {}
            for each in sorted(results.of(data, name), key=lambda x: (x.cell.repeat, x.cell.fold)):
                images = self._images(folder, each)
                for case in dict.fromkeys(score.case for score in each.scores(results.study.scored)):
                    if case not in owners and images.predicted(case):
                        owners[case] = each
            self.owners[name] = owners
        shared = [set(owners) for owners in self.owners.values()]
        self.cases = sorted(set.intersection(*shared)) if shared else []
        if not self.cases:
            raise IsthmusError("no case was predicted by all networks")

    @property
    def networks(self) -> list[str]:
        """Those that are shown."""
        return list(self.owners)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names by class index, the background first."""
        classes: tuple[str, ...] = next(iter(self.images.values())).dataset.classes
        return classes

    @property
    def several(self) -> bool:
        """Whether there are several classes beside the background."""
        return len(self.classes) > 2

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Of the first case that can be read; () if none can."""
        for case in self.cases:
            try:
                return self(case, self.networks[:1]).truth.shape
            except IsthmusError:
                continue
        return ()

    def reference(self) -> str:
        """The network that the study names, else the one with the best mean."""
        asked = self.results.study.reference
        if asked in self.owners:
            return str(asked)
        means = {name: self.results.sample(self.data, name, ALL, self.measure) for name in self.networks}
        return max(means, key=lambda name: better(self.measure) * means[name].spread("cases").mean)

    def value(self, network: str, case: str) -> float:
        """The first measure of what the picture shows: the mean over classes."""
        rows = [x for x in self.owners[network][case].scores(self.results.study.scored) if x.case == case]
        known = [v for x in rows if not math.isnan(v := x.values.get(self.measure.column, math.nan))]
        return math.fsum(known) / len(known) * self.measure.scale if known else math.nan

    def said(self, value: float) -> str:
        """A score with its name."""
        return f"{self.measure.name} {summary.number(value, self.measure.digits)}"

    def named(self, case: str) -> str:
        """A case, with its data set where there are several."""
        title = self.results.title(self.data, ALL)
        return f"{title}, {case}" if len(self.results.data) > 1 else case

    def __call__(self, case: str, networks: Sequence[str] | None = None) -> Seen:
        """A case with what these networks (None: all) predicted.

        Raises:
            IsthmusError: a file cannot be read, or masks are not of the image's size.
        """
        chosen = list(networks or self.networks)
        loaders = {name: self.images[self.owners[name][case].cell.name] for name in chosen}
        image, truth, spacing = loaders[chosen[0]].original(case)
        predicted = {name: loader.prediction(case) for name, loader in loaders.items()}
        for labels in predicted.values():
            gallery.arrays(case, (image, truth, labels))
        return Seen(image, truth, predicted, {name: self.value(name, case) for name in chosen}, spacing)

    def _images(self, folder: StudyFolder, result: Result) -> RunImages:
        name = result.cell.name
        if name not in self.images:
            beside = next(iter(self.images.values()), None)
            self.images[name] = RunImages(folder.run(name), _moved(folder, result), beside)
        return self.images[name]


def open_pictures(results: Results, folder: StudyFolder) -> tuple[dict[str, Pictures], list[str]]:
    """The pictures of each data set, and a line for each whose pictures are missing."""
    found, missing = {}, []
    for data in results.data:
        if not any(x.cell.data == data for x in results.found):
            continue
        try:
            found[data] = Pictures(results, folder, data)
        except IsthmusError as error:
            missing.append(f"Pictures of {results.title(data, ALL)} are missing: {error}")
    return found, missing


def first_measure(results: Results) -> Measure:
    """The first that is of cases."""
    return next((m for m in results.study.measures if not m.is_cost), results.study.measures[0])


def class_keys(found: Mapping[str, Pictures]) -> dict[str, list[tuple[str, str]]]:
    """The colours of the classes of data sets that have several."""
    from isthmus.report.run_page import key

    return {
        each.results.title(data, ALL): key(each.classes[1:]) for data, each in found.items() if each.several
    }


def outlines(picture: Picture, case: str, caption: str, *, several: bool) -> Panel:
    """True and predicted outline, or the predicted ones of several classes."""
    if several:
        return gallery.labels_panel(picture, picture.predicted, case, caption)
    return gallery.overlay_panel(picture, case, caption)


def captioned(panel: Panel) -> Tile:
    """A picture under its own caption."""
    return Tile(panel.caption, [replace(panel, caption="")])


def _moved(folder: StudyFolder, result: Result) -> Path | None:
    """Where phantoms lie now that the study has moved; None: where the run found its data."""
    data = folder.run(result.cell.name).recipe().data
    here = folder.phantoms / Path(data.source).name
    return here if data.root is None and not Path(data.source).exists() and here.is_dir() else None
