"""The table of pairwise comparisons: their difference, its interval, and the tests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from isthmus.report.printed import PrintedTable
from isthmus.report.summary import DASH, number, p_text
from isthmus.report.tables import Cell, Table
from isthmus.statistics import cases_needed
from isthmus.studies.floors import warning
from isthmus.studies.results import ALL, Results, case_measures
from isthmus.studies.significance import NAMES, Pair, every_pair
from isthmus.studies.study import Measure
from isthmus.studies.tables.about import about, columns_about


def pair_table(results: Results) -> PrintedTable | None:
    """Returns a row for each pair of networks, on the first measure of cases; None if there is no pair."""
    measure = case_measures(results)[0]
    pairs = [
        pair for data, label, _ in results.places() for pair in every_pair(results, data, label, measure)
    ]
    if not pairs:
        return None
    doubt = warning(results)
    claims = any(key[2] == measure.name for key in results.printed)
    rows = [_Row.of(results, pair, measure, not doubt) for pair in pairs]
    columns = [("Data", False), ("First", False), ("Second", False)]
    columns += [(name, True) for name in ("Cases", "Difference", "95 % interval", "p", "p, Holm", "dz")]
    columns += [("Difference, paper", True), ("Cases needed", True)] if claims else []
    return PrintedTable(
        "tests",
        f"Pairwise comparisons, {measure.name}",
        doubt + _caption(results, measure, claims, not doubt),
        Table(columns, [row.cells(claims) for row in rows]),
        [row.record() for row in rows],
    )


def _caption(results: Results, measure: Measure, claims: bool, bold: bool) -> str:
    study = results.study
    caption = (
        f"{measure.name}, first minus second; each case counts once (the mean over the folds and repeats that scored "
        f"it). p: {NAMES[study.test]}. Intervals: BCa bootstrap, of whole folds if each case belongs to one fold. "
        "With so few folds they are too short: for five folds they hold the true difference in four of five cases; "
        "for fewer than four folds there is none. "
    )
    if bold:
        caption += (
            f"Bold: p after Holm correction is at most alpha = {study.alpha:g}, a significant difference. In the table "
            "of scores, bold marks the best and those not significantly different from it. "
        )
    if claims:
        caption += (
            "Cases needed: the number of cases at which a paired t-test finds the paper's difference with a power of "
            "80 %, given the deviation of our differences. "
        )
    return caption + about(results)


@dataclass(frozen=True)
class _Row:
    """Two networks, with what is shown of them."""

    results: Results
    pair: Pair
    measure: Measure
    interval: tuple[float, float]  # NaN if there is none
    p: float
    claimed: float  # the paper's difference
    needed: float  # cases that are needed to find it
    bold: bool  # whether it is a significant difference and no cell of the study speaks against it

    @classmethod
    def of(cls, results: Results, pair: Pair, measure: Measure, comparable: bool) -> _Row:
        interval = pair.comparison.interval
        low_high = (interval.low, interval.high) if interval else (math.nan, math.nan)
        p = pair.test.p if pair.test else math.nan
        bold = comparable and pair.adjusted <= results.study.alpha
        return cls(results, pair, measure, low_high, p, *_claim(results, pair, measure), bold)

    def cells(self, claims: bool) -> list[Cell]:
        """Returns the row of the page."""
        c, digits, (low, high) = self.pair.comparison, self.measure.digits, self.interval
        adjusted = self.pair.adjusted
        interval = f"{number(low, digits)} to {number(high, digits)}" if c.interval else DASH
        cells = [
            Cell(self.results.title(self.pair.data, self.pair.label)),
            Cell(c.first),
            Cell(c.second),
            Cell(str(c.n), c.n),
            Cell(number(c.difference, digits), c.difference),
            Cell(interval, low),
            Cell(p_text(self.p), self.p),
            Cell(p_text(adjusted), adjusted, strong=self.bold),
            Cell(number(c.dz, 2), c.dz),
        ]
        if claims:
            cells.append(Cell(number(self.claimed, digits), self.claimed))
            cells.append(Cell(_count_text(self.needed), self.needed))
        return cells

    def record(self) -> dict[str, Any]:
        """Returns the row of the CSV."""
        c, adjusted, alpha = self.pair.comparison, self.pair.adjusted, self.results.study.alpha
        return {
            "data": self.pair.data,
            "class": "" if self.pair.label == ALL else self.pair.label,
            "measure": self.measure.name,
            "first": c.first,
            "second": c.second,
            "cases": c.n,
            "difference": c.difference,
            "sd of differences": c.sd,
            "low": self.interval[0],
            "high": self.interval[1],
            "p": self.p,
            "p, Holm": adjusted,
            "alpha": alpha,
            "shown to differ, bold": int(self.bold),
            "p, t over cases": c.t.p if c.t else math.nan,
            "p, Wilcoxon over cases": c.wilcoxon.p,
            "p, corrected resampled t": c.corrected.p if c.corrected else math.nan,
            "dz": c.dz,
            "rank biserial": c.rank_biserial,
            "superiority": c.superiority,
            "difference, paper": self.claimed,
            "cases needed": self.needed,
        } | columns_about(self.results)


def _claim(results: Results, pair: Pair, measure: Measure) -> tuple[float, float]:
    """Returns the paper's difference, and the number of cases needed to find it with our deviation of differences."""
    names, sd = (pair.comparison.first, pair.comparison.second), pair.comparison.sd
    a, b = (results.in_paper(pair.data, pair.label, name, measure)[0] for name in names)
    claimed = a - b
    if math.isnan(claimed) or math.isnan(sd):
        return claimed, math.nan
    return claimed, cases_needed(claimed, sd)


def _count_text(n: float) -> str:
    return DASH if math.isnan(n) else "∞" if math.isinf(n) else f"{n:.0f}"
