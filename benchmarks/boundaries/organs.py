"""Blurry organs: the ablation of HMEDN on phantoms, and its Table I: what a training step of each network needs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from benchmarks.boundaries import organs_runs as ablation
from benchmarks.boundaries.organs_pictures import draw
from benchmarks.boundaries.organs_steps import NETWORKS, parameters, step_of
from benchmarks.frame import markdown
from benchmarks.frame.benchmark import BYTES, SECONDS, Benchmark, Result, Row, Settings
from benchmarks.frame.results import rows_of
from benchmarks.frame.runs import cost, trained
from isthmus.runs.folder import RunFolder

SCORES, ASD = "scores by seed", "average_surface_distance"
ORGANS = ("bladder", "prostate", "rectum", "mean")
PRINTED = {"dilnet3": 7259, "dilnet2": 9269, "dilnet1": 9269, "dstnet2": 5443, "dstnet1": 5933}
"""The paper's Table I: MB of Caffe on a GPU."""


def rows(settings: Settings) -> Iterator[Row]:
    """Yields a row for each change of the recipe, with all its seeds; then time and memory of a step."""
    for name in ablation.OVERRIDES:

        def runs(name: str = name) -> list[RunFolder]:
            scans = ablation.scans(settings.out)
            return [
                trained(ablation.sections(name, seed, scans), ablation.folder_of(settings.out, name, seed))
                for seed in ablation.SEEDS[name]
            ]

        def scores(before: bool, runs: Any = runs) -> Any:
            return partial(ablation.by_seed, runs(), before)

        contenders = {"after": partial(scores, False), "before": partial(scores, True)}
        yield Row(name, contenders, SCORES, facts=lambda _, runs=runs: {"cost": cost_of(runs())})
    for name in NETWORKS:
        contender = {"isthmus": partial(step_of, name, True)}
        facts = partial(lambda name, _: parameters(name), name)
        yield Row(name, contender, SECONDS, repeats=3, own_process=True, clock=time.process_time, facts=facts)
        yield Row(name, {"isthmus": partial(step_of, name, False)}, BYTES, own_process=True)


def cost_of(runs: list[RunFolder]) -> dict[str, Any]:
    """Returns the cost of the first seed, with the median of the minutes."""
    each = [cost(run) for run in runs]
    return each[0] | {"minutes": statistics.median(one["minutes"] for one in each)}


def facts(settings: Settings, _: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns the recipe and the tests of HMEDN against DstNet1, and draws the pictures again."""
    runs = {row: each for row, each in ablation.done(settings.out).items() if each}
    return {
        "recipe": ablation.COMMON,
        "overrides": ablation.OVERRIDES,
        "comparison": {metric: ablation.comparison(runs, metric) for metric in ablation.METRICS},
        "comparison_before": {metric: ablation.comparison(runs, metric, True) for metric in ablation.METRICS},
        "pictures": draw(ablation.scans(settings.out), runs),
    }


def changes(found: Sequence[Result]) -> list[str]:
    """Shows the recipe, and what each row changes."""
    about = found[0]["facts"]
    lines = []
    for name, changed in about["overrides"].items():
        objective = f", `objective={markdown.inline(changed['objective'])}`" if "objective" in changed else ""
        lines.append([name, f"`network={changed['network']['model']}`{objective}"])
    return [*markdown.recipe(about["recipe"]), *markdown.table(["row", "changes"], lines)]


def scores(found: Sequence[Result]) -> list[str]:
    """Shows Dice and average surface distance by organ."""
    lines = []
    for metric, title, digits in (("dice", "Dice", 3), (ASD, "Average surface distance (ASD), in mm", 2)):
        cells = []
        for row in rows_of(found[0], SCORES):
            each, costs = row["values"]["after"][metric], row["facts"]["cost"]
            organs = [markdown.spread(each[organ], digits) for organ in ORGANS]
            minutes, parameters = f"{costs['minutes']:.1f}", f"{costs['parameters']:,}"
            cells.append([row["name"], len(each["mean"]), *organs, minutes, parameters])
        heads = ["network", "seeds", *ORGANS, "minutes", "parameters"]
        lines += [f"{title}, after clean-up:", "", *markdown.table(heads, cells)]
    return lines


def verdict(found: Sequence[Result]) -> list[str]:
    """Shows HMEDN against DstNet1, with its tests."""
    about = found[0]["facts"]
    asd, dice, far = (about["comparison"][metric] for metric in (ASD, "dice", "hausdorff_distance"))
    before, scans, seeds = about["comparison_before"][ASD], asd["scans"], asd["seeds"]
    low, high = scans["interval"]
    return markdown.text(
        f"**HMEDN {'beats' if scans['difference'] < 0 else 'does not beat'} DstNet1 on ASD over {seeds['n']} seeds**:",
        f"{scans['difference']:+.3f} mm (mean of organs; 95 % interval over scans {low:+.3f} to",
        f"{high:+.3f}), lower with {asd['wins']} of {seeds['n']} seeds. Paired over the {scans['n']}",
        f"scans, each the mean of its seeds: t-test p = {scans['t_p']:.2g}, Wilcoxon p = {scans['wilcoxon_p']:.2g}.",
        f"Paired over the {seeds['n']} seeds, each the mean of its scans: t-test p = {seeds['t_p']:.2g},",
        f"Wilcoxon p = {seeds['wilcoxon_p']:.2g}.",
        f"Before clean-up: {before['scans']['difference']:+.3f} mm, t-test p = {before['scans']['t_p']:.2g} over",
        f"scans, lower with {before['wins']} of {seeds['n']} seeds. Dice: {dice['scans']['difference']:+.3f},",
        f"p = {dice['scans']['t_p']:.2g}. Hausdorff distance: {far['scans']['difference']:+.2f} mm,",
        f"p = {far['scans']['t_p']:.2g}, lower with {far['wins']} of {seeds['n']} seeds. So the lead is",
        f"{_significance(scans['t_p'])} over scans and {_significance(seeds['t_p'])} over seeds (with 5 pairs the",
        "Wilcoxon test cannot go below p = 0.062).",
    ) + _pieces(rows_of(found[0], SCORES))


def _significance(p: float) -> str:
    return "significant" if p < 0.05 else "not significant"


def _pieces(rows: list[dict[str, Any]]) -> list[str]:
    """Returns what each piece of the method changes, over the seeds that all rows have."""
    means = {row["name"]: row["values"]["after"][ASD]["mean"] for row in rows}
    few = min(len(values) for name, values in means.items() if "peaks" not in name)
    asd = {name: statistics.fmean(values[:few]) for name, values in means.items()}
    base = asd["HRDN-L3"]
    change = {name: asd[f"HRDN-L3 + {name}"] - base for name in ("difficulty", "contour")}
    return markdown.text(
        f"Piece by piece, over the first {few} seeds of every row: the pathway on level 3 changes the ASD of",
        f"DstNet1 by {base - asd['DstNet1']:+.2f} mm;",
        f"on top of it the difficulty map changes it by {change['difficulty']:+.2f}",
        f"mm, the contour head by {change['contour']:+.2f} mm, and both by {asd['HMEDN'] - base:+.2f} mm. These",
        "are hints, not findings: DstNet1 itself varies as much from seed to seed.",
    )


def cleanup(found: Sequence[Result]) -> list[str]:
    """Shows what merging changes: means of organs, scans and seeds."""
    metrics = (("dice", 3), (ASD, 2), ("hausdorff_distance", 1))
    lines = []
    for row in rows_of(found[0], SCORES):
        means = [
            f"{statistics.fmean(row['values'][when][metric]['mean']):.{digits}f}"
            for metric, digits in metrics
            for when in ("before", "after")
        ]
        lines.append([row["name"], *means])
    heads = ["network", "Dice before", "after", "ASD before", "after", "Hausdorff before", "after"]
    return markdown.table(heads, lines)


def steps(found: Sequence[Result]) -> list[str]:
    """Shows time and memory of a training step, beside the paper's Table I."""
    seconds, memory = (
        {row["name"]: row["values"]["isthmus"] for row in rows_of(found[0], unit) if row["name"] in NETWORKS}
        for unit in (SECONDS, BYTES)
    )
    parameters = {row["name"]: row["facts"]["parameters"] for row in rows_of(found[0], SECONDS)}
    lines = [
        [
            name,
            f"{parameters[name]:,}",
            markdown.mib(memory[name]),
            f"{memory[name] / memory['dstnet1']:.2f}",
            PRINTED.get(name),
            f"{seconds[name]:.2f}",
            f"{seconds[name] / seconds['dstnet1']:.2f}",
        ]
        for name in seconds
    ]
    return markdown.table(
        ["network", "parameters", "MiB", "of DstNet1", "paper, MB", "seconds", "of DstNet1"], lines
    )


def cases(found: Sequence[Result]) -> list[str]:
    """Names the scans of the pictures."""
    pictures = found[0]["facts"]["pictures"]
    return markdown.text(
        f"The pictures below show {pictures['middle']}, the middle scan by HMEDN's ASD, and {pictures['worst']}, its",
        "worst.",
    )


BENCHMARK = Benchmark(
    rows,
    {
        "changes": changes,
        "scores": scores,
        "verdict": verdict,
        "cleanup": cleanup,
        "steps": steps,
        "cases": cases,
    },
    facts,
)
