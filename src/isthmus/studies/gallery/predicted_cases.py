"""The cases of a study as its run folders predicted them, beside the original images where these are still there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.report import drawing, gallery, summary
from isthmus.report.gallery import Panel, Picture
from isthmus.report.render import class_key
from isthmus.report.run_images import RunImages
from isthmus.studies.figures.source import FigureSource
from isthmus.studies.results import ALL, Result, Results, better, case_measures
from isthmus.studies.study_folder import StudyFolder

MOST = 10
"""The largest number of networks side by side."""


@dataclass(frozen=True)
class CasePredictions:
    """A case on its own grid.

    Attributes:
        image: (H, W) or (H, W, 3); a volume has D in front, here and below.
        truth: true labels, (H, W) uint8.
        predicted: the labels of each network, (H, W) uint8.
        values: the score of each network.
        spacing: the size of a pixel along each axis, if it is known.
    """

    image: NDArray[Any]
    truth: NDArray[np.uint8]
    predicted: Mapping[str, NDArray[np.uint8]]
    values: Mapping[str, float]
    spacing: tuple[float, ...] | None

    def slice(self) -> tuple[CasePredictions, str]:
        """Returns the slice of a volume with most true foreground, and its number in words; a picture as it is."""
        if self.truth.ndim == 2:
            return self, ""
        at = drawing.fullest_slice(self.truth, *self.predicted.values())
        predicted = {name: labels[at] for name, labels in self.predicted.items()}
        spacing = self.spacing[1:] if self.spacing else None
        cut = CasePredictions(self.image[at], self.truth[at], predicted, self.values, spacing)
        return cut, f"slice {at + 1} of {len(self.truth)}"

    def pictures(self, longest: int) -> dict[str, Picture]:
        """Returns a picture for each network, with pixels in their true proportions.

        Args:
            longest: the longest side in pixels.
        """
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


class PredictedCases:
    """The cases of a data set that all networks with results have predicted.

    Args:
        results: the scores of the study.
        folder: the folder of the study, where its phantoms lie if the study was moved.
        data: the label of the data set.

    Raises:
        IsthmusError: the data is gone, or no case was predicted by all networks.
    """

    def __init__(self, results: Results, folder: StudyFolder, data: str) -> None:
        self.results, self.folder, self.data = results, folder, data
        self.measure = case_measures(results)[0]
        with_results = [name for name in results.networks if results.of(data, name)]
        names = self._best(with_results)
        self.left_out = len(with_results) - len(names)
        self.images: dict[str, RunImages] = {}
        self.owners = {name: self._owners(name) for name in names}
        shared = [set(owners) for owners in self.owners.values()]
        self.cases = sorted(set.intersection(*shared)) if shared else []
        if not self.cases:
            raise IsthmusError("no case was predicted by all networks")

    @property
    def networks(self) -> list[str]:
        """The networks that are shown."""
        return list(self.owners)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes by index, the background first."""
        classes: tuple[str, ...] = next(iter(self.images.values())).dataset.classes
        return classes

    @property
    def several(self) -> bool:
        """Whether there are several classes besides the background."""
        return len(self.classes) > 2

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first case that can be read; empty if none can."""
        for case in self.cases:
            try:
                return self(case, self.networks[:1]).truth.shape
            except IsthmusError:
                continue
        return ()

    @property
    def title(self) -> str:
        """The data set as tables name it."""
        return self.results.title(self.data, ALL)

    def reference(self) -> str:
        """Returns the network that the study names as its reference, or else the one with the best mean."""
        named = self.results.study.reference
        if named in self.owners:
            return str(named)
        means = self._means(self.networks)
        return max(means, key=lambda name: better(self.measure) * means[name])

    def value(self, network: str, case: str) -> float:
        """Returns the first measure of what the picture shows: the mean over classes."""
        rows = [x for x in self.owners[network][case].scores(self.results.study.scored) if x.case == case]
        known = [v for x in rows if not math.isnan(v := x.values.get(self.measure.column, math.nan))]
        return math.fsum(known) / len(known) * self.measure.scale if known else math.nan

    def score_text(self, value: float) -> str:
        """Returns a score with its name."""
        return f"{self.measure.name} {summary.number(value, self.measure.digits)}"

    def case_name(self, case: str) -> str:
        """Returns a case, with its data set where the study has several."""
        return f"{self.title}, {case}" if len(self.results.data) > 1 else case

    def __call__(self, case: str, networks: Sequence[str] | None = None) -> CasePredictions:
        """Returns a case with the predictions of these networks (None: all).

        Raises:
            IsthmusError: a file cannot be read, or a mask does not have the size of the image.
        """
        chosen = list(networks or self.networks)
        loaders = {name: self.images[self.owners[name][case].cell.name] for name in chosen}
        image, truth, spacing = loaders[chosen[0]].original(case)
        predicted = {name: loader.prediction(case) for name, loader in loaders.items()}
        for labels in predicted.values():
            gallery.arrays(case, (image, truth, labels))
        values = {name: self.value(name, case) for name in chosen}
        return CasePredictions(image, truth, predicted, values, spacing)

    def _means(self, names: Sequence[str]) -> dict[str, float]:
        samples = {name: self.results.sample(self.data, name, ALL, self.measure) for name in names}
        return {name: sample.spread("cases").mean for name, sample in samples.items()}

    def _best(self, names: Sequence[str]) -> list[str]:
        """Returns the best networks in their given order, `MOST` of them."""
        if len(names) <= MOST:
            return list(names)
        means = self._means(names)
        best = sorted(names, key=lambda name: -better(self.measure) * means[name])[:MOST]
        return [name for name in names if name in best]

    def _owners(self, network: str) -> dict[str, Result]:
        """Returns for each case the first cell that scored it and holds its predicted mask."""
        found: dict[str, Result] = {}
        every = self.results.of(self.data, network)
        for each in sorted(every, key=lambda x: (x.cell.repeat, x.cell.fold)):
            images = self._images(each)
            for case in dict.fromkeys(score.case for score in each.scores(self.results.study.scored)):
                if case not in found and images.predicted(case):
                    found[case] = each
        return found

    def _images(self, result: Result) -> RunImages:
        name = result.cell.name
        if name not in self.images:
            beside = next(iter(self.images.values()), None)
            moved = _moved_phantoms(self.folder, result)
            self.images[name] = RunImages(self.folder.run(name), moved, beside)
        return self.images[name]


def predicted_cases(source: FigureSource) -> dict[str, PredictedCases]:
    """Returns the cases of each data set that has any."""
    return source.shared("predicted cases", lambda: _open(source))[0]


def missing_pictures(source: FigureSource) -> list[str]:
    """Returns a line for each data set whose pictures are missing; only the first caller gets them."""
    missing = source.shared("predicted cases", lambda: _open(source))[1]
    lines = list(missing)
    missing.clear()
    return lines


def _open(source: FigureSource) -> tuple[dict[str, PredictedCases], list[str]]:
    results, found, missing = source.results, {}, []
    for data in results.data:
        if not any(x.cell.data == data for x in results.found):
            continue
        try:
            found[data] = PredictedCases(results, source.folder, data)
        except IsthmusError as error:
            missing.append(f"Pictures of {results.title(data, ALL)} are missing: {error}")
    return found, missing


def class_keys(found: Mapping[str, PredictedCases]) -> dict[str, list[tuple[str, str]]]:
    """Returns the colours of the classes of each data set that has several."""
    return {each.title: class_key(each.classes[1:]) for each in found.values() if each.several}


def outlines(picture: Picture, case: str, caption: str, *, several: bool) -> Panel:
    """Returns the true and the predicted outline, or the predicted outlines of several classes."""
    if several:
        return gallery.labels_panel(picture, picture.predicted, case, caption)
    return gallery.overlay_panel(picture, case, caption)


def _moved_phantoms(folder: StudyFolder, result: Result) -> Path | None:
    """Returns where phantoms lie if the study was moved; None: the data lies where the run found it."""
    data = folder.run(result.cell.name).recipe().data
    here = folder.phantoms / Path(data.source).name
    return here if data.root is None and not Path(data.source).exists() and here.is_dir() else None
