"""A cross-validation as one self-contained page: each fold, the mean over folds, and every case once."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from isthmus.errors import IsthmusError, counted
from isthmus.report import gallery, run_page, tables
from isthmus.report import summary as s
from isthmus.report.figures import Reported, draw_figures
from isthmus.report.render import render
from isthmus.report.tables import Cell, Table, Tile
from isthmus.runs.results import Run, Score, read_run, value_at

OF_ONE_FOLD = ("Cases", "Notes", "Epochs", "Time")
"""Facts of a run that differ from fold to fold."""


def folds_in(path: Path) -> list[Path]:
    """Returns the runs `fold-0`, `fold-1`, … of a cross-validation in order; none for any other folder."""
    named = [(re.fullmatch(r"fold-(\d+)", entry.name), entry) for entry in _entries(path)]
    found = [(int(match[1]), entry) for match, entry in named if match]
    return [entry for _, entry in sorted(found)]


def write_folds(folder: Path, *, images: gallery.Images | None = None, limit: int = 30) -> Path:
    """Writes `report.html` into the folder of a cross-validation, from the folds that are finished.

    Args:
        folder: the folder that holds the run folders `fold-0`, `fold-1`, ….
        images: as for `write_report`, by case id; by `"CASE, fold N"` where several folds scored a case.
        limit: as for `write_report`.

    Returns:
        The path of the page.

    Raises:
        IsthmusError: no fold is finished, folds scored different metrics, or a file cannot be understood.
    """
    folder = Path(folder)
    paths = folds_in(folder)
    if not paths:
        raise IsthmusError(f"{folder}: holds no fold-0, fold-1, …; give the folder of a cross-validation")
    finished = [path for path in paths if (path / "cases.csv").is_file()]
    if not finished:
        raise IsthmusError(
            f"{folder}: no fold is finished; resume with `isthmus train --resume --out {folder}`, or score what there "
            "is with --finish in place of --resume"
        )
    runs = [read_run(path) for path in finished]
    whole = _as_one(folder, runs)
    values = run_page.scores_and_pictures(whole, images, limit)
    values["optimistic"] = whole.sets[0] == "validation" and any(run.epochs > 1 for run in runs)
    values["tiles"] = [_tile(runs, metric) for metric in s.leading(whole)]
    return render(
        "crossval.html",
        folder / "report.html",
        run=whole,
        title=run_page.page_title(whole),
        facts=_facts(runs),
        warning="",
        folds=len(runs),
        by_fold=_by_fold(runs, whole),
        note=_note(runs, paths, finished),
        trained=[fact for fact in run_page.training_facts(whole) if fact[0] not in OF_ONE_FOLD],
        figures=draw_figures(Reported(whole, runs)),
        **values,
    )


def _entries(path: Path) -> list[Path]:
    return [entry for entry in path.iterdir() if entry.is_dir()] if path.is_dir() else []


def _as_one(folder: Path, runs: Sequence[Run]) -> Run:
    """Returns all folds as one run: each fold scores its own cases, so every case is there once.

    Where folds share cases (a common test set), the name of a case includes its fold.
    """
    for run in runs[1:]:
        if set(run.metrics) != set(runs[0].metrics) or run.sets[0] != runs[0].sets[0]:
            raise IsthmusError(
                f"{run.path}: scored differently from {runs[0].path}; score all folds in the same way"
            )
    often = Counter(case for run in runs for case in {x.case for x in run.leading})
    scores: list[Score] = []
    for run in runs:
        for x in run.leading:
            fold = x.fold or run.path.name.removeprefix("fold-")
            name = x.case if often[x.case] == 1 else f"{x.case}, fold {fold}"
            group = name if x.group == x.case else x.group
            scores.append(replace(x, case=name, group=group, fold=fold))
    return replace(runs[0], path=folder, scores=tuple(scores), splits={}, cost={})


def _tile(runs: Sequence[Run], metric: str) -> Tile:
    """Returns the headline figure: mean ± standard deviation over folds."""
    found = [s.summarise(run.leading)[metric] for run in runs]
    mean, std = s.over_folds(one.mean for one in found)
    digits = _digits(runs, metric)
    misses = sum(one.n_missed for one in found)
    cases = f"{counted(len(runs), 'fold')}, n = {sum(one.n for one in found)}"
    cases += f", {misses or 'none'} missed" if all(run.has_counts for run in runs) else ""
    return Tile(
        s.title(metric), s.number(mean, digits), "" if math.isnan(std) else s.number(std, digits), cases
    )


def _digits(runs: Sequence[Run], metric: str) -> int:
    return s.decimals(metric, (x.values[metric] for run in runs for x in run.leading))


def _by_fold(runs: Sequence[Run], whole: Run) -> Table:
    """Returns a row for each fold, one for their mean, and one for all cases as one set."""
    metrics = s.leading(whole)
    digits = {m: _digits(runs, m) for m in metrics}

    def row(name: str, run: Run, *rest: Cell) -> list[Cell]:
        found = s.summarise(run.leading)
        one = found[metrics[0]]
        counts = (one.n_missed, one.n_both_empty)
        return [
            Cell(name),
            *(tables.spread_cell(found[m].mean, found[m].std, digits[m]) for m in metrics),
            tables.count_cell(len({x.case for x in run.leading})),
            *(tables.count_cell(count, run.has_counts) for count in counts),
            *rest,
        ]

    rows = [
        row(run.path.name, run, tables.epoch_cell(run), Cell(s.duration(run.seconds), run.seconds))
        for run in runs
    ]
    overall = [s.over_folds(s.summarise(run.leading)[m].mean for run in runs) for m in metrics]
    rows.append(
        [
            Cell("mean over folds", strong=True),
            *(
                tables.spread_cell(mean, std, digits[m], strong=True)
                for m, (mean, std) in zip(metrics, overall, strict=True)
            ),
            *[Cell("")] * 5,
        ]
    )
    rows.append(row("all cases", whole, Cell(""), Cell("")))
    numbers = [*map(s.title, metrics), "Cases", "Missed", "Both empty", "Best epoch", "Time"]
    return Table([("Fold", False), *((name, True) for name in numbers)], rows)


def _facts(runs: Sequence[Run]) -> str:
    """Returns the size of the network and the training time of all folds in one line."""
    seconds = [run.seconds for run in runs]
    parts = [f"{runs[0].parameters:,} parameters" if runs[0].parameters is not None else ""]
    if all(each is not None for each in seconds):
        parts.append(f"trained in {s.duration(math.fsum(each or 0 for each in seconds))} in all")
    return " · ".join(part for part in parts if part)


def _note(runs: Sequence[Run], paths: Sequence[Path], finished: Sequence[Path]) -> str:
    """Returns which folds are not finished or were stopped early, and how to resume them; empty for none."""
    planned = value_at(runs[0].recipe, "protocol.folds")
    total = max(len(paths), planned if isinstance(planned, int) else 0)
    there = {path.name for path in finished}
    numbers = [*(path.name for path in paths), *(f"fold-{number}" for number in range(total))]
    lacking = [name for name in dict.fromkeys(numbers) if name not in there]
    early = [run.path.name for run in runs if value_at(run.cost, "finished_early")]
    parts = [f"Not finished, and not counted here: {', '.join(lacking)}."] if lacking else []
    parts += [f"Stopped, and scored as they stood: {', '.join(early)}."] if early else []
    if not parts:
        return ""
    them = "them" if len(lacking) + len(early) > 1 else "it"
    return f"{' '.join(parts)} `isthmus train --resume --out {paths[0].parent.name}` resumes {them}."
