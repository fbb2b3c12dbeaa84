"""ISBI-2012: the papers' networks and ours on one split, three seeds each, as `isthmus train` trains them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.frame.benchmark import Benchmark, Result, Row, Settings, ready
from benchmarks.frame.markdown import machine_line, table
from benchmarks.frame.runs import Sections, cost, merged, trained

SEEDS = (0, 1, 2)
VALIDATION = tuple(f"slice-{i:02d}" for i in (0, 3, 12, 15, 21, 25))
LONG: Sections = {"training": {"epochs": 60, "early_stopping": None}}
# what `isthmus train` started from before the search of docs/results/accuracy.md
BEFORE: Sections = {
    "input": {"normalise": "zscore"},
    "network": {"initialisation": "xavier", "depth": None},
    "training": {"learning_rate": 0.001},
}
DEFAULT, DEFAULT_BEFORE = "(none named)", "(none named, before the search)"
CHANGES: dict[str, Sections] = {
    DEFAULT: {},
    DEFAULT_BEFORE: BEFORE,
    "unet": LONG,
    "sharp_unet": LONG,
    "multiresunet": LONG,
    "mildnet": merged(LONG, {"training": {"epochs": 50}}),
}
WANTED = {DEFAULT: 0.905, DEFAULT_BEFORE: 0.905, "unet": 0.865, "sharp_unet": 0.90, "mildnet": 0.865}
"""Jaccard that the median is to reach."""

PAPERS: dict[str, str] = {
    "unet": "87.41 (MultiResUNet, table 4); 91.23, 83.95 (Sharp U-Net, table 1); 84, 79 (MILDNet, table 5)",
    "sharp_unet": "92.96, 87 (Sharp U-Net, table 1)",
    "multiresunet": "87.95 (MultiResUNet, table 4); 88, 79 (MILDNet, table 5)",
    "mildnet": "96, 92 (MILDNet, table 5)",
}
"""What the papers print for ISBI-2012, in percent: Dice where they have it, and Jaccard; their splits are others."""


def sections(row: str, seed: int, root: Path) -> Sections:
    """Returns the recipe of a row and a seed."""
    ours: Sections = {
        "data": {"source": "isbi-2012", "root": str(root)},
        "training": {"seed": seed},
        "protocol": {"validation": list(VALIDATION)},
    }
    model = {} if row in (DEFAULT, DEFAULT_BEFORE) else {"network": {"model": row}}
    return merged(model, CHANGES[row], ours)


def scores(row: str, seed: int, settings: Settings) -> dict[str, Any]:
    """Returns mean Dice and Jaccard over the held-out slices at the best epoch, and what the run took."""
    preset = "default" if row in (DEFAULT, DEFAULT_BEFORE) else "paper"
    name = {DEFAULT: "default", DEFAULT_BEFORE: "default-before"}.get(row, row)
    run = trained(sections(row, seed, settings.data / "isbi-2012"), settings.out / f"{name}-{seed}", preset)
    cases = run.read_rows(run.cases)
    found = {key: statistics.fmean(float(case[key]) for case in cases) for key in ("dice", "iou")}
    return found | {key: cost(run)[key] for key in ("epochs", "minutes")}


def rows(settings: Settings) -> Iterator[Row]:
    """Yields every network, with its seeds as contenders."""
    for name in CHANGES:
        works = {str(seed): partial(scores, name, seed, settings) for seed in SEEDS}
        yield Row(name, {seed: ready(work) for seed, work in works.items()}, "scores")


def page(found: Sequence[Result]) -> list[str]:
    """Shows medians and ranges over seeds, beside what the papers print."""
    lines = []
    for row in found[0]["rows"]:
        runs = list(row["values"].values())
        dice, jaccard, minutes = ([run[key] for run in runs] for key in ("dice", "iou", "minutes"))
        lines.append(
            [
                row["name"],
                len(runs),
                runs[0]["epochs"],
                f"{statistics.median(minutes):.1f}",
                f"{statistics.median(dice):.4f}",
                f"**{statistics.median(jaccard):.4f}**",
                f"{min(jaccard):.4f} to {max(jaccard):.4f}",
                WANTED.get(row["name"], ""),
                PAPERS.get(row["name"], ""),
            ]
        )
    heads = [
        "network",
        "seeds",
        "epochs",
        "minutes",
        "Dice",
        "Jaccard",
        "range",
        "wanted",
        "the papers (in %)",
    ]
    return [*table(heads, lines), machine_line(found[0]["rows"][0]["machine"])]


BENCHMARK = Benchmark(rows, {"table": page})
