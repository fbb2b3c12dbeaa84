"""Organs of one CT: HMEDN in two steps, slices of one part held out at a time (`within-case`), five parts.

The labels are another program's (TotalSegmentator's test reference), and neighbouring slices are alike, so this shows
that the method runs on a real CT from end to end; it does not predict how well it does on other patients. The best
epoch is chosen on the scored slices.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from benchmarks.boundaries import PICTURES
from benchmarks.boundaries.organs_runs import WIDTHS
from benchmarks.frame import markdown
from benchmarks.frame.benchmark import Benchmark, Result, Row, Settings
from benchmarks.frame.pictures import grey, sheet
from benchmarks.frame.runs import Sections, cost, merged, trained
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
"""The labels, of 41, that resemble HMEDN's organs; the others are background."""

PARTS, COST = 5, "cost of a run"
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
    """Returns the recipe of a fold."""
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


def rows(settings: Settings) -> Iterator[Row]:
    """Yields a row for each part that is held out: what its two networks cost."""
    for fold in range(PARTS):

        def run(fold: int = fold) -> RunFolder:
            return trained(sections(settings.data, fold), settings.out / f"ct-{fold}")

        contenders = {
            "HMEDN": lambda run=run: partial(cost, run()),
            "localiser": lambda run=run: partial(cost, RunFolder(run().localiser)),
        }
        yield Row(f"fold {fold}", contenders, COST)


def facts(settings: Settings, _: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns scores and pictures of the CT that is put together from its parts."""
    runs = [RunFolder(settings.out / f"ct-{fold}") for fold in range(PARTS)]
    truth, before = _whole(settings.data, runs)
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
    return {
        "recipe": COMMON,
        "organs": scores,
        "in_place": _in_place(settings.data, runs),
        "pictures": _draw(settings.data, truth, before, after),
    }


def _whole(data: Path, runs: list[RunFolder]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Returns true and found classes of the whole CT, in whose frame the mask of each fold fills its own slices."""
    truth = read_mask(Source(data / "ct-totalsegmentator" / SEGMENTATION))
    found = np.max([read_mask(Source(_mask(run))) for run in runs], axis=0)
    index = np.zeros(256, np.uint8)
    index[list(ORGANS)] = range(1, len(ORGANS) + 1)
    return index[truth], index[found]


def _scores(truth: NDArray[Any], found: NDArray[Any]) -> dict[str, float]:
    row = score_case(found, truth, spacing=SPACING, objects=False)
    return {metric: round(float(row[metric]), 4) for metric in METRICS}


def _by_part(truth: NDArray[Any], found: NDArray[Any]) -> list[float | None]:
    """Returns Dice in each stretch of slices, None where the organ is not in it."""
    pairs = zip(np.array_split(truth, PARTS), np.array_split(found, PARTS), strict=True)
    return [_scores(t, f)["dice"] if t.any() else None for t, f in pairs]


def _mask(run: RunFolder) -> Path:
    (mask,) = run.predictions.glob("*.nii.gz")
    return mask


def _in_place(data: Path, runs: list[RunFolder]) -> bool:
    """Returns whether every mask has the grid of the CT and lies where the CT does."""
    ct = nibabel.load(data / "ct-totalsegmentator" / IMAGE)
    masks = [nibabel.load(_mask(run)) for run in runs]
    return all(mask.shape == ct.shape and bool(np.allclose(mask.affine, ct.affine)) for mask in masks)


def _draw(data: Path, truth: NDArray[Any], *found: NDArray[Any]) -> dict[str, str]:
    """Draws the slices with most and least agreement, with true and found outlines, before and after clean-up."""
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


def table(found: Sequence[Result]) -> list[str]:
    """Shows scores by organ, and by part."""
    lines = [
        [
            name,
            row["voxels"],
            *(f"{row[when]['dice']:.3f}" for when in ("before", "after")),
            *(f"{row[when]['average_surface_distance']:.1f}" for when in ("before", "after")),
            *(None if part is None else f"{part:.2f}" for part in row["parts"]),
        ]
        for name, row in found[0]["facts"]["organs"].items()
    ]
    parts = [f"part {index}" for index in range(PARTS)]
    return markdown.table(["organ", "voxels", "Dice before", "after", "ASD before", "after", *parts], lines)


def training(found: Sequence[Result]) -> list[str]:
    """Shows minutes, whether the masks lie in place, and the recipe."""
    costs = [row["values"] for row in found[0]["rows"]]
    minutes, first = (statistics.fmean(c[name]["minutes"] for c in costs) for name in ("HMEDN", "localiser"))
    return [
        *markdown.text(
            f"{len(costs)} runs of {minutes:.1f} minutes, and {first:.1f} for the first network. Masks lie in space",
            f"where their images do, voxel for voxel: {'yes' if found[0]['facts']['in_place'] else '**no**'}.",
        ),
        *markdown.recipe(found[0]["facts"]["recipe"]),
    ]


BENCHMARK = Benchmark(rows, {"table": table, "training": training}, facts)
