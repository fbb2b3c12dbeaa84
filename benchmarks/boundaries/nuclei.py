"""DSB-2018: touching nuclei, with contour and marker heads and without; 80 images train, 40 are scored.

Of the 80, eight choose the best epoch. Both parts are drawn from each kind of picture (`SELECTION.csv`) in proportion.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.boundaries.nuclei_objects import COMMON, COUNTS, METRICS, RUNS, scored, sections, split_of
from benchmarks.boundaries.nuclei_pictures import draw
from benchmarks.frame import markdown
from benchmarks.frame.benchmark import Benchmark, Result, Row, Settings, ready
from benchmarks.frame.runs import cost, trained
from isthmus.runs.folder import RunFolder

TITLES = {
    "heads": "our default network, contour and marker heads",
    "body": "the same network without heads",
    "nuclei_resnet34": "`nuclei_resnet34`, random weights",
}


def summary(cases: dict[str, dict[str, float]]) -> dict[str, float | None]:
    """Returns means over images, and sums of the counts."""
    result: dict[str, float | None] = {}
    for key in METRICS:
        values = [row[key] for row in cases.values() if np.isfinite(row[key])]
        result[key] = round(statistics.fmean(values), 4) if values else None
    return result | {key: sum(row[key] for row in cases.values()) for key in COUNTS}


def rows(settings: Settings) -> Iterator[Row]:
    """Yields a row for each run: its scores by the way in which objects are made."""
    root = settings.data / "dsb-2018"
    for name in RUNS:
        here = settings.out / f"nuclei-{name}"

        def score(name: str = name, here: Any = here) -> dict[str, Any]:
            trained(sections(name, root), here)
            return {way: summary(cases) for way, cases in scored(here, root).items()}

        facts = partial(lambda here, _: {"cost": cost(RunFolder(here))}, here)
        yield Row(name, {"ways": ready(score)}, "scores", facts=facts)


def facts(settings: Settings, _: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns the recipe and the split, and draws the pictures again."""
    root = settings.data / "dsb-2018"
    test, choosing = split_of(root)
    pictures = draw(root, settings.out)
    return {"recipe": COMMON, "overrides": RUNS, "test": test, "choosing": choosing, "pictures": pictures}


def ways_of(found: Sequence[Result]) -> dict[str, Any]:
    """Returns the scores by run and way."""
    return {row["name"]: row["values"]["ways"] for row in found[0]["rows"]}


def table(found: Sequence[Result]) -> list[str]:
    """Shows scores of every run and way."""
    lines = []
    for name, ways in ways_of(found).items():
        for way, scores in ways.items():
            means = [
                f"{scores[key]:.3f}" for key in ("object_f1", "object_dice", "dice", "aggregated_jaccard")
            ]
            pairs = f"{scores['parted']:.0f} / {scores['touching']:.0f}"
            counts = f"{scores['prediction_objects']:.0f} / {scores['truth_objects']:.0f}"
            lines.append([TITLES[name], way, *means, pairs, counts])
    heads = [
        "network",
        "objects by",
        "object F1",
        "object Dice",
        "Dice",
        "AJI",
        "pairs told apart",
        "found / true",
    ]
    return markdown.table(heads, lines)


def result(found: Sequence[Result]) -> list[str]:
    """Shows what the heads contribute."""
    ways = ways_of(found)
    both = ways["heads"]["contour and marker"]
    ours, joined = both["object_f1"], ways["body"]["components"]["parted"]
    parts, peaks = (ways["body"][way]["object_f1"] for way in ("components", "distance peaks"))
    return markdown.text(
        f"With heads, object F1 is {ours:.3f}. Without them it is {parts:.3f} by connected components",
        f"({ours - parts:+.3f}) and {peaks:.3f} by distance peaks ({ours - peaks:+.3f}), which find twice as many",
        "objects as there are but tell more pairs apart. Of the pairs that share a side,",
        f"{both['parted']:.0f} of {both['touching']:.0f} are told apart with heads and {joined:.0f} without: after so",
        "short a training most stay joined. One run each (seed 0).",
    )


def training(found: Sequence[Result]) -> list[str]:
    """Shows minutes, recipe, and what each run adds to it."""
    costs = [(row["name"], row["facts"]["cost"]) for row in found[0]["rows"]]
    minutes = ", ".join(
        f"{name} {c['minutes']:.0f} ({c['parameters'] / 1e6:.1f} M parameters)" for name, c in costs
    )
    added = ", ".join(f"{name} `network={markdown.inline(run['network'])}`" for name, run in RUNS.items())
    return [
        *markdown.text(f"Minutes of training: {minutes}. The recipe, besides the split:"),
        *markdown.recipe(COMMON),
        *markdown.text(f"Each run adds its network and heads: {added}."),
        markdown.machine_line(found[0]["rows"][0]["machine"]),
    ]


BENCHMARK = Benchmark(rows, {"table": table, "result": result, "training": training}, facts)
