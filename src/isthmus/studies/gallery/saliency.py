"""The figures of where networks look: saliency and Grad-CAM of a few cases, with all networks side by side.

The maps are computed once from the weights in the run folders, and kept in the study's folder at the size of the page
until the weights or the method change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from isthmus.data.case_paths import case_path
from isthmus.data.cases import load
from isthmus.data.sampling.spacing import stated_spacing
from isthmus.errors import IsthmusError
from isthmus.explain.explainer import Explainer
from isthmus.explain.overlay import blended, outlined, rgb
from isthmus.explain.stages import decoder_stages
from isthmus.inference.predictor import Predictor
from isthmus.report.drawing import fit, fullest_slice, photograph, resize_image, resize_labels
from isthmus.report.gallery import Exhibit, Panel
from isthmus.report.run_images import RunImages
from isthmus.report.summary import landmarks, number, ranked
from isthmus.runs.folder import RunFolder
from isthmus.studies.figures.source import FigureSource
from isthmus.studies.gallery.saliency_cache import (
    LONGEST,
    ExplainedCase,
    Origin,
    read_explained,
    write_explained,
)
from isthmus.studies.results import ALL, Result, Results
from isthmus.studies.study import Measure

TITLES = {"saliency": "Saliency", "grad-cam": "Grad-CAM"}
CAPTIONS = {
    "saliency": "How much the logits of all classes but the background depend on each place, averaged over the "
    "decoder's stages",
    "grad-cam": "Places whose features speak for the classes other than the background, at each concatenation of "
    "encoder and decoder",
}
LACKING = {
    "saliency": "decoder stages",
    "grad-cam": "concatenation of encoder and decoder to look into",
}
"""What a network needs for each kind of figure."""
LEAST, MOST = 4, 5
"""Columns of pictures; Grad-CAM takes more if a network has more concatenations."""


@dataclass(frozen=True)
class ExplainedSection:
    """The maps of one kind; `notes` name the networks and cases that are left out."""

    layout: ClassVar[str] = "exhibits"
    title: str
    caption: str
    exhibits: Sequence[Exhibit]
    notes: Sequence[str]


@dataclass(frozen=True)
class ChosenCase:
    """A case, why it is shown, and for each network the run that explains it and its score."""

    data: str
    case: str
    tag: str
    runs: Mapping[str, tuple[Result, float]]


class _NothingToShow(Exception):
    """A network lacks what this kind of figure shows."""


@dataclass(frozen=True)
class _Wanted:
    """A map: its kind, case and network."""

    kind: str
    chosen: ChosenCase
    network: str

    @property
    def key(self) -> Key:
        return self.kind, self.chosen.data, self.chosen.case, self.network


Key = tuple[str, str, str, str]
"""Kind, data set, case, network."""
Maps = Mapping[Key, ExplainedCase | str | None]
"""The maps, or in a text why there are none; None if the network lacks what is shown."""


def draw_saliency(source: FigureSource) -> list[ExplainedSection]:
    """Draws the saliency of each network's decoder stages."""
    return _draw(source, "saliency")


def draw_grad_cam(source: FigureSource) -> list[ExplainedSection]:
    """Draws Grad-CAM at each concatenation of encoder and decoder."""
    return _draw(source, "grad-cam")


def _draw(source: FigureSource, kind: str) -> list[ExplainedSection]:
    results = source.results
    measure = next((each for each in results.study.measures if not each.is_cost), None)
    if measure is None:
        return []
    chosen = source.shared("explained cases", lambda: list(_chosen_cases(results, measure)))
    maps = source.shared("maps", lambda: _all_maps(source, chosen))
    section = _section(kind, results, measure, chosen, maps)
    return [section] if section.exhibits or section.notes else []


def _chosen_cases(results: Results, measure: Measure) -> Iterator[ChosenCase]:
    """Yields the best, the median and the worst of the cases of each data set that all networks scored.

    The order is that of the mean over networks. Each network is shown by a run that scored the case, and so has not
    trained on it: the run of the lowest repeat, then of the lowest fold.
    """
    for data in results.data:
        samples = {name: results.sample(data, name, ALL, measure) for name in results.networks}
        samples = {name: sample for name, sample in samples.items() if sample.values}
        columns = [sample.by_case() for sample in samples.values()]
        shared = [case for case in (columns or [{}])[0] if all(case in column for column in columns)]
        means = {case: math.fsum(column[case] for column in columns) / len(columns) for case in shared}
        for case, tag in landmarks(ranked(means, measure.column)).items():
            runs = {}
            for name, sample in samples.items():
                first = min((x for x in sample.values if x.case == case), key=lambda x: (x.repeat, x.fold))
                place = (first.repeat, first.fold)
                run = next(x for x in results.of(data, name) if (x.cell.repeat, x.cell.fold) == place)
                runs[name] = (run, first.value)
            yield ChosenCase(data, case, tag, runs)


def _all_maps(source: FigureSource, chosen: Sequence[ChosenCase]) -> Maps:
    """Returns the maps of all kinds that the study asks for, so that each run is loaded once."""
    kinds = [kind for kind in source.results.study.figures if kind in TITLES]
    wanted = [_Wanted(kind, each, name) for each in chosen for name in each.runs for kind in kinds]
    return _Cache(source).maps(wanted)


class _Cache:
    """Takes the maps that are kept in the study's folder, and computes the others run by run."""

    def __init__(self, source: FigureSource) -> None:
        self.folder, self.watch = source.folder, source.watch
        self.home = source.folder.path / "explained"
        self.origins: dict[tuple[str, str], Origin] = {}

    def maps(self, wanted: Sequence[_Wanted]) -> Maps:
        found: dict[Key, ExplainedCase | str | None] = {}
        missing: dict[str, list[_Wanted]] = {}
        for each in wanted:
            run = self.folder.run(each.chosen.runs[each.network][0].cell.name)
            try:
                path = self._path(run, each.kind, each.chosen.case)
            except IsthmusError as error:  # the case's name cannot be a file's
                found[each.key] = str(error)
                continue
            kept = read_explained(path, self._origin(run, each.kind))
            if kept is not None:
                found[each.key] = kept
            else:
                missing.setdefault(run.path.name, []).append(each)
        if missing:
            self.watch.stage("explaining", sum(map(len, missing.values())))
        for name, of_run in missing.items():
            for key, case in self._compute(self.folder.run(name), of_run):
                found[key] = case
                self.watch.advance(", ".join(key[1:]))
        return found

    def _compute(
        self, run: RunFolder, wanted: Sequence[_Wanted]
    ) -> Iterator[tuple[Key, ExplainedCase | str | None]]:
        loaded: tuple[Predictor, RunImages] | None = None
        for each in wanted:
            try:
                loaded = loaded or (Predictor.load(run.path), RunImages(run))
                case = _explain(*loaded, each.kind, each.chosen.case)
            except _NothingToShow:
                yield each.key, None
            except (IsthmusError, RuntimeError) as error:  # RuntimeError: torch has run out of memory
                yield each.key, str(error).partition("\n")[0]
            else:
                path = self._path(run, each.kind, each.chosen.case)
                write_explained(path, case, self._origin(run, each.kind))
                yield each.key, case

    def _origin(self, run: RunFolder, kind: str) -> Origin:
        key = run.path.name, kind
        if key not in self.origins:
            self.origins[key] = Origin.of(run, kind)
        return self.origins[key]

    def _path(self, run: RunFolder, kind: str, case: str) -> Path:
        return case_path(self.home, case, ".npz", f"{run.path.name}/{kind}")


def _explain(predictor: Predictor, images: RunImages, kind: str, name: str) -> ExplainedCase:
    """Returns the maps of one case at the size of the page; of a volume, the slice with most true foreground."""
    try:
        stages = decoder_stages(predictor.networks[0])
    except IsthmusError:
        raise _NothingToShow from None
    if kind == "grad-cam" and all(stage.joined is None for stage in stages):
        raise _NothingToShow
    if name not in images.cases:
        raise IsthmusError(f"the data no longer holds case '{name}'; restore it")
    case = images.cases[name]
    image, truth = load(case, images.dataset, images.channels)
    spacing = stated_spacing(case)
    maps, predicted = Explainer(predictor, kind)(image, spacing), predictor.labels(image, spacing)
    sides: Sequence[float] = case.spacing or (1.0,) * truth.ndim
    of_slices = (0, 0)
    if truth.ndim == 3:
        at = fullest_slice(truth)
        of_slices = (at + 1, len(truth))
        image, truth, maps, predicted, sides = image[:, at], truth[at], maps[:, at], predicted[at], sides[1:]
    size = fit(_in_space(truth.shape, sides), LONGEST)
    return ExplainedCase(
        resize_image(rgb(image), size),
        resize_labels(truth, size),
        resize_labels(predicted, size),
        np.stack([_resized(each, size) for each in maps]),
        np.array(of_slices),
    )


def _in_space(shape: Sequence[int], sides: Sequence[float]) -> tuple[int, int]:
    """Returns height and width such that pixels are square.

    >>> _in_space((10, 30), (2.0, 1.0))
    (20, 30)
    """
    height, width = (
        max(1, round(n * side / min(sides[-2:]))) for n, side in zip(shape, sides[-2:], strict=True)
    )
    return height, width


def _resized(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Returns a map (H, W) from 0 to 1 at another size, from 0 to 255."""
    how = cv2.INTER_AREA if size[0] < values.shape[0] else cv2.INTER_LINEAR
    large = cv2.resize(np.ascontiguousarray(values), size[::-1], interpolation=how)
    return np.rint(255 * np.clip(large, 0, 1)).astype(np.uint8)


def _section(
    kind: str, results: Results, measure: Measure, chosen: Sequence[ChosenCase], maps: Maps
) -> ExplainedSection:
    exhibits: list[Exhibit] = []
    lacking: dict[str, None] = {}
    failed: dict[str, str] = {}
    for each in chosen:
        explained: dict[str, ExplainedCase] = {}
        for name in each.runs:
            found = maps[kind, each.data, each.case, name]
            if isinstance(found, ExplainedCase):
                explained[name] = found
            elif found is None:
                lacking[name] = None
            else:
                failed[f"{name}, {each.data} {each.case}"] = found
        if explained:
            draw = _saliency_row if kind == "saliency" else _grad_cam_rows
            exhibits += draw(_Labels.of(kind, results, measure, each), explained)
    columns = max((exhibit.columns for exhibit in exhibits), default=0)
    if kind == "grad-cam":
        exhibits = [replace(exhibit, columns=columns) for exhibit in exhibits]
    exhibits = [replace(exhibit, anchor=f"{kind}-{i}") for i, exhibit in enumerate(exhibits)]
    caption = (
        f"{CAPTIONS[kind]}: black means none, yellow most. Shown are the best, the median and the worst case of each "
        f"data set by the mean {measure.name} over the networks; each is explained by the first run that scored it. "
        "Outlines: on the image the true mask, on a map the network's own prediction. Each map has its own scale, so "
        "colours compare places within a map, not maps with each other."
    )
    return ExplainedSection(TITLES[kind], caption, exhibits, _notes(kind, list(lacking), failed))


def _notes(kind: str, lacking: Sequence[str], failed: Mapping[str, str]) -> list[str]:
    """Returns lines on the networks and cases that are left out."""
    notes = []
    if lacking:
        notes.append(f"Left out because they have no {LACKING[kind]}: {', '.join(lacking)}.")
    if failed:
        where, why = next(iter(failed.items()))
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        notes.append(f"Could not be explained: {where}{more}: {why}")
    return notes


@dataclass(frozen=True)
class _Labels:
    """What is written beside the maps of a case."""

    kind: str
    case: str
    tag: str
    measure: str
    scores: Mapping[str, str]

    @classmethod
    def of(cls, kind: str, results: Results, measure: Measure, chosen: ChosenCase) -> _Labels:
        several = len(results.data) > 1
        case = f"{results.title(chosen.data, ALL)}, {chosen.case}" if several else chosen.case
        scores = {name: number(value, measure.digits) for name, (_, value) in chosen.runs.items()}
        return cls(kind, case, chosen.tag, measure.name, scores)

    def image(self, explained: ExplainedCase) -> Panel:
        """Returns the image with the true outline."""
        picture = outlined(explained.image, explained.truth)
        return _panel(picture, "Image, true outline", f"Image of {self.case} with the true outline")

    def maps(self, name: str, explained: ExplainedCase, captions: Sequence[str]) -> list[Panel]:
        """Returns the maps of a network over the image."""
        pictures = [
            outlined(blended(explained.image, each / 255), explained.predicted) for each in explained.maps
        ]
        return [
            _panel(picture, text, f"{TITLES[self.kind]} of {name} for {self.case}: {text}")
            for picture, text in zip(pictures, captions, strict=True)
        ]


def _saliency_row(labels: _Labels, explained: Mapping[str, ExplainedCase]) -> list[Exhibit]:
    """Returns a case with one map for each network."""
    first = next(iter(explained.values()))
    panels = [labels.image(first)]
    for name, each in explained.items():
        panels += labels.maps(name, each, [f"{name}, {labels.measure} {labels.scores[name]}"])
    rows = math.ceil(len(panels) / MOST)
    columns = max(LEAST, math.ceil(len(panels) / rows))
    return [Exhibit(labels.case, "", labels.tag, [], panels, columns, _slice_note(first))]


def _grad_cam_rows(labels: _Labels, explained: Mapping[str, ExplainedCase]) -> list[Exhibit]:
    """Returns a row for each network with one map for each concatenation, the deepest first."""
    first, found = next(iter(explained.values())), []
    for name, each in explained.items():
        count = len(each.maps)
        captions = [f"{i + 1}{', the deepest' if i == 0 and count > 1 else ''}" for i in range(count)]
        panels = [labels.image(first), *labels.maps(name, each, captions)]
        scores = [(labels.measure, labels.scores[name])]
        columns, title = max(LEAST, len(panels)), f"{labels.case}, {name}"
        found.append(Exhibit(title, "", labels.tag, scores, panels, columns, _slice_note(first)))
    return found


def _slice_note(explained: ExplainedCase) -> str:
    return "slice {} of {}".format(*explained.of_slices) if explained.of_slices[1] else ""


def _panel(pixels: NDArray[np.uint8], caption: str, alt: str) -> Panel:
    """Returns a panel as WebP, which keeps black and white outlines sharp and colours at half the resolution."""
    height, width = pixels.shape[:2]
    return Panel(photograph(pixels, line_width=2), caption, alt, width, height)
