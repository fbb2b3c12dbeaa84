"""The tables of pairwise differences and of non-inferiority."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from isthmus.comparison.differences import Claim, Difference
from isthmus.comparison.options import CompareOptions
from isthmus.comparison.scores import ProgramScores
from isthmus.comparison.tables.texts import (
    class_cell,
    class_column,
    how_clustered,
    interval_text,
    name_of_test,
    unit_text,
)
from isthmus.report.printed import PrintedTable
from isthmus.report.summary import DASH, decimals, number, p_text, title
from isthmus.report.tables import Cell, Table
from isthmus.statistics import Outcome

WORDS = ("lower is better", "neither is better", "higher is better")


def difference_table(
    scores: ProgramScores, found: Sequence[Difference], options: CompareOptions
) -> PrintedTable:
    """Returns a row for every two programs in each class and metric."""
    metrics = list(dict.fromkeys(each.metric for each in found))
    columns = [*class_column(scores), ("Metric", False), ("Programs", False)]
    numbers = ("Difference", "95 % interval", "p", "p, Holm", "dz", "r", "Wins–ties–losses")
    with_n = _has_gaps(scores, found)
    columns += [(name, True) for name in (*numbers, *["n"] * with_n)]
    main = title(metrics[0]) if metrics else DASH
    caption = (
        "The first program minus the second. Interval: BCa bootstrap of the mean difference. p: "
        f"{name_of_test(scores)}, two-sided. Holm's correction is over the pairs of programs in one metric and class. "
        f"Metrics are not corrected for each other: only the first one ({main}) confirms anything, the others "
        f"describe. Bold: at most alpha = {options.alpha:g}. dz: Cohen's d of paired scores; r: rank-biserial "
        "correlation, from -1 to 1. Wins are cases in which the first program is better. "
        f"{'n: cases in which both programs have a score. ' * with_n}"
        f"{how_clustered(scores)}{unit_text(metrics, scores)}"
    )
    return PrintedTable(
        "differences",
        "Pairwise differences",
        caption,
        Table(columns, [_row(scores, each, options, with_n) for each in found]),
        [_record(each, options) for each in found],
    )


def _has_gaps(scores: ProgramScores, found: Sequence[Difference]) -> bool:
    """Returns whether the programs of a pair do not have scores in all cases."""
    return any(each.comparison.n < len(scores.cases) for each in found)


def _row(scores: ProgramScores, each: Difference, options: CompareOptions, with_n: bool) -> list[Cell]:
    c, adjusted = each.comparison, _known(each.comparison.adjusted)
    digits = decimals(each.metric, [c.difference, *_limits(each)])
    record = each.record
    return [
        *class_cell(scores, each.label),
        Cell(title(each.metric)),
        Cell(f"{c.first} − {c.second}"),
        Cell(number(c.difference, digits), c.difference),
        Cell(interval_text(c.interval, digits), _limits(each)[0]),
        Cell(p_text(c.wilcoxon.p), c.wilcoxon.p),
        Cell(p_text(adjusted), adjusted, strong=adjusted <= options.alpha),
        Cell(number(c.dz, 2), c.dz),
        Cell(number(c.rank_biserial, 2), c.rank_biserial),
        Cell(DASH if record is None else "–".join(map(str, record)), record[0] if record else math.nan),
        *[Cell(str(c.n), c.n)] * with_n,
    ]


def _record(each: Difference, options: CompareOptions) -> dict[str, Any]:
    c = each.comparison
    low, high = _limits(each)
    wins, ties, losses = each.record or (math.nan, c.equal, math.nan)
    return {
        "class": each.label,
        "metric": each.metric,
        "better": WORDS[each.sign + 1].split(" ")[0],
        "first": c.first,
        "second": c.second,
        "cases": c.n,
        "groups": c.n if c.groups is None else c.groups,
        "difference": c.difference,
        "sd of differences": c.sd,
        "low": low,
        "high": high,
        "W": c.wilcoxon.statistic,
        "p": c.wilcoxon.p,
        "p, Holm": _known(c.adjusted),
        "alpha": options.alpha,
        "t": _of(c.t, "statistic"),
        "df": _of(c.t, "df"),
        "p, t": _of(c.t, "p"),
        "dz": c.dz,
        "rank biserial": c.rank_biserial,
        "superiority": c.superiority,
        "wins": wins,
        "ties": ties,
        "losses": losses,
    }


def claim_table(
    scores: ProgramScores, found: Sequence[Claim], metric: str, options: CompareOptions
) -> PrintedTable | None:
    """Returns a row for either direction of each pair; None without a margin."""
    if not found or options.margin is None:
        return None
    rows, records = [], []
    for each in found:
        low, high = (each.interval.low, each.interval.high) if each.interval else (math.nan, math.nan)
        bound = {1: low, -1: high}.get(options.sign(metric), math.nan)
        digits = decimals(metric, [options.margin, low, high])
        rows.append(
            [
                *class_cell(scores, each.label),
                Cell(each.new),
                Cell(each.reference),
                Cell(number(each.difference, digits), each.difference),
                Cell(number(bound, digits), bound),
                Cell(
                    _claimed(each, options.sign(metric)), strong=each.verdict in ("superior", "non-inferior")
                ),
            ]
        )
        records.append(
            {
                "class": each.label,
                "metric": metric,
                "new": each.new,
                "reference": each.reference,
                "difference": each.difference,
                "low": low,
                "high": high,
                "bound": bound,
                "margin": options.margin,
                "verdict": each.verdict or "",
            }
        )
    columns = [*class_column(scores), ("Program", False), ("Reference", False)]
    columns += [("Difference", True), ("Bound", True), ("Verdict", False)]
    return PrintedTable(
        "non-inferiority", "Non-inferiority", _rule(metric, options), Table(columns, rows), records
    )


def _claimed(each: Claim, sign: int) -> str:
    if each.verdict is None:
        return "too few cases" if sign else "neither is better"
    return "not shown" if each.verdict == "inconclusive" else each.verdict


def _rule(metric: str, options: CompareOptions) -> str:
    higher = options.sign(metric) >= 0
    side, beyond = ("lower", "above") if higher else ("upper", "below")
    margin = options.margin or 0.0
    limit = number(-margin if higher else margin, decimals(metric, [margin]))
    return (
        f"{title(metric)}, program minus reference. Bound: the {side} limit of the two-sided interval of 95 %, which "
        f"is a one-sided bound of 97.5 %. A program is non-inferior if this bound lies {beyond} {limit} (the margin is "
        f"{margin:g}), superior if the bound even lies on the better side of 0, and inferior if the whole interval "
        "lies beyond the margin. Not shown: the data decide neither, which does not mean that the programs are equal. "
        "The verdicts are not corrected for their number, and count only if the margin was chosen before the scores "
        "were seen (CONSORT extension: Piaggio et al., JAMA 2012, doi:10.1001/jama.2012.87802)."
    )


def _limits(each: Difference) -> tuple[float, float]:
    between = each.comparison.interval
    return (between.low, between.high) if between else (math.nan, math.nan)


def _of(outcome: Outcome | None, name: str) -> float:
    value = getattr(outcome, name, None)
    return math.nan if value is None else float(value)


def _known(value: float | None) -> float:
    return math.nan if value is None else value
