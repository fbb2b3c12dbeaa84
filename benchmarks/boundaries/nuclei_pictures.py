"""Pictures of nuclei: where heads tell touching ones apart, where they fail, and the images scored best and worst."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.boundaries import PICTURES
from benchmarks.boundaries.nuclei_objects import objects, scored, scored_cases
from benchmarks.frame.pictures import Pixels, sheet
from isthmus.inference.outputs.instance_files import overlay
from isthmus.inference.predictor import Predictor

SIDE = 200
HEADS = (
    "image",
    "truth",
    "heads: contour and marker",
    "body alone: components",
    "body alone: distance peaks",
)
BOTH = "contour and marker"


def draw(root: Path, out: Path) -> dict[str, Any]:
    """Draws two sheets: touching nuclei (most pairs won against components), and best and worst images by object F1."""
    ours, theirs = scored(out / "nuclei-heads", root)[BOTH], scored(out / "nuclei-body", root)["components"]
    won = sorted(ours, key=lambda case: theirs[case]["object_f1"] - ours[case]["object_f1"])
    parted = sorted(ours, key=lambda case: theirs[case]["parted"] - ours[case]["parted"])
    ranked = sorted(ours, key=lambda case: ours[case]["object_f1"])
    chosen = {"touching": parted[:4], "best-worst": [*ranked[-2:][::-1], *ranked[:3], won[-1]]}
    panels = _panels(root, out, {case for cases in chosen.values() for case in cases})
    names: dict[str, Any] = {}
    for name, cases in chosen.items():
        rows = [
            (
                f"{case[:8]}: object F1 {ours[case]['object_f1']:.2f} with heads, "
                f"{theirs[case]['object_f1']:.2f} by components; "
                f"{ours[case]['parted']:.0f} and {theirs[case]['parted']:.0f} of {ours[case]['touching']:.0f} touching "
                f"pairs told apart; {ours[case]['prediction_objects']:.0f} and "
                f"{theirs[case]['prediction_objects']:.0f} objects of {ours[case]['truth_objects']:.0f}",
                panels[case],
            )
            for case in cases
        ]
        names[name] = sheet(PICTURES / f"nuclei-{name}.png", rows, HEADS)
    return names


def _panels(root: Path, out: Path, wanted: set[str]) -> dict[str, list[Pixels]]:
    heads, body = (Predictor.load(out / f"nuclei-{name}", device="cpu") for name in ("heads", "body"))
    found: dict[str, list[Pixels]] = {}
    for case, image, truth in scored_cases(root):
        if case.id not in wanted:
            continue
        ours, theirs = heads.maps(image), body.maps(image)
        labels = [truth, objects(ours, ("contour", "marker")), objects(theirs, None), objects(theirs, ())]
        window = _window([label.astype(np.int64) for label in labels[:3]])
        part = _bright(image[(slice(None), *window)])
        found[case.id] = [
            overlay(part, np.zeros(part.shape[1:], np.int32)),
            *(overlay(part, np.ascontiguousarray(label[window]).astype(np.int32)) for label in labels),
        ]
    return found


def _bright(image: NDArray[Any]) -> Pixels:
    """Makes dark fluorescence visible: white is its 99.8th percentile."""
    high = max(float(np.percentile(image, 99.8)), 1.0)
    return np.rint(np.clip(image / high, 0, 1) * 255).astype(np.uint8)


def _window(labels: list[NDArray[np.int64]]) -> tuple[slice, slice]:
    """Returns the square of `SIDE` pixels with most true borders between nuclei that only one of them finds."""
    truth, ours, theirs = labels
    differs = (_edges(ours) ^ _edges(theirs)) + 2 * (_edges(truth) & ~_edges(theirs))
    total = np.pad(differs.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    rows, columns = (min(SIDE, side) for side in truth.shape)
    sums = (
        total[rows:, columns:] - total[:-rows, columns:] - total[rows:, :-columns] + total[:-rows, :-columns]
    )
    top, left = np.unravel_index(int(sums.argmax()), sums.shape)
    return slice(int(top), int(top) + rows), slice(int(left), int(left) + columns)


def _edges(label: NDArray[Any]) -> NDArray[np.bool_]:
    found = np.zeros(label.shape, bool)
    found[1:] |= (label[1:] != label[:-1]) & (label[1:] > 0) & (label[:-1] > 0)
    found[:, 1:] |= (label[:, 1:] != label[:, :-1]) & (label[:, 1:] > 0) & (label[:, :-1] > 0)
    return found
