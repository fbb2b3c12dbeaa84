"""ISBI-2012: the papers' networks and ours on one split, three seeds each, into docs/results/isbi-2012.md.

    python -m benchmarks.isbi_2012 ROOT            trains what is missing (resumes what was stopped), writes the page
    python -m benchmarks.isbi_2012 ROOT --page     writes the page from the run folders alone

ROOT holds train-volume.tif and train-labels.tif. Each run is what `isthmus train` does with the same arguments.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

from isthmus.runs.files import read_json, read_yaml, write_text
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import make_recipe

SEEDS = (0, 1, 2)
VALIDATION = tuple(f"slice-{i:02d}" for i in (0, 3, 12, 15, 21, 25))
PAGE = Path(__file__).parents[1] / "docs" / "results" / "isbi-2012.md"

# row: (model of `isthmus train`, None for none; epochs, None for the recipe's own; Jaccard asked of the median)
ROWS: dict[str, tuple[str | None, int | None, float | None]] = {
    "default": (None, None, 0.905),
    "default-before": (None, None, 0.905),
    "unet": ("unet", 60, 0.865),
    "sharp_unet": ("sharp_unet", 60, 0.90),
    "multiresunet": ("multiresunet", 60, None),
    "mildnet": ("mildnet", 50, 0.865),
}
UNNAMED = {"default": "(none named)", "default-before": "(none named, before the search)"}
# what `isthmus train` started from before the search of docs/results/accuracy.md
BEFORE: dict[str, dict[str, Any]] = {
    "input": {"normalise": "zscore"},
    "network": {"initialisation": "xavier", "depth": None},
    "training": {"learning_rate": 0.001},
}
# what the papers print for ISBI-2012: Dice, Jaccard, in percent; their splits are others
PAPERS: dict[str, list[tuple[float | None, float, str]]] = {
    "unet": [
        (None, 87.41, "MultiResUNet, table 4"),
        (91.23, 83.95, "Sharp U-Net, table 1"),
        (84.0, 79.0, "MILDNet, table 5"),
    ],
    "sharp_unet": [(92.96, 87.00, "Sharp U-Net, table 1")],
    "multiresunet": [(None, 87.95, "MultiResUNet, table 4"), (88.0, 79.0, "MILDNet, table 5")],
    "mildnet": [(96.0, 92.0, "MILDNet, table 5")],
}


def recipe_of(row: str, seed: int, root: Path, threads: int | None) -> Any:
    """The recipe that `isthmus train` makes of the row's arguments."""
    model, epochs, _ = ROWS[row]
    sections: dict[str, Any] = {
        "data": {"source": "isbi-2012", "root": str(root)},
        "training": {"seed": seed},
        "protocol": {"validation": list(VALIDATION)},
    }
    if model:
        sections["network"] = {"model": model}
    if epochs:
        sections["training"] |= {"epochs": epochs, "early_stopping": None}
    if threads:
        sections["hardware"] = {"threads": threads}
    before = BEFORE if row == "default-before" else {}
    return make_recipe("paper" if model else "default", before, sections)


def command(row: str) -> str:
    """The command line of a row, for the page."""
    model, epochs, _ = ROWS[row]
    named = f" --model {model}" if model else ""
    length = f" --epochs {epochs} training.early_stopping=null" if epochs else ""
    if row == "default-before":
        length = "".join(
            f" {section}.{key}={'null' if value is None else value}"
            for section, values in BEFORE.items()
            for key, value in values.items()
        )
    return (
        f"isthmus train isbi-2012 --root ROOT{named}{length} --validation {','.join(VALIDATION)} --seed SEED"
    )


def train(row: str, seed: int, root: Path, runs: Path, threads: int | None) -> None:
    """One run, from where it was."""
    from isthmus import training

    out = runs / f"{row}-{seed}"
    if RunFolder(out).recipe_path.is_file():
        training.resume(out)
    else:
        training.train(recipe_of(row, seed, root, threads), out)


def scores(folder: RunFolder) -> tuple[float, float]:
    """Mean Dice and Jaccard over the held-out slices, best epoch."""
    rows = folder.read_rows(folder.cases)
    return tuple(statistics.fmean(float(row[key]) for row in rows) for key in ("dice", "iou"))  # type: ignore[return-value]


def page(runs: Path) -> str:
    """The page, from the run folders alone."""
    lines = [
        "# ISBI-2012: 24 slices train, 6 are scored",
        "",
        "Made by `python -m benchmarks.isbi_2012 ROOT` from its run folders. Slices 0, 3, 12, 15, 21 and 25 are held",
        "out; they choose the best epoch and are scored, so the figures are optimistic, as the papers' are. Images and",
        "masks are brought to 256x256 by area means; foreground is the inside of cells; Dice and Jaccard are means",
        "over slices on that grid. A run's figure is that of its best epoch by Dice; the table shows the median of",
        "the seeds and their range.",
        "",
        "| network | seeds | epochs | minutes | Dice | Jaccard | range | asked | the papers (Dice, Jaccard in %) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    machine: dict[str, Any] = {}
    for row, (model, _, asked) in ROWS.items():
        folders = [RunFolder(runs / f"{row}-{seed}") for seed in SEEDS]
        done = [folder for folder in folders if folder.finished()]
        if not done:
            continue
        machine = machine or read_json(done[0].environment)
        dices, jaccards = zip(*(scores(folder) for folder in done), strict=True)
        costs = [read_json(folder.cost) for folder in done]
        minutes = statistics.median(cost["training_seconds"] for cost in costs) / 60
        printed = "; ".join(
            f"{'' if d is None else f'{d:g}, '}{j:g} ({where})" for d, j, where in PAPERS.get(row, [])
        )
        lines.append(
            f"| {model or UNNAMED[row]} | {len(done)} | {costs[0]['epochs']} | {minutes:.1f} "
            f"| {statistics.median(dices):.4f} | **{statistics.median(jaccards):.4f}** "
            f"| {min(jaccards):.4f} to {max(jaccards):.4f} | {asked or ''} | {printed} |"
        )
    threads = read_recipe_threads(runs)
    packages = machine.get("packages", {})
    lines += [
        "",
        f"Machine: {machine.get('processor')}, {machine.get('cores')} cores, {threads} used by a run; the minutes "
        "were taken while other work ran beside, so they are an upper bound; "
        f"torch {packages.get('torch')}, Python {machine.get('python')}; bfloat16 and channels-last.",
        "",
        "Commands, for each SEED of 0, 1, 2:",
        "",
        "```",
        *(command(row) for row in ROWS if any((runs / f"{row}-{seed}").is_dir() for seed in SEEDS)),
        "```",
        "",
        "The papers score other splits (five folds, or a 70/30 split), so their figures stand beside ours for scale",
        "and not as a like-for-like comparison.",
    ]
    return "\n".join(lines) + "\n"


def read_recipe_threads(runs: Path) -> str:
    """Threads of the runs, from their recipes."""
    found = {read_yaml(path)["hardware"]["threads"] for path in runs.glob("*/recipe.yaml")}
    return " or ".join(sorted(str(threads) for threads in found))


def main() -> None:
    """Parse, train, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs/isbi-2012"))
    parser.add_argument("--page", action="store_true", help="only write the page")
    parser.add_argument("--only", help="one run, as unet-0")
    parser.add_argument("--threads", type=int)
    asked = parser.parse_args()
    jobs = [(row, seed) for row in ROWS for seed in SEEDS]
    if asked.only:
        jobs = [job for job in jobs if f"{job[0]}-{job[1]}" == asked.only]
        if not jobs:
            sys.exit(f"no run '{asked.only}'")
    if not asked.page:
        for row, seed in jobs:
            print(f"{row}, seed {seed}", flush=True)
            train(row, seed, asked.root, asked.runs, asked.threads)
    if not asked.only:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        write_text(PAGE, page(asked.runs))
        print(PAGE)


if __name__ == "__main__":
    main()
