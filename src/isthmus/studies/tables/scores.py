"""The tables of a study: scores beside the paper's own, tests, and what selection adds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from isthmus.data.splits.protocols import EPOCH, GROUP_NOTES, OVERLAPPING, PROTOCOLS
from isthmus.errors import IsthmusError
from isthmus.report.summary import DASH, number
from isthmus.report.tables import Cell, Table
from isthmus.statistics import cases_needed, optimism_across_folds, optimism_of_selection
from isthmus.studies.results import ALL, Results, recipe_value
from isthmus.studies.significance import NAMES, Pair, as_good_as_best, every_pair, samples
from isthmus.studies.study import Measure
from isthmus.studies.study_folder import StudyFolder
from isthmus.studies.tables.cells import cells
from isthmus.studies.tables.formats import Sheet

SPREADS = {"cases": "over cases", "folds": "over folds", "repeats": "over repeats"}


def all_sheets(results: Results, folder: StudyFolder) -> list[Sheet]:
    """Every table of a study."""
    found = [scores(results), tests(results), optimism(results), cells(results, folder)]
    return [sheet for sheet in found if sheet is not None]


def scores(results: Results) -> Sheet:
    """A row for each data set (and class) and network: each measure, ours and the paper's."""
    study = results.study
    beside = {m.name for m in study.measures if any(key[2] == m.name for key in results.printed)}
    partial = any(
        len(results.of(d, n)) < results.planned(d, n) for d in results.data for n in results.networks
    )
    rows, records = [], []
    for data, label, title in results.places():
        bold = {
            m.name: set()
            if m.is_cost
            else as_good_as_best(study, m, samples(results, data, label, m), results.share(data))
            for m in study.measures
        }
        for network in results.networks:
            done, planned = len(results.of(data, network)), results.planned(data, network)
            if not planned:
                continue
            cells = [Cell(title), Cell(network)]
            record: dict[str, Any] = {
                "data": data,
                "class": "" if label == ALL else label,
                "network": network,
            }
            for measure in study.measures:
                mean, sd, n = _ours(results, data, network, label, measure)
                strong = network in bold[measure.name]
                cells.append(Cell(_mean_sd(mean, sd, measure.digits), mean, strong=strong))
                record |= {measure.name: mean, f"{measure.name}, sd": sd, f"{measure.name}, n": n}
                record[f"{measure.name}, bold"] = int(strong)
                if measure.name in beside:
                    printed = results.in_paper(data, label, network, measure)
                    cells.append(Cell(_as_printed(*printed), printed[0]))
                    record[f"{measure.name}, paper"], record[f"{measure.name}, sd, paper"] = printed
            if partial:
                cells.append(Cell(f"{done} of {planned}", done))
            record |= {"cells": done, "cells planned": planned} | _about(results)
            rows.append(cells)
            records.append(record)
    columns = [("Data", False), ("Network", False)]
    for measure in study.measures:
        columns.append((measure.name, True))
        columns += [(f"{measure.name}, paper", True)] if measure.name in beside else []
    columns += [("Cells", True)] if partial else []
    caption = (
        f"Mean ± standard deviation {SPREADS[study.over]}. Bold: the best mean and what is not shown to differ "
        f"from it ({NAMES[study.test]}, Holm, alpha {study.alpha:g}); bold is as good as the best here, and "
        f"a difference that is shown in the table of every two networks. {_left_out(results)}{about(results)}"
    )
    return Sheet("scores", study.title or study.name, caption, Table(columns, rows), records)


def tests(results: Results) -> Sheet | None:
    """Every two networks on the first measure of cases."""
    measure = _main(results)
    pairs = [
        pair for data, label, _ in results.places() for pair in every_pair(results, data, label, measure)
    ]
    if not pairs:
        return None
    study, digits = results.study, measure.digits
    claims = any(key[2] == measure.name for key in results.printed)
    rows, records = [], []
    for pair in pairs:
        c = pair.comparison
        low, high = (c.interval.low, c.interval.high) if c.interval else (math.nan, math.nan)
        p = pair.test.p if pair.test else math.nan
        claimed, needed = _claim(results, pair, measure)
        cells = [
            Cell(results.title(pair.data, pair.label)),
            Cell(c.first),
            Cell(c.second),
            Cell(str(c.n), c.n),
            Cell(number(c.difference, digits), c.difference),
            Cell(f"{number(low, digits)} to {number(high, digits)}" if c.interval else DASH, low),
            Cell(_p(p), p),
            Cell(_p(pair.adjusted), pair.adjusted, strong=pair.adjusted <= study.alpha),
            Cell(number(c.dz, 2), c.dz),
        ]
        if claims:
            cells += [Cell(number(claimed, digits), claimed), Cell(_count(needed), needed)]
        rows.append(cells)
        records.append(
            {
                "data": pair.data,
                "class": "" if pair.label == ALL else pair.label,
                "measure": measure.name,
                "first": c.first,
                "second": c.second,
                "cases": c.n,
                "difference": c.difference,
                "sd of differences": c.sd,
                "low": low,
                "high": high,
                "p": p,
                "p, Holm": pair.adjusted,
                "alpha": study.alpha,
                "shown to differ, bold": int(pair.adjusted <= study.alpha),
                "p, t over cases": c.t.p if c.t else math.nan,
                "p, Wilcoxon over cases": c.wilcoxon.p,
                "p, corrected resampled t": c.corrected.p if c.corrected else math.nan,
                "dz": c.dz,
                "rank biserial": c.rank_biserial,
                "superiority": c.superiority,
                "difference, paper": claimed,
                "cases needed": needed,
            }
            | _about(results)
        )
    columns = [("Data", False), ("First", False), ("Second", False)]
    columns += [(name, True) for name in ("Cases", "Difference", "95 % interval", "p", "p, Holm", "dz")]
    columns += [("Difference, paper", True), ("Cases needed", True)] if claims else []
    caption = (
        f"{measure.name}, first minus second, each case once (the mean over the folds and repeats that scored it); "
        f"p: {NAMES[study.test]}; intervals by the BCa bootstrap, of whole folds where every case has one "
        "(too short for so few: of five folds they hold the truth in four of five cases; of fewer than four none). "
        f"Bold: p after Holm is at most alpha = {study.alpha:g}, so the two are shown to differ; in the table of "
        "scores bold is the best and what is not shown to differ from it. "
    )
    if claims:
        caption += (
            "Cases needed: for a paired t-test with a power of 80 % to see the paper's difference, given the "
            "deviation of ours. "
        )
    return Sheet(
        "tests",
        f"Every two networks, {measure.name}",
        caption + about(results),
        Table(columns, rows),
        records,
    )


def optimism(results: Results) -> Sheet | None:
    """What choosing the best epoch adds to the score: on the scored fold, or on validation cases against test."""
    rows, records = [], []
    column = "validation_dice"
    for data in results.data:
        for network in results.networks:
            found = results.of(data, network)
            column, curves = results.curves(data, network)
            metric = column.removeprefix("validation_")
            try:
                if found and all(x.run.sets[0] == "test" for x in found):
                    tested = [_mean(x.run.leading, metric) for x in found]
                    one, how = optimism_of_selection(curves, tested), "validation against test"
                else:
                    one, how = (
                        optimism_across_folds(curves),
                        "the fold's own epoch against that of the others",
                    )
            except IsthmusError:
                continue  # one fold, or one whose scores are not there
            figures = (one.optimistic, one.clean, one.gain)
            rows.append(
                [
                    Cell(results.title(data, ALL)),
                    Cell(network),
                    *(Cell(number(x, 4), x) for x in figures),
                    Cell(how),
                ]
            )
            record: dict[str, Any] = {"data": data, "network": network, "score": metric}
            record |= {"best epoch": one.optimistic, "clean": one.clean, "gain": one.gain}
            records.append(record | {"runs": len(one.by_run), "how": how} | _about(results))
    if not rows:
        return None
    columns = [
        ("Data", False),
        ("Network", False),
        ("Best epoch", True),
        ("Clean", True),
        ("Gain", True),
        ("How", False),
    ]
    what = "IoU" if column.endswith("iou") else "Dice"
    caption = (
        f"{what} with the epoch chosen on the scored cases, and chosen without them; the gain is optimism, "
        f"not quality. {about(results)}"
    )
    return Sheet("optimism", "What choosing the best epoch adds", caption, Table(columns, rows), records)


def about(results: Results) -> str:
    """Scale, grid and protocol: what every table has to say."""
    return " ".join(_sentences(results))


def _sentences(results: Results) -> Iterable[str]:
    plan, study = results.plan, results.study
    if plan.scale == "small":
        yield "Scale: small (networks, images and epochs are reduced; nothing here can be held against the paper)."
    elif plan.scale:
        yield "Scale: as in the paper."
    if plan.drawn:
        yield f"Phantoms stand in for the data that was not given: {', '.join(plan.drawn)}."
    if plan.absent:
        yield f"Not given, and left out: {', '.join(plan.absent)}."
    yield f"Cases: {', '.join(f'{name} {count}' for name, count in _cases(results).items())}."
    grids = {grid for x in results.found for grid in x.run.grids}
    named = {"network": "on the grid that the network sees", "original": "on the images' own grid"}
    if grids:
        yield f"Scored {' and '.join(named.get(grid, grid) for grid in sorted(grids))}."
    kind = recipe_value(results, "protocol.kind")
    if kind in PROTOCOLS:
        sets = {x.scores(study.scored)[0].set for x in results.found}
        on = f"; scored: the {' and '.join(sorted(sets))} cases" if sets else ""
        folds, repeats = _times(len(study.fold_numbers()), "fold"), _times(study.repeats, "repeat")
        yield f"Protocol: {kind} ({PROTOCOLS[kind]}); {folds}, {repeats}{on}."
    notes = [EPOCH] if any(x.scores(study.scored)[0].set == "validation" for x in results.found) else []
    notes += [
        note
        for x in results.found
        for note in x.run.splits.get("notes") or ()
        if note in (EPOCH, OVERLAPPING, *GROUP_NOTES.values())
    ]
    for note in dict.fromkeys(notes):
        yield f"{note[0].upper()}{note[1:]}."


def _left_out(results: Results) -> str:
    """Which networks have cases without a score, whose means are of the others."""
    found = []
    for data, label, title in results.places():
        for measure in (m for m in results.study.measures if not m.is_cost):
            for network in results.networks:
                sample = results.sample(data, network, label, measure)
                if sample.undefined:
                    of = sample.undefined + len(sample.values)
                    found.append(f"{measure.name} of {network} on {title} for {sample.undefined} of {of}")
    return f"No score, and left out of the mean: {'; '.join(found)}. " if found else ""


def _cases(results: Results) -> dict[str, int]:
    """How many cases each data set has, in all sets of its splits."""
    found: dict[str, set[str]] = {}
    for x in results.found:
        for ids in (x.run.splits.get(name) or () for name in ("train", "validation", "test")):
            found.setdefault(x.cell.data, set()).update(ids)
    return {name: len(ids) for name, ids in found.items()}


def _times(count: int, word: str) -> str:
    """
    >>> _times(1, "fold"), _times(5, "fold")
    ('1 fold', '5 folds')
    """
    return f"{count} {word}{'s' if count != 1 else ''}"


def _about(results: Results) -> dict[str, str]:
    """The same for every record of a CSV."""
    plan = results.plan
    kind = recipe_value(results, "protocol.kind")
    grids = sorted({grid for x in results.found for grid in x.run.grids})
    return {
        "scale": plan.scale,
        "phantoms": ", ".join(plan.drawn),
        "grid of pixels": ", ".join(grids),
        "protocol": str(kind or ""),
    }


def _ours(
    results: Results, data: str, network: str, label: str, measure: Measure
) -> tuple[float, float, int]:
    if measure.is_cost:
        return results.cost(data, network, measure), math.nan, len(results.of(data, network))
    spread = results.sample(data, network, label, measure).spread(results.study.over)
    return spread.mean, spread.sd, spread.n


def _main(results: Results) -> Measure:
    """The first measure that is of cases."""
    return next((m for m in results.study.measures if not m.is_cost), results.study.measures[0])


def _claim(results: Results, pair: Pair, measure: Measure) -> tuple[float, float]:
    """The paper's difference, and the cases that it takes to see it with our deviation of differences."""
    names, sd = (pair.comparison.first, pair.comparison.second), pair.comparison.sd
    a, b = (results.in_paper(pair.data, pair.label, name, measure)[0] for name in names)
    claimed = a - b
    if math.isnan(claimed) or math.isnan(sd):
        return claimed, math.nan
    return claimed, cases_needed(claimed, sd)


def _mean(rows: Iterable[Any], metric: str) -> float:
    values = [x.values[metric] for x in rows if not math.isnan(x.values[metric])]
    return math.fsum(values) / len(values) if values else math.nan


def _mean_sd(mean: float, sd: float, digits: int) -> str:
    return number(mean, digits) + ("" if math.isnan(sd) else f" ± {number(sd, digits)}")


def _as_printed(mean: float, sd: float) -> str:
    if math.isnan(mean):
        return DASH
    return f"{mean:.10g}" + ("" if math.isnan(sd) else f" ± {sd:.10g}")


def _p(p: float) -> str:
    return DASH if math.isnan(p) else "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def _count(n: float) -> str:
    return DASH if math.isnan(n) else "∞" if math.isinf(n) else f"{n:.0f}"
