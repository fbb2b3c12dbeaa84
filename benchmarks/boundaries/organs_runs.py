"""The ablation of HMEDN on phantoms of three organs: one recipe, what each row changes, and the scores of the runs.

Five slices as channels. Widths are half the paper's (16 to 256), and so are those of the pathways, for two processor
cores. 14 scans train, 4 choose the epoch, 16 are scored; all scans and all recipes are seeded.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from benchmarks.frame.runs import Sections, merged
from isthmus.data.phantoms.organs import ORGANS, write_organ_phantoms
from isthmus.runs.folder import RunFolder
from isthmus.statistics import compare

DATA_SEED, TRAIN, CHOOSE, TEST = 2020, 14, 4, 16
WIDTHS = [16, 32, 64, 128, 256]

COMMON: Sections = {
    "data": {"classes": list(ORGANS), "value_rule": "exact"},
    "input": {"slices": 5, "normalise": "dataset"},
    "training": {"epochs": 10, "samples": 256, "batch": 8, "augment": "hmedn-ct"},
    "cleanup": {"merge": True},
}
CONTOUR, DIFFICULTY = {"contour": "contour_l2"}, {"logits": "difficulty_ce"}
PRINTED = {
    "difficulty_normalise": "none"
}  # equation 4 as printed; other readings weigh borders 20 times more


def _network(model: str, pathway: int | None = None) -> Sections:
    options = {"widths": WIDTHS} | ({"pathway_width": pathway} if pathway else {})
    return {"network": {"model": model, "options": options}}


OVERRIDES: dict[str, Sections] = {
    "DstNet1": _network("dstnet1"),
    "HRDN-L1": _network("hrdn_l1", 16),
    "HRDN-L2": _network("hrdn_l2", 20),
    "HRDN-L3": _network("hrdn_l3", 28),
    "HRDN-L4": _network("hrdn_l4", 36),
    "HRDN-L3 + difficulty": _network("hrdn_l3", 28) | {"objective": {"heads": DIFFICULTY} | PRINTED},
    "HRDN-L3 + contour": _network("hmedn", 28) | {"objective": {"heads": {"logits": "ce"} | CONTOUR}},
    "HMEDN": _network("hmedn", 28) | {"objective": {"heads": DIFFICULTY | CONTOUR} | PRINTED},
    "HMEDN + weight of peaks": _network("hmedn", 28) | {"objective": {"heads": DIFFICULTY | CONTOUR}},
}
"""What each row changes. HMEDN is HRDN-L3 with both heads; the last row reads the difficulty map as the recipe does by
default: every border scaled to a peak of 1, so that it weighs 25."""

MAIN = ("DstNet1", "HMEDN")
SEEDS = {row: range(5) if row in MAIN else range(1 if "peaks" in row else 2) for row in OVERRIDES}
METRICS = ("dice", "average_surface_distance", "hausdorff_distance")


def sections(row: str, seed: int, scans: Path) -> Sections:
    """Returns the recipe of a run."""
    names = [f"pelvis-{index:03d}" for index in range(TRAIN + CHOOSE + TEST)]
    ours: Sections = {
        "data": {"source": str(scans)},
        "training": {"seed": seed},
        "protocol": {"validation": names[TRAIN : TRAIN + CHOOSE], "test": names[TRAIN + CHOOSE :]},
    }
    return merged(COMMON, OVERRIDES[row], ours)


def folder_of(out: Path, row: str, seed: int) -> Path:
    """Returns the run folder of a row and a seed."""
    return out / f"organs-{row.replace(' + ', '-').replace(' ', '-').lower()}-{seed}"


def scans(out: Path) -> Path:
    """Returns the folder of the phantoms, which are written once."""
    folder = out / "phantoms"
    if not (folder / "masks" / f"pelvis-{TRAIN + CHOOSE + TEST - 1:03d}.nii.gz").is_file():
        write_organ_phantoms(folder, TRAIN + CHOOSE + TEST, seed=DATA_SEED)
    return folder


def done(out: Path) -> dict[str, list[RunFolder]]:
    """Returns the finished runs by row."""
    found = {row: [RunFolder(folder_of(out, row, seed)) for seed in SEEDS[row]] for row in OVERRIDES}
    return {row: [run for run in runs if run.finished()] for row, runs in found.items()}


def scores(run: RunFolder, before: bool = False) -> dict[str, dict[str, dict[str, float]]]:
    """Returns values by metric, organ and case, of the scored cases only."""
    rows = run.read_rows(run.cases_before if before else run.cases)
    result: dict[str, dict[str, dict[str, float]]] = {metric: {} for metric in METRICS}
    for row in rows:
        if row["set"] == "test":
            for metric in METRICS:
                result[metric].setdefault(row["class"], {})[row["case"]] = float(row[metric])
    return result


def by_seed(runs: list[RunFolder], before: bool = False) -> dict[str, dict[str, list[float]]]:
    """Returns, by metric and organ (or "mean"), the mean over cases for each seed."""
    result: dict[str, dict[str, list[float]]] = {metric: {} for metric in METRICS}
    for run in runs:
        for metric, organs in scores(run, before).items():
            means = {organ: statistics.fmean(cases.values()) for organ, cases in organs.items()}
            for organ, value in (means | {"mean": statistics.fmean(means.values())}).items():
                result[metric].setdefault(organ, []).append(round(value, 4))
    return result


def by_case(runs: list[RunFolder], metric: str, before: bool = False) -> dict[str, float]:
    """Returns the mean over organs and seeds by case."""
    values: dict[str, list[float]] = {}
    for run in runs:
        for cases in scores(run, before)[metric].values():
            for case, value in cases.items():
                values.setdefault(case, []).append(value)
    return {case: statistics.fmean(each) for case, each in values.items()}


def tested(first: dict[str, float], second: dict[str, float]) -> dict[str, Any]:
    """Compares two sets of scores in pairs, first minus second."""
    found = compare(first, second)
    interval = found.interval
    return {
        "n": found.n,
        "difference": round(found.difference, 4),
        "interval": None if interval is None else [round(interval.low, 4), round(interval.high, 4)],
        "t_p": None if found.t is None else found.t.p,
        "wilcoxon_p": found.wilcoxon.p,
    }


def comparison(runs: dict[str, list[RunFolder]], metric: str, before: bool = False) -> dict[str, Any]:
    """Compares HMEDN with DstNet1 over scans (means of the seeds) and over seeds (means of the scans)."""
    ours, theirs = runs["HMEDN"], runs["DstNet1"]
    seeds = [
        {str(seed): value for seed, value in enumerate(by_seed(each, before)[metric]["mean"])}
        for each in (ours, theirs)
    ]
    differences = [ours - theirs for ours, theirs in zip(*(each.values() for each in seeds), strict=True)]
    return {
        "scans": tested(by_case(ours, metric, before), by_case(theirs, metric, before)),
        "seeds": tested(*seeds),
        "wins": sum(difference > 0 if metric == "dice" else difference < 0 for difference in differences),
    }
