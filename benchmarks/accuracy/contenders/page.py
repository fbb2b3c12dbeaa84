"""The tables and the picture of `accuracy.peers`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.frame.benchmark import ROOT, Result, Settings
from benchmarks.frame.markdown import machine_lines, table, text
from isthmus import compare
from isthmus.files import atomic_path
from isthmus.runs.files import read_yaml

PICTURE = "peers-minutes.png"
LABELS = {"isthmus": "isthmus train", "nnunet": "nnU-Net v2", "basic-unet": "MONAI BasicUNet"}
"""The programs in the order of the table, ours first."""

Run = dict[str, Any]


@dataclass(frozen=True)
class Runs:
    """The finished runs of a program on a data set with a time."""

    runs: Sequence[Run]

    def mean(self, key: str) -> float:
        """Returns the mean of a fact over the runs."""
        return statistics.fmean(run[key] for run in self.runs)

    def cases(self, metric: str) -> dict[str, float]:
        """Returns the score of every case, its mean over the runs."""
        first = self.runs[0]["scores"]
        return {case: statistics.fmean(run["scores"][case][metric] for run in self.runs) for case in first}

    def score(self, metric: str) -> float:
        """Returns the mean over the cases."""
        return statistics.fmean(self.cases(metric).values())


def finished(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int, str], Runs]:
    """Returns the finished runs by data set, seconds asked for, and program."""
    found: dict[tuple[str, int, str], list[Run]] = {}
    for row in rows:
        for program, run in row["values"].items():
            if "scores" in run:
                found.setdefault((row["name"].partition(",")[0], run["asked"], program), []).append(run)
    return {key: Runs(runs) for key, runs in found.items()}


def missing(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Returns a line for each reason why a program has no result."""
    reasons = {
        f"- {LABELS[program]}: {run['missing']}"
        for row in rows
        for program, run in row["values"].items()
        if "missing" in run
    }
    return sorted(reasons)


def against(ours: Runs, other: Runs) -> str:
    """Returns our Dice minus the other's, its 95 % interval and p, over cases; whole groups are drawn and flipped."""
    scores = [
        {"case": case, "program": name, "group": ours.runs[0]["scores"][case]["group"], "dice": value}
        for name, runs in (("ours", ours), ("theirs", other))
        for case, value in runs.cases("dice").items()
    ]
    found = compare(scores).tables["differences"][0]
    few = math.isnan(found["low"])
    interval = "too few groups" if few else f"{found['low']:+.4f} to {found['high']:+.4f}"
    return f"{found['difference']:+.4f} ({interval}), p = {found['p']:.3f}"


def scores_at(seconds: int, found: Sequence[Result]) -> list[str]:
    """Returns the table of the scores after this time."""
    rows = found[0]["rows"]
    runs, lines = finished(rows), []
    for name in dict.fromkeys(name for name, asked, _ in runs if asked == seconds):
        ours = runs.get((name, seconds, "isthmus"))
        for program, label in LABELS.items():
            if (those := runs.get((name, seconds, program))) is None:
                continue
            bold = "**" if those.score("dice") == max(_dice_of(runs, name, seconds)) else ""
            lines.append(
                [
                    name,
                    label,
                    len(those.runs),
                    len(those.cases("dice")),
                    f"{bold}{those.score('dice'):.4f}{bold}",
                    f"{those.score('iou'):.4f}",
                    against(ours, those) if ours and program != "isthmus" else None,
                    f"{those.mean('train'):.0f}",
                    f"{those.mean('steps'):.0f}",
                    f"{those.mean('predict'):.0f}",
                ]
            )
    heads = ["data", "program", "seeds", "cases", "Dice", "Jaccard", "ours minus it, Dice"]
    heads += ["training (s)", "steps", "prediction (s)"]
    return [*table(heads, lines), *missing(rows), *machine_lines(rows)]


def _dice_of(runs: Mapping[tuple[str, int, str], Runs], name: str, seconds: int) -> list[float]:
    return [
        those.score("dice") for (data, asked, _), those in runs.items() if (data, asked) == (name, seconds)
    ]


def curve(found: Sequence[Result]) -> list[str]:
    """Returns the table of Dice by time, from the first seed of each, and the picture."""
    points = _curves(found[0]["rows"])
    if not points:
        return text("No time but one was measured yet.")
    lines = [
        [name, LABELS[program], *(f"{dice:.4f} ({train:.0f})" for train, dice in line)]
        for (name, program), line in points.items()
    ]
    width = max(map(len, lines))
    heads = ["data", "program", *(["Dice (seconds of training)"] * (width - 2))]
    filled = [[*line, *[None] * (width - len(line))] for line in lines]
    return [f"![Dice by minutes]({PICTURE})", "", *table(heads, filled)]


def _curves(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Returns seconds and Dice of each data set with several times, by data set and program."""
    runs = finished(row for row in rows if row["name"].endswith("seed 0"))
    several = {name for name, _, _ in runs if len({asked for data, asked, _ in runs if data == name}) > 1}
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for name in sorted(several):
        for program in LABELS:
            keys = sorted(key for key in runs if (key[0], key[2]) == (name, program))
            if keys:
                found[name, program] = [(runs[key].mean("train"), runs[key].score("dice")) for key in keys]
    return found


def drawn(_settings: Settings, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Draws Dice against minutes, and returns the name of the picture."""
    points = _curves(rows)
    if points:
        draw(points, ROOT.parent / "docs" / "results" / PICTURE)
    return {"picture": PICTURE if points else None}


def draw(points: Mapping[tuple[str, str], Sequence[tuple[float, float]]], path: Path) -> None:
    """Draws the curves of each data set side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for name, _ in points))
    figure = Figure(figsize=(4.2 * len(names), 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for marker, (program, label) in zip("osD", LABELS.items(), strict=True):
            if line := points.get((name, program)):
                axes.plot([s / 60 for s, _ in line], [dice for _, dice in line], marker=marker, label=label)
        axes.set(title=name, xlabel="processor minutes of training", ylabel="Dice", xscale="log")
        axes.set_xticks([1, 2, 5, 10], ["1", "2", "5", "10"], minor=False)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    figure.axes[0].legend(loc="lower right", fontsize=8)
    with atomic_path(path) as aside:
        figure.savefig(aside, format="png", dpi=110)


SECONDS: int = read_yaml(Path(__file__).parents[1] / "peers.yaml")["seconds"]
BLOCKS = {"table": partial(scores_at, SECONDS), "curve": curve}
