"""Scores of numbered objects in a folder of masks, the same for every program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from isthmus.io.images import Source, read_mask
from isthmus.metrics.object_matching import Overlaps
from isthmus.runs.files import read_csv

OVERLAPS = (0.5, 0.6, 0.7, 0.8, 0.9)


def object_scores(masks: Path, test: Path) -> dict[str, dict[str, Any]]:
    """Returns the scores of every case by its id; a mask that is missing is empty.

    ``f1`` is at IoU 0.5, one to one; ``ap`` the mean over IoU 0.5 to 0.9; ``false`` counts objects that touch no true
    one; ``beside`` the pairs of true objects within two pixels, and ``apart`` those of them that lie in two objects,
    each with more than half of itself in its own.
    """
    found = {}
    kinds = {row["group"]: row["kind"] for _, row in read_csv(test / "kinds.csv", ["group", "kind"]).lines}
    for _, case in read_csv(test / "cases.csv", ["mask", "group"]).lines:
        truth = compact(read_mask(Source(test / case["mask"])))
        name = Path(case["mask"]).stem
        path = next(
            (masks / f"{name}{end}" for end in (".tif", ".png") if (masks / f"{name}{end}").is_file()), None
        )
        drawn = np.zeros_like(truth) if path is None else compact(read_mask(Source(path)))
        matched = Overlaps.of(drawn, truth)
        pairs = pairs_within(truth)
        owners = owners_of(drawn, truth).tolist()
        found[name] = {
            "kind": kinds[case["group"]],
            "f1": round(matched.f1(0.5, True), 5),
            "ap": round(matched.average_precision(OVERLAPS), 5),
            "pq": round(matched.panoptic_quality()[0], 5),
            "aji": round(matched.aggregated_jaccard(), 5),
            "found": int(drawn.max()),
            "true": int(truth.max()),
            "false": int(drawn.max()) - np.unique(drawn[(drawn > 0) & (truth > 0)]).size,
            "beside": len(pairs),
            "apart": sum(owners[a] > 0 and owners[b] > 0 and owners[a] != owners[b] for a, b in pairs),
        }
    return found


def compact(numbers: NDArray[Any]) -> NDArray[np.int32]:
    """Returns objects numbered from 1 without gaps.

    >>> compact(np.array([[0, 7, 3]])).tolist()
    [[0, 2, 1]]
    """
    values, places = np.unique(numbers, return_inverse=True)
    return (places.reshape(numbers.shape) + (values[0] > 0)).astype(np.int32)


def pairs_within(truth: NDArray[np.int32], pixels: int = 2) -> set[tuple[int, int]]:
    """Returns the pairs of objects that lie within some pixels of each other, by their numbers.

    >>> sorted(pairs_within(np.array([[1, 0, 2, 0, 0, 3]])))
    [(1, 2)]
    """
    found: set[tuple[int, int]] = set()
    for number in range(1, int(truth.max(initial=0)) + 1):
        rows, columns = np.nonzero(truth == number)
        if not rows.size:
            continue
        box = tuple(
            slice(max(0, int(axis.min()) - pixels), int(axis.max()) + pixels + 1) for axis in (rows, columns)
        )
        own = (truth[box] == number).astype(np.uint8)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1,) * 2)
        near = np.unique(truth[box][cv2.dilate(own, disc) > 0])
        found |= {(number, int(other)) for other in near if other > number}
    return found


def owners_of(drawn: NDArray[np.int32], truth: NDArray[np.int32]) -> NDArray[np.int64]:
    """Returns, for each true object, the drawn one that holds more than half of it; 0 if none does.

    >>> owners_of(np.array([[4, 4, 4, 0]]), np.array([[1, 1, 2, 2]])).tolist()
    [0, 4, 0]
    """
    owners = np.zeros(int(truth.max(initial=0)) + 1, np.int64)
    sizes = np.bincount(truth.ravel(), minlength=owners.size)
    inside = (drawn > 0) & (truth > 0)
    pairs, counts = np.unique(np.stack([truth[inside], drawn[inside]]), axis=1, return_counts=True)
    for true, own, count in zip(*pairs, counts, strict=True):
        if 2 * count > sizes[true]:
            owners[true] = own
    return owners
