"""Several runs on the same cases, beside each other on one self-contained page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from isthmus.errors import IsthmusError
from isthmus.metrics.table import direction
from isthmus.report import drawing, gallery, run_page, tables
from isthmus.report import summary as s
from isthmus.report.charts import case_scores, training_curves
from isthmus.report.tables import Cell, Table
from isthmus.runs.results import Run, Score, read_run
from isthmus.statistics import holm, wilcoxon

ALPHA = 0.05
"""The level of the tests by which means stand out."""


def write_comparison(
    runs: Sequence[Path],
    out: Path,
    title: str,
    *,
    images: Sequence[gallery.Images] | None = None,
    limit: int = 30,
) -> Path:
    """Writes one page that sets several runs side by side, on the cases that all of them scored.

    Args:
        runs: two to six run folders, whose order is kept.
        out: the page to write.
        title: its heading.
        images: for each run what `write_report` takes: from a case id to `(image, truth, predicted)`. None
            leaves the gallery out.
        limit: how many cases the gallery shows; the best, the median, the worst and the case on which the
            runs differ most are always there.

    Returns:
        `out`.

    Raises:
        IsthmusError: the number of runs is not two to six, they share no scored case, no metric or no grid, or a
            folder is not what it should be. A picture that cannot be drawn does not stop the page.
    """
    if not 2 <= len(runs) <= 6:
        raise IsthmusError(
            f"a comparison takes two to six runs, {len(runs)} given; give that many run folders"
        )
    if images is not None and len(images) != len(runs):
        raise IsthmusError(
            f"{len(runs)} runs but pictures for {len(images)}; give one source of pictures for each run"
        )
    folders = [read_run(path) for path in runs]
    metrics = _shared_metrics(folders)
    scored = _shared_scores(folders)
    main = metrics[0]
    columns = [s.by_case(scores, main) for scores in scored]
    averages = {case: sum(column[case] for column in columns) / len(columns) for case in columns[0]}
    order = s.ranked(averages, main)
    tags = _tags(order, columns)
    shown = [*tags, *(case for case in order if case not in tags)][: max(limit, len(tags))]
    names = _names(folders)
    exhibits: list[gallery.Exhibit] = []
    undrawn: list[str] = []
    load = [gallery.loader(each) for each in images or ()]
    for case in shown if load else []:
        anchor = f"case-{order.index(case) + 1}"
        try:
            exhibits.append(_exhibit(case, anchor, tags.get(case, ""), names, scored, main, load))
        except IsthmusError as error:
            undrawn.append(f"{case}: {error}")
    classes = list(dict.fromkeys(x.label for x in scored[0]))
    return run_page.render(
        "comparison.html",
        Path(out),
        title=title,
        runs=folders,
        cases=len(order),
        grid=s.on_grid(sorted({x.grid for x in scored[0]})),
        left_out=sum(len({x.case for x in f.leading}) for f in folders) > len(order) * len(folders),
        optimistic=any(f.sets[0] == "validation" and f.epochs > 1 for f in folders),
        main=s.title(main),
        distances=any("distance" in metric for metric in metrics),
        overview=_overview(folders, names, scored, metrics),
        charts=training_curves(folders),
        lines=run_page.line_key(names),
        distribution=case_scores(s.title(main), [[column[case] for case in order] for column in columns]),
        markers=run_page.marker_key(names),
        table=_table(order, names, scored, metrics, {e.case: e.anchor for e in exhibits}),
        exhibits=exhibits,
        undrawn=undrawn,
        several=len(classes) > 1,
        key=run_page.key(classes) if len(classes) > 1 else [],
        reproduce=[(name, run_page.command(folder)) for name, folder in zip(names, folders, strict=True)],
    )


def _names(runs: Sequence[Run]) -> list[str]:
    """The networks' names, with the folder's where two runs have the same network."""
    count = Counter(run.network for run in runs)
    return [run.network if count[run.network] == 1 else f"{run.network} ({run.path.name})" for run in runs]


def _shared_metrics(runs: Sequence[Run]) -> tuple[str, ...]:
    shared = tuple(m for m in s.leading(runs[0]) if all(m in run.metrics for run in runs))
    if not shared:
        raise IsthmusError(f"{runs[1].path}: shares no metric with {runs[0].path}; score both runs alike")
    return shared


def _shared_scores(runs: Sequence[Run]) -> list[list[Score]]:
    """For each run the scores of the cases and classes that every run scored."""
    grids = [run.leading[0].grid for run in runs]
    if len(set(grids)) > 1:
        raise IsthmusError(
            f"{runs[1].path}: scored {s.on_grid(grids[1:2]) or 'on a grid it does not name'}, but {runs[0].path} "
            f"{s.on_grid(grids[:1]) or 'on a grid it does not name'}; score both runs alike"
        )
    found = [{(x.case, x.label): x for x in run.leading} for run in runs]
    shared = [key for key in found[0] if all(key in each for each in found)]
    if not shared:
        raise IsthmusError(
            f"{runs[1].path}: shares no scored case with {runs[0].path}; give runs on the same split"
        )
    return [[each[key] for key in shared] for each in found]


def _tags(order: Sequence[str], columns: Sequence[dict[str, float]]) -> dict[str, str]:
    """Best, median and worst on average over the runs, and where the runs are furthest apart."""
    spread = {case: max(c[case] for c in columns) - min(c[case] for c in columns) for case in order}
    finite = [case for case in order if math.isfinite(spread[case])]
    tags = s.landmarks(order)
    if len(order) > 3 and finite:
        apart = max(finite, key=lambda case: spread[case])
        tags[apart] = f"{tags[apart]}, and the largest difference" if apart in tags else "Largest difference"
    return tags


def _best(means: Sequence[float], metric: str) -> set[int]:
    finite = [m for m in means if math.isfinite(m)]
    sign = direction(metric)
    if not finite or sign == 0:
        return set()
    best = sign * max(sign * mean for mean in finite)
    return {i for i, m in enumerate(means) if m == best}


def _not_different(columns: Sequence[dict[str, float]], metric: str) -> set[int]:
    """The best mean, and all that are not shown to differ from it, on the cases where each run has a value."""
    cases = [case for case in columns[0] if not any(math.isnan(column[case]) for column in columns)]
    sign = direction(metric)
    if not cases or sign == 0:
        return set()
    values = [[column[case] for case in cases] for column in columns]
    means = [sum(each) / len(each) for each in values]
    best = max(range(len(means)), key=lambda i: sign * means[i])
    others = [i for i in range(len(values)) if i != best]
    adjusted = holm([wilcoxon(values[best], values[i]).p for i in others])
    return {best, *(i for i, p in zip(others, adjusted, strict=True) if p > ALPHA)}


def _overview(
    runs: Sequence[Run], names: Sequence[str], scored: Sequence[Sequence[Score]], metrics: Sequence[str]
) -> Table:
    """A row for each run; the best mean of each metric stands out, and what is not shown to differ from it."""
    found = [s.summarise(scores) for scores in scored]
    best = {m: _not_different([s.by_case(scores, m) for scores in scored], m) for m in metrics}
    rows = []
    for i, (run, name, scores) in enumerate(zip(runs, names, scored, strict=True)):
        one = found[i][metrics[0]]
        rows.append(
            [
                Cell(name),
                *(tables.mean_cell(scores, m, strong=i in best[m]) for m in metrics),
                *(tables.count_cell(n, run.has_counts) for n in (one.n_missed, one.n_both_empty)),
                Cell(s.DASH if run.parameters is None else f"{run.parameters:,}", run.parameters or math.nan),
                Cell(
                    s.DASH if run.best_epoch is None else f"{run.best_epoch} of {run.epochs}", run.best_epoch
                ),
                Cell(s.duration(run.seconds), run.seconds),
            ]
        )
    numbers = [*map(s.title, metrics), "Missed", "Both empty", "Parameters", "Best epoch", "Time"]
    return Table([("Network", False), *((name, True) for name in numbers)], rows)


def _table(
    order: Sequence[str],
    names: Sequence[str],
    scored: Sequence[Sequence[Score]],
    metrics: Sequence[str],
    anchors: dict[str, str],
) -> Table:
    """A row for each case and class: each metric of each run, and for two runs the first one's difference."""
    place = {case: i for i, case in enumerate(order)}
    rows_of = sorted(zip(*scored, strict=True), key=lambda row: place[row[0].case])
    several, two = len({x.label for x in scored[0]}) > 1, len(names) == 2
    digits = {m: s.decimals(m, (x.values[m] for scores in scored for x in scores)) for m in metrics}
    rows = []
    for row in rows_of:
        case = row[0].case
        cells = [Cell(str(place[case] + 1), place[case]), Cell(case, anchor=anchors.get(case, ""))]
        cells += [Cell(row[0].label)] if several else []
        for m in metrics:
            values = [x.values[m] for x in row]
            best = _best(values, m)
            best = best if len(best) < len(row) else set()
            cells += [tables.value_cell(v, digits[m], strong=i in best) for i, v in enumerate(values)]
            if two and m == metrics[0]:
                change = values[1] - values[0]
                shown = tables.value_cell(change, digits[m])
                cells.append(replace(shown, text=f"+{shown.text}") if change > 0 and shown.sort else shown)
        rows.append(cells)
    columns = [("#", True), ("Case", False), *([("Class", False)] if several else [])]
    for m in metrics:
        columns += [(f"{s.title(m)}, {name}", True) for name in names]
        columns += [(f"{s.title(m)}, difference", True)] if two and m == metrics[0] else []
    return Table(columns, rows)


def _exhibit(
    case: str,
    anchor: str,
    tag: str,
    names: Sequence[str],
    scored: Sequence[Sequence[Score]],
    main: str,
    load: Sequence[gallery.Loader],
) -> gallery.Exhibit:
    """The outlines of every run on one case; for a tagged case the image and the difference maps as well."""
    longest = gallery.LARGE if tag else gallery.SMALL
    pictures = [gallery.prepare(case, each, longest) for each in load]
    several = len({x.label for x in scored[0]}) > 1
    truth = pictures[0].truth
    panels, maps = [], []
    if several or tag:
        panels.append(gallery.image_panel(pictures[0], case))
        colours = None if several else drawing.TRUTH
        maps.append(gallery.labels_panel(pictures[0], truth, case, "True outline", colours))
    if several and not tag:
        panels, maps = maps, []
    for name, scores, picture in zip(names, scored, pictures, strict=True):
        values = s.by_case(scores, main)
        caption = f"{name}: {s.title(main)} {s.number(values[case], s.decimals(main, values.values()))}"
        if several:
            panels.append(gallery.labels_panel(picture, picture.predicted, case, caption))
        else:
            panels.append(gallery.overlay_panel(picture, case, caption))
        if tag:
            maps.append(gallery.difference_panel(picture, case, f"Difference, {name}"))
    return gallery.Exhibit(case, anchor, tag, [], [*panels, *maps], len(panels), pictures[0].note)
