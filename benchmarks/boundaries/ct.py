"""Organs of one CT: HMEDN in two steps, slices of one part held out at a time (`within-case`), five parts.

The labels are another program's (TotalSegmentator's test reference), and neighbouring slices are alike, so this shows
that the method runs on a real CT from end to end; it says nothing of other patients. The best epoch is chosen on the
scored slices.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from benchmarks.boundaries.organs import WIDTHS
from benchmarks.boundaries.pictures import grey, sheet
from benchmarks.boundaries.runs import PICTURES, Sections, cost, keep, merged, trained
from isthmus.data.cases import Source
from isthmus.data.formats import read_image, read_mask
from isthmus.files import atomic_path
from isthmus.metrics import score_case
from isthmus.report.figures import outline
from isthmus.runs.files import write_text
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
COMMON: Sections = {
    "input": {"slices": 5, "normalise": "dataset"},
    "network": {"model": "hmedn", "options": {"widths": WIDTHS, "pathway_width": 28}},
    "objective": {
        "heads": {"logits": "difficulty_ce", "contour": "contour_l2"},
        "difficulty_normalise": "none",
        "difficulty_sigma": 4.0,
    },
    "roi": {"size": [80, 112], "resize": [64, 64], "epochs": 8},
    "training": {"epochs": 12, "samples": 192, "batch": 8, "augment": "hmedn-ct"},
    "protocol": {"kind": "within-case", "folds": PARTS},
}
METRICS = ("dice", "average_surface_distance")


def parts(data: Path, out: Path) -> Path:
    """The CT in stretches of slices, as volumes that know their place, and the table that makes them one group."""
    here = out / "ct-parts"
    table = here / "parts.csv"
    if not table.is_file():
        root = data / "ct-totalsegmentator"
        for kind, name in (("images", "example_ct_sm"), ("masks", "example_seg")):
            whole = nibabel.load(root / f"{name}.nii.gz")
            bounds = np.linspace(0, whole.shape[2], PARTS + 1).astype(int)
            for index, (start, end) in enumerate(pairwise(bounds)):
                with atomic_path(here / kind / f"part-{index}.nii.gz") as aside:
                    named = aside.with_name(f"{aside.name}.nii.gz")
                    nibabel.save(whole.slicer[:, :, start:end], named)
                    named.rename(aside)
        lines = [f"images/part-{i}.nii.gz,masks/part-{i}.nii.gz,ct" for i in range(PARTS)]
        write_text(table, "\n".join(["image,mask,group", *lines]) + "\n")
    return table


def sections(data: Path, out: Path, fold: int) -> Sections:
    """The recipe of a fold."""
    table = parts(data, out)
    found = np.unique(read_mask(Source(data / "ct-totalsegmentator" / "example_seg.nii.gz")))
    order = {value: index for index, value in enumerate(ORGANS, start=1)}
    values = {int(value): order.get(int(value), 0) for value in found}
    about = {"source": str(table), "values": values, "classes": ["background", *ORGANS.values()]}
    return merged(COMMON, {"data": about, "protocol": {"fold": fold}})


def run(data: Path, out: Path, only: str | None) -> None:
    """All folds, then the CT put together from its parts."""
    for fold in range(PARTS):
        if only in (None, str(fold)):
            trained(sections(data, out, fold), out / f"ct-{fold}")
    if only is not None:
        return
    runs = [RunFolder(out / f"ct-{fold}") for fold in range(PARTS)]
    truth, found = _whole(data, runs)
    scores = {}
    for value, name in ORGANS.items():
        row = score_case(found == value, truth == value, spacing=(3.0, 3.0, 3.0), objects=False)
        scores[name] = {key: round(float(row[key]), 4) for key in METRICS} | {
            "voxels": int((truth == value).sum())
        }
        scores[name]["parts"] = [
            round(float(score_case(f == value, t == value, objects=False)["dice"]), 3)
            if (t == value).any()
            else None
            for f, t in zip(np.array_split(found, PARTS), np.array_split(truth, PARTS), strict=True)
        ]
    keep(
        "ct",
        {
            "recipe": COMMON,
            "organs": scores,
            "costs": [cost(each) for each in runs],
            "region_costs": [cost(RunFolder(each.localiser)) for each in runs],
            "in_place": _in_place(data, out, runs),
            "pictures": _draw(data, truth, found, scores),
        },
    )


def _whole(data: Path, runs: list[RunFolder]) -> tuple[NDArray[Any], NDArray[Any]]:
    """True and found mask values of the whole CT, from the masks that the runs wrote."""
    truth = read_mask(Source(data / "ct-totalsegmentator" / "example_seg.nii.gz"))
    found = np.concatenate(
        [read_mask(Source(run.predictions / f"part-{fold}.nii.gz")) for fold, run in enumerate(runs)]
    )
    return np.where(np.isin(truth, list(ORGANS)), truth, 0), found


def _in_place(data: Path, out: Path, runs: list[RunFolder]) -> bool:
    """Whether every mask lies in space where its image does, voxel for voxel."""
    del data
    same = []
    for fold, each in enumerate(runs):
        mask = nibabel.load(each.predictions / f"part-{fold}.nii.gz")
        image = nibabel.load(out / "ct-parts" / "images" / f"part-{fold}.nii.gz")
        same.append(mask.shape == image.shape and bool(np.allclose(mask.affine, image.affine)))
    return all(same)


def _draw(data: Path, truth: NDArray[Any], found: NDArray[Any], scores: dict[str, Any]) -> dict[str, str]:
    """The slices agreed on most and least, with the true and the found outlines."""
    image = read_image(Source(data / "ct-totalsegmentator" / "example_ct_sm.nii.gz"))[0]
    share = [(t == f)[(t > 0) | (f > 0)].mean() for t, f in zip(truth, found, strict=True)]
    ranked = np.argsort(share)
    index = np.zeros(256, np.int64)
    index[list(ORGANS)] = range(1, len(ORGANS) + 1)
    rows = []
    for z in (ranked[-1], ranked[len(ranked) // 2], ranked[1], ranked[0]):
        plain = grey(image[z], -160, 240)
        pictures = [plain, outline(plain, index[truth[z]]), outline(plain, index[found[z]])]
        rows.append((f"slice {z}: {share[z]:.0%} of the organs' voxels right", pictures))
    del scores
    return {"ct": sheet(PICTURES / "ct.png", rows, ("CT", "true", "found"), scale=2)}
