"""The table of scores: each measure of each network, beside the paper's own numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from isthmus.report.printed import PrintedTable
from isthmus.report.summary import DASH, number
from isthmus.report.tables import Cell, Table
from isthmus.studies.floors import warning
from isthmus.studies.results import ALL, Results
from isthmus.studies.significance import NAMES, as_good_as_best, samples
from isthmus.studies.study import Measure
from isthmus.studies.tables.about import about, columns_about


def score_table(results: Results) -> PrintedTable:
    """Returns a row for each data set (and class) and network, with each measure of ours and of the paper."""
    study = results.study
    beside = {m.name for m in study.measures if any(key[2] == m.name for key in results.printed)}
    partial = any(
        len(results.of(data, name)) < results.planned(data, name)
        for data in results.data
        for name in results.networks
    )
    rows, records = [], []
    doubt = warning(results)
    for data, label, title in results.places():
        bold = {m.name: set() for m in study.measures} if doubt else _bold(results, data, label)
        for network in results.networks:
            done, planned = len(results.of(data, network)), results.planned(data, network)
            if not planned:
                continue
            cells, record = _measures(results, (data, label, network), beside, bold)
            ending = [Cell(f"{done} of {planned}", done)] if partial else []
            rows.append([Cell(title), Cell(network), *cells, *ending])
            where = {"data": data, "class": "" if label == ALL else label, "network": network}
            records.append(
                where | record | {"cells": done, "cells planned": planned} | columns_about(results)
            )
    columns = [("Data", False), ("Network", False)]
    for measure in study.measures:
        columns.append((measure.name, True))
        columns += [(f"{measure.name}, paper", True)] if measure.name in beside else []
    columns += [("Cells", True)] if partial else []
    bold_means = (
        "Bold: the best mean and those not significantly different "
        f"from it ({NAMES[study.test]}, Holm correction, alpha {study.alpha:g}). In the table of pairwise "
        "comparisons, bold marks a significant difference. "
    )
    caption = (
        f"{doubt}Mean ± standard deviation over {study.over}. {'' if doubt else bold_means}"
        f"{_left_out(results)}{about(results)}"
    )
    return PrintedTable("scores", study.title or study.name, caption, Table(columns, rows), records)


def _bold(results: Results, data: str, label: str) -> dict[str, set[str]]:
    """Returns for each measure the networks that are printed in bold."""
    share = results.share(data)
    return {
        m.name: set()
        if m.is_cost
        else as_good_as_best(results.study, m, samples(results, data, label, m), share)
        for m in results.study.measures
    }


def _measures(
    results: Results, place: tuple[str, str, str], beside: set[str], bold: Mapping[str, set[str]]
) -> tuple[list[Cell], dict[str, Any]]:
    """Returns the cells of the page and the columns of the CSV for one (data set, class, network)."""
    data, label, network = place
    cells: list[Cell] = []
    record: dict[str, Any] = {}
    for measure in results.study.measures:
        name, strong = measure.name, network in bold[measure.name]
        mean, sd, n = _ours(results, place, measure)
        cells.append(Cell(_mean_sd(mean, sd, measure.digits), mean, strong=strong))
        record |= {name: mean, f"{name}, sd": sd, f"{name}, n": n, f"{name}, bold": int(strong)}
        if name in beside:
            printed = results.in_paper(data, label, network, measure)
            cells.append(Cell(_as_printed(*printed), printed[0]))
            record[f"{name}, paper"], record[f"{name}, sd, paper"] = printed
    return cells, record


def _ours(results: Results, place: tuple[str, str, str], measure: Measure) -> tuple[float, float, int]:
    """Returns mean, standard deviation and number of values."""
    data, label, network = place
    if measure.is_cost:
        return results.cost(data, network, measure), math.nan, len(results.of(data, network))
    spread = results.sample(data, network, label, measure).spread(results.study.over)
    return spread.mean, spread.sd, spread.n


def _left_out(results: Results) -> str:
    """Returns which networks have cases without a score, which their means leave out."""
    found = []
    for data, label, title in results.places():
        for measure in (m for m in results.study.measures if not m.is_cost):
            for network in results.networks:
                sample = results.sample(data, network, label, measure)
                if sample.undefined:
                    count = f"{sample.undefined} of {sample.undefined + len(sample.values)}"
                    found.append(f"{measure.name} of {network} on {title} for {count}")
    return f"No score, and left out of the mean: {'; '.join(found)}. " if found else ""


def _mean_sd(mean: float, sd: float, digits: int) -> str:
    return number(mean, digits) + ("" if math.isnan(sd) else f" ± {number(sd, digits)}")


def _as_printed(mean: float, sd: float) -> str:
    if math.isnan(mean):
        return DASH
    return f"{mean:.10g}" + ("" if math.isnan(sd) else f" ± {sd:.10g}")
