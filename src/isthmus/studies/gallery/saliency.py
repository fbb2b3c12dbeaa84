"""Where the networks of a study look: saliency and Grad-CAM of a few cases, every network beside the others.

The maps are computed once, from the run folders' weights, and kept in the study's folder at the size of the page, until
the weights or the method change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from isthmus.data.case_paths import case_path
from isthmus.data.cases import load
from isthmus.errors import IsthmusError
from isthmus.explain.explainer import Explainer
from isthmus.explain.overlay import blended, outlined, rgb
from isthmus.explain.stages import decoder_stages
from isthmus.inference.predictor import Predictor
from isthmus.report.drawing import fit, photograph, resize_image, resize_labels, telling_slice
from isthmus.report.gallery import Exhibit, Panel
from isthmus.report.run_images import RunImages
from isthmus.report.summary import landmarks, number, ranked
from isthmus.runs.folder import RunFolder
from isthmus.studies.gallery.saliency_cache import LONGEST, Look, Origin, read_look, write_look
from isthmus.studies.results import ALL, Result, Results
from isthmus.studies.study import Measure
from isthmus.studies.study_folder import StudyFolder
from isthmus.watch import Silent, Watch

TITLES = {"saliency": "Saliency", "grad-cam": "Grad-CAM"}
"""The kinds of figures that are made here."""

CAPTIONS = {
    "saliency": "How much the logits of all classes but the background depend on each place, averaged over the "
    "decoder's stages",
    "grad-cam": "Places whose features speak for the classes other than the background, at each concatenation of "
    "encoder and decoder",
}
LEAST, MOST = 4, 5
"""Places for pictures in a row; Grad-CAM takes more where a network has more concatenations."""


@dataclass(frozen=True)
class Explained:
    """The pictures of one kind, and who is left out of them."""

    title: str
    caption: str
    exhibits: Sequence[Exhibit]
    notes: Sequence[str]


@dataclass(frozen=True)
class Shown:
    """A case, why it is shown, and of each network the run that explains it and its score."""

    data: str
    case: str
    tag: str
    runs: Mapping[str, tuple[Result, float]]


class _Lacks(Exception):
    """A network has nothing that this kind of figure shows."""


def explained(results: Results, folder: StudyFolder, watch: Watch | None = None) -> list[Explained]:
    """The saliency and Grad-CAM that the study asks for.

    Of each data set the best, the median and the worst of the cases that all its networks scored, by the mean over
    networks of the first measure. Each network is shown by the run that scored the case and so has not trained on it:
    that of the lowest repeat, then the lowest fold.
    """
    kinds = [kind for kind in results.study.figures if kind in TITLES]
    measure = next((each for each in results.study.measures if not each.is_cost), None)
    if not kinds or measure is None:
        return []
    shown = list(_shown(results, measure))
    wanted = [(kind, each, name) for each in shown for name in each.runs for kind in kinds]
    found = _Keeper(folder, watch or Silent()).looks(wanted)
    made = [_figure(kind, results, measure, shown, found) for kind in kinds]
    return [each for each in made if each.exhibits or each.notes]


def _shown(results: Results, measure: Measure) -> Iterator[Shown]:
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
            yield Shown(data, case, tag, runs)


Wanted = tuple[str, Shown, str]
"""Kind, case, network."""
Found = Mapping[tuple[str, str, str, str], "Look | str | None"]
"""By kind, data set, case and network; a text says why there is none, None that the network lacks what is shown."""


class _Keeper:
    """Takes what is kept, and computes the rest run by run."""

    def __init__(self, folder: StudyFolder, watch: Watch) -> None:
        self.home, self.watch = folder.path / "explained", watch
        self.folder = folder
        self.origins: dict[tuple[str, str], Origin] = {}

    def looks(self, wanted: Sequence[Wanted]) -> Found:
        found: dict[tuple[str, str, str, str], Look | str | None] = {}
        missing: dict[str, list[Wanted]] = {}
        for kind, shown, network in wanted:
            run = self.folder.run(shown.runs[network][0].cell.name)
            key = (kind, shown.data, shown.case, network)
            try:
                kept = read_look(self._path(run, kind, shown.case), self._origin(run, kind))
            except IsthmusError as error:  # no name of a file
                found[key] = str(error)
                continue
            if kept is not None:
                found[key] = kept
            else:
                missing.setdefault(run.path.name, []).append((kind, shown, network))
        if missing:
            self.watch.stage("explaining", sum(map(len, missing.values())))
        for name, asked in missing.items():
            for key, look in self._compute(self.folder.run(name), asked):
                found[key] = look
                self.watch.advance(", ".join(key[1:]))
        return found

    def _compute(
        self, run: RunFolder, asked: Sequence[Wanted]
    ) -> Iterator[tuple[tuple[str, str, str, str], Look | str | None]]:
        made: tuple[Predictor, RunImages] | None = None
        for kind, shown, network in asked:
            key = (kind, shown.data, shown.case, network)
            try:
                made = made or (Predictor.load(run.path), RunImages(run))
                look = _look(*made, kind, shown.case)
            except _Lacks:
                yield key, None
            except (
                IsthmusError,
                RuntimeError,
            ) as error:  # torch has no type for memory that does not suffice
                yield key, str(error).partition("\n")[0]
            else:
                write_look(self._path(run, kind, shown.case), look, self._origin(run, kind))
                yield key, look

    def _origin(self, run: RunFolder, kind: str) -> Origin:
        key = run.path.name, kind
        if key not in self.origins:
            self.origins[key] = Origin.of(run, kind)
        return self.origins[key]

    def _path(self, run: RunFolder, kind: str, case: str) -> Path:
        return case_path(self.home, case, ".npz", f"{run.path.name}/{kind}")


def _look(predictor: Predictor, images: RunImages, kind: str, name: str) -> Look:
    """One case explained, at the size of the page; of a volume the slice with most true foreground."""
    try:
        stages = decoder_stages(predictor.networks[0])
    except IsthmusError:
        raise _Lacks from None
    if kind == "grad-cam" and all(stage.joined is None for stage in stages):
        raise _Lacks
    if name not in images.cases:
        raise IsthmusError(f"the data no longer holds case '{name}'; restore it")
    case = images.cases[name]
    image, truth = load(case, images.dataset, images.channels)
    maps, predicted = Explainer(predictor, kind)(image), predictor.labels(image)
    sides: Sequence[float] = case.spacing or (1.0,) * truth.ndim
    of_slices = (0, 0)
    if truth.ndim == 3:
        at = telling_slice(truth)
        of_slices = (at + 1, len(truth))
        image, truth, maps, predicted, sides = image[:, at], truth[at], maps[:, at], predicted[at], sides[1:]
    size = fit(_in_space(truth.shape, sides), LONGEST)
    return Look(
        resize_image(rgb(image), size),
        resize_labels(truth, size),
        resize_labels(predicted, size),
        np.stack([_resized(each, size) for each in maps]),
        np.array(of_slices),
    )


def _in_space(shape: Sequence[int], sides: Sequence[float]) -> tuple[int, int]:
    """Height and width such that pixels are square.

    >>> _in_space((10, 30), (2.0, 1.0))
    (20, 30)
    """
    height, width = (
        max(1, round(n * side / min(sides[-2:]))) for n, side in zip(shape, sides[-2:], strict=True)
    )
    return height, width


def _resized(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.uint8]:
    how = cv2.INTER_AREA if size[0] < values.shape[0] else cv2.INTER_LINEAR
    large = cv2.resize(np.ascontiguousarray(values), size[::-1], interpolation=how)
    return np.rint(255 * np.clip(large, 0, 1)).astype(np.uint8)


def _figure(kind: str, results: Results, measure: Measure, shown: Sequence[Shown], found: Found) -> Explained:
    exhibits: list[Exhibit] = []
    lacking: dict[str, None] = {}
    failed: dict[str, str] = {}
    most = max((len(x.maps) for key, x in found.items() if key[0] == kind and isinstance(x, Look)), default=0)
    for each in shown:
        looks: dict[str, Look] = {}
        for name in each.runs:
            look = found[kind, each.data, each.case, name]
            if isinstance(look, Look):
                looks[name] = look
            elif look is None:
                lacking[name] = None
            else:
                failed[f"{name}, {each.data} {each.case}"] = look
        exhibits += _exhibits(kind, results, measure, each, looks, most, len(exhibits))
    notes = []
    if lacking:
        what = "decoder stages" if kind == "saliency" else "concatenation of encoder and decoder to look into"
        notes.append(f"Left out, as they have no {what}: {', '.join(lacking)}.")
    if failed:
        where, why = next(iter(failed.items()))
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        notes.append(f"Could not be explained: {where}{more}: {why}")
    caption = (
        f"{CAPTIONS[kind]}: black not at all, yellow most. Of each data set the best, the median and the worst case by "
        f"the mean {measure.name} over the networks, each explained by the run that scored it (of several the first). "
        "Outlines: on the image the true mask, on a map the network's own answer. Each map is stretched by itself, so "
        "colours compare places of one map, not maps."
    )
    return Explained(TITLES[kind], caption, exhibits, notes)


def _exhibits(
    kind: str,
    results: Results,
    measure: Measure,
    shown: Shown,
    looks: Mapping[str, Look],
    most: int,
    before: int,
) -> list[Exhibit]:
    """Of saliency a case with a map for each network; of Grad-CAM a row for each network."""
    if not looks:
        return []
    first = next(iter(looks.values()))
    case = shown.case if len(results.data) == 1 else f"{results.title(shown.data, ALL)}, {shown.case}"
    note = "slice {} of {}".format(*first.of_slices) if first.of_slices[1] else ""
    image = _panel(
        outlined(first.image, first.truth), "Image, true outline", f"Image of {case} with the true outline"
    )
    scores = {name: number(value, measure.digits) for name, (_, value) in shown.runs.items()}

    def maps(name: str, captions: Sequence[str]) -> list[Panel]:
        look = looks[name]
        pictures = [outlined(blended(look.image, each / 255), look.predicted) for each in look.maps]
        return [
            _panel(picture, text, f"{TITLES[kind]} of {name} for {case}: {text}")
            for picture, text in zip(pictures, captions, strict=True)
        ]

    if kind == "saliency":
        panels = [image]
        for name in looks:
            panels += maps(name, [f"{name}, {measure.name} {scores[name]}"])
        rows = math.ceil(len(panels) / MOST)
        columns = max(LEAST, math.ceil(len(panels) / rows))
        return [Exhibit(case, f"{kind}-{before}", shown.tag, [], panels, columns, note)]
    found: list[Exhibit] = []
    for name, look in looks.items():
        count = len(look.maps)
        captions = [f"{i + 1}{', the deepest' if i == 0 and count > 1 else ''}" for i in range(count)]
        found.append(
            Exhibit(
                f"{case}, {name}",
                f"{kind}-{before + len(found)}",
                shown.tag,
                [(measure.name, scores[name])],
                [image, *maps(name, captions)],
                max(LEAST, most + 1),
                note,
            )
        )
    return found


def _panel(pixels: NDArray[np.uint8], caption: str, alt: str) -> Panel:
    """Outlines are black and white, which WebP keeps as fine as they are; colours it keeps at half the resolution."""
    height, width = pixels.shape[:2]
    return Panel(photograph(pixels, line_width=2), caption, alt, width, height)


__all__ = ["TITLES", "Explained", "explained"]
