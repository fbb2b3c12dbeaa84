"""Nuclei at half and at twice their size: found without a diameter, with the right one, and with `auto`.

OUT is the folder of `trained_nuclei`, whose twin has not seen the images; every fourth of them is scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import cv2

from benchmarks.frame.benchmark import Benchmark, Result, Row, Settings, ready
from benchmarks.frame.markdown import machine_lines, table
from benchmarks.objects.nuclei_images import exported
from isthmus.inference.diameter import Diameter, predict_at
from isthmus.inference.predictor import Predictor
from isthmus.io.images import Source, read_mask
from isthmus.metrics import object_f1
from isthmus.runs.files import read_csv

SIZES, STEP = (0.5, 1.0, 2.0), 4
LOOKS = {"without": "without", "given": "the right one", "auto": "`auto`"}


def scores(look: str, size: float, settings: Settings) -> dict[str, Any]:
    """Returns object F1 at IoU 0.5 of every fourth image, at a multiple of its size."""
    test = exported(settings.data, settings.out / "images") / "test"
    predictor = Predictor.load(settings.out / "twin", device="cpu")
    known = predictor.recipe.input.diameter
    assert known is not None
    diameters: dict[str, Diameter] = {"without": None, "given": known * size, "auto": "auto"}
    found = {}
    for _, row in list(read_csv(test / "cases.csv", ["image", "mask", "group"]).lines)[::STEP]:
        image = resized(cv2.imread(str(test / row["image"]))[..., ::-1], size, cv2.INTER_AREA)
        truth = resized(read_mask(Source(test / row["mask"])), size, cv2.INTER_NEAREST)
        predicted = predict_at(predictor, image.transpose(2, 0, 1), diameter=diameters[look])
        found[Path(row["image"]).stem] = round(object_f1(predicted.mask, truth, one_to_one=True), 5)
    return {"f1": found}


def resized(picture: Any, size: float, way: int) -> Any:
    """Returns a picture (height, width[, channels]) at a multiple of its size."""
    height, width = picture.shape[:2]
    way = way if size < 1 or way == cv2.INTER_NEAREST else cv2.INTER_LINEAR
    return cv2.resize(picture, (round(width * size), round(height * size)), interpolation=way)


def rows(settings: Settings) -> Iterator[Row]:
    """Yields a row for each size."""
    for size in SIZES:
        works = {look: ready(partial(scores, look, size, settings)) for look in LOOKS}
        yield Row(f"{size:g} times", works, "runs")


def scores_table(results: Sequence[Result]) -> list[str]:
    """Returns mean object F1 by size and look."""
    found = [row for result in results for row in result["rows"]]
    if not found:
        return ["Nothing was measured yet."]
    lines = []
    for row in found:
        of_looks = [row["values"][look]["f1"] for look in LOOKS]
        lines.append([row["name"], str(len(of_looks[0])), *(f"{fmean(f1.values()):.3f}" for f1 in of_looks)])
    return [*table(["size", "images", *LOOKS.values()], lines), "", *machine_lines(found)]


BENCHMARK = Benchmark(rows, {"table": scores_table})
