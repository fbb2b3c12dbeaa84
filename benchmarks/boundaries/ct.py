"""Organs of one CT: HMEDN in two steps, slices of one part held out at a time (`within-case`), five parts.

The labels are another program's (TotalSegmentator's test reference), and neighbouring slices are alike, so this shows
that the method runs on a real CT from end to end; it says nothing of other patients. The best epoch is chosen on the
scored slices.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from benchmarks.boundaries.organs import WIDTHS
from benchmarks.boundaries.pictures import grey, sheet
from benchmarks.boundaries.runs import PICTURES, Sections, cost, keep, merged, trained
from isthmus.data.cases import Source
from isthmus.inference.outputs.cleanup import CleanUp
from isthmus.io.images import read_image, read_mask
from isthmus.metrics import score_case
from isthmus.report.drawing import outline
from isthmus.runs.folder import RunFolder

ORGANS = {
    1: "spleen",
    2: "right kidney",
    3: "left kidney",
    4: "gallbladder",
    5: "liver",
    6: "stomach",
    52: "aorta",
}
"""Of the 41 labels those that HMEDN's organs resemble; the others are background."""

PARTS = 5
IMAGE, SEGMENTATION = "example_ct_sm.nii.gz", "example_seg.nii.gz"
COMMON: Sections = {
    "input": {"slices": 5, "normalise": "dataset"},
    "network": {"model": "hmedn", "options": {"widths": WIDTHS, "pathway_width": 28}},
    "objective": {
        "heads": {"logits": "difficulty_ce", "contour": "contour_l2"},
        "difficulty_normalise": "none",
        "difficulty_sigma": 4.0,
    },
    "roi": {"size": [80, 112], "resize": [64, 64]},
    "training": {"epochs": 12, "samples": 192, "batch": 8, "augment": "hmedn-ct"},
    "protocol": {"kind": "within-case", "folds": PARTS},
}
METRICS = ("dice", "average_surface_distance")
SPACING = (3.0, 3.0, 3.0)  # of this CT, mm


def sections(data: Path, fold: int) -> Sections:
    """The recipe of a fold."""
    root = data / "ct-totalsegmentator"
    order = {value: index for index, value in enumerate(ORGANS, start=1)}
    found = np.unique(read_mask(Source(root / SEGMENTATION)))
    values = {int(value): order.get(int(value), 0) for value in found}
    about = {
        "source": "multi-organ-ct",
        "root": str(root),
        "values": values,
        "classes": ["background", *ORGANS.values()],
    }
    return merged(COMMON, {"data": about, "protocol": {"fold": fold}})


def run(data: Path, out: Path, only: str | None) -> None:
    """All folds, then the CT put together from its parts."""
    for fold in range(PARTS):
        if only in (None, str(fold)):
            trained(sections(data, fold), out / f"ct-{fold}")
    if only is not None:
        return
    runs = [RunFolder(out / f"ct-{fold}") for fold in range(PARTS)]
    truth, before = _whole(data, runs)
    after = CleanUp(merge=True).apply(before)
    scores = {
        name: {
            "voxels": int((truth == k).sum()),
            "before": _scores(truth == k, before == k),
            "after": _scores(truth == k, after == k),
            "parts": _by_part(truth == k, after == k),
        }
        for k, name in enumerate(ORGANS.values(), start=1)
    }
    keep(
        "ct",
        {
            "recipe": COMMON,
            "organs": scores,
            "costs": [cost(each) for each in runs],
            "region_costs": [cost(RunFolder(each.localiser)) for each in runs],
            "in_place": _in_place(data, runs),
            "pictures": _draw(data, truth, before, after),
        },
    )


def _whole(data: Path, runs: list[RunFolder]) -> tuple[NDArray[Any], NDArray[Any]]:
    """True and found classes of the whole CT; the masks of the folds lie in its frame, each in its own slices."""
    truth = read_mask(Source(data / "ct-totalsegmentator" / SEGMENTATION))
    found = np.max([read_mask(Source(_mask(run))) for run in runs], axis=0)
    index = np.zeros(256, np.uint8)
    index[list(ORGANS)] = range(1, len(ORGANS) + 1)
    return index[truth], index[found]


def _scores(truth: NDArray[Any], found: NDArray[Any]) -> dict[str, float]:
    row = score_case(found, truth, spacing=SPACING, objects=False)
    return {metric: round(float(row[metric]), 4) for metric in METRICS}


def _by_part(truth: NDArray[Any], found: NDArray[Any]) -> list[float | None]:
    """Dice in each stretch of slices, None where the organ is not in it."""
    pairs = zip(np.array_split(truth, PARTS), np.array_split(found, PARTS), strict=True)
    return [_scores(t, f)["dice"] if t.any() else None for t, f in pairs]


def _mask(run: RunFolder) -> Path:
    (mask,) = run.predictions.glob("*.nii.gz")
    return mask


def _in_place(data: Path, runs: list[RunFolder]) -> bool:
    """Whether every mask has the grid of the CT, and lies in space where it does."""
    ct = nibabel.load(data / "ct-totalsegmentator" / IMAGE)
    masks = [nibabel.load(_mask(run)) for run in runs]
    return all(mask.shape == ct.shape and bool(np.allclose(mask.affine, ct.affine)) for mask in masks)


def _draw(data: Path, truth: NDArray[Any], *found: NDArray[Any]) -> dict[str, str]:
    """The slices agreed on most and least in the end, with the true outlines, and those before and after clean-up."""
    image = read_image(Source(data / "ct-totalsegmentator" / IMAGE))[0]
    share = [(t == f)[(t > 0) | (f > 0)].mean() for t, f in zip(truth, found[-1], strict=True)]
    ranked = np.argsort(share)
    rows = []
    for z in (ranked[-1], ranked[len(ranked) // 2], ranked[1], ranked[0]):
        plain = grey(image[z], -160, 240)
        pictures = [plain, *(outline(plain, label[z]) for label in (truth, *found))]
        rows.append((f"slice {z}: {share[z]:.0%} of the organs' voxels right", pictures))
    heads = ("CT", "true", "found", "found, cleaned up")
    return {"ct": sheet(PICTURES / "ct.png", rows, heads, scale=2)}
