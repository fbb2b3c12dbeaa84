"""One run as one self-contained page."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.errors import IsthmusError
from isthmus.report import gallery, volumes
from isthmus.report import summary as s
from isthmus.report.figures import Reported, draw_figures
from isthmus.report.objects import objects_of, separates_objects, state_key, totals
from isthmus.report.render import class_key, render
from isthmus.report.tables import case_table, cleanup_table, headline_tile, summary_table
from isthmus.runs.folder import RunFolder
from isthmus.runs.results import Run, Score, flatten, read_run, text, value_at
from isthmus.runs.standing import Standing, standing


def write_report(run: Path, *, images: gallery.Images | None = None, limit: int = 30) -> Path:
    """Writes `report.html` into a run folder: one page that needs no other file and no network.

    Args:
        run: a run folder; the page of an interrupted run has no scores and no pictures.
        images: a function (or mapping) from a case id of cases.csv to `(image, truth, predicted)`: image
            (H, W) or (H, W, 3) uint8, labels (H, W) of class indices with 0 for background; volumes with D
            in front. None leaves the pictures out.
        limit: number of cases with pictures; the best, the median and the worst are always among them.

    Returns:
        The path of the page.

    Raises:
        IsthmusError: a file of the run is missing or damaged, or no epoch was scored. A picture that cannot be drawn
            does not stop the page, which says which picture is missing and why.
    """
    state = _unfinished(Path(run))
    if state and not state.done:
        raise IsthmusError(state.how_to_continue())
    found = read_run(run, scored=not state)
    if state and state.best:
        found = replace(found, cost={**found.cost, "best_epoch": state.best.epoch})
    shown = scores_and_pictures(found, images, limit) if found.scores else to_reproduce(found)
    return render(
        "report.html" if found.scores else "stopped.html",
        Path(run) / "report.html",
        run=found,
        title=page_title(found),
        facts=headline(found, state),
        warning=state.how_to_continue() if state else "",
        trained=training_facts(found),
        figures=draw_figures(Reported(found, [found])),
        **shown,
    )


def _unfinished(path: Path) -> Standing | None:
    """Returns how far an unfinished run has come; None for a finished run, or where its files do not tell."""
    folder = RunFolder(path)
    if folder.finished() or not folder.recipe_path.is_file():
        return None
    if folder.cases.is_file() and not folder.cost.is_file():  # scored by a program that kept no costs
        return None
    return standing(folder)


def scores_and_pictures(run: Run, images: gallery.Images | None, limit: int) -> dict[str, Any]:
    """Returns what the pages of a run and of a cross-validation share: tables, pictures and recipe."""
    metrics = s.leading(run)
    order = s.ranked(s.by_case(run.leading, metrics[0]), metrics[0])
    exhibits, undrawn = ([], []) if images is None else _exhibits(run, order, gallery.loader(images), limit)
    several = len(run.classes) > 1
    return {
        "set": run.sets[0],
        "grid": s.on_grid(run.grids[:1]),
        "grids": s.on_grid(run.grids),
        "optimistic": run.sets[0] == "validation" and run.epochs > 1,
        "distances": any("distance" in metric for metric in run.metrics),
        "tiles": [headline_tile(run, run.leading, metric) for metric in metrics],
        "main": s.title(metrics[0]),
        "cases": len(order),
        "summary": summary_table(run),
        "cleanup": cleanup_table(run),
        "table": case_table(run, order, {e.case: e.anchor for e in exhibits}),
        "shortened": s.main_metrics(run.metrics) != run.metrics,
        "exhibits": exhibits,
        "undrawn": undrawn,
        "several": several,
        "key": class_key(run.classes) if several else [],
        "states": state_key(totals(run)) if separates_objects(run) else [],
        **to_reproduce(run),
    }


def to_reproduce(run: Run) -> dict[str, Any]:
    """Returns what is needed to reproduce a run: recipe, environment and command."""
    return {
        "recipe": list(flatten(run.recipe)),
        "environment": list(flatten(run.environment)),
        "command": command(run),
    }


def page_title(run: Run) -> str:
    """Returns the title of the page: the network and its data."""
    return f"{run.network} on {run.data}" if run.data else run.network


def first_cases(order: Sequence[str], tagged: Mapping[str, str], limit: int) -> list[str]:
    """Returns the cases to show: those with a tag, then the others in order, up to the limit."""
    return [*tagged, *(case for case in order if case not in tagged)][: max(limit, len(tagged))]


def _case_scores(scores: Sequence[Score], case: str, metrics: Sequence[str]) -> list[tuple[str, str]]:
    """Returns the name and the value of each metric of one case."""
    found = []
    for metric in metrics:
        values = s.by_case(scores, metric)
        found.append((s.title(metric), s.number(values[case], s.decimals(metric, values.values()))))
    return found


def _exhibits(
    run: Run, order: Sequence[str], load: gallery.Loader, limit: int
) -> tuple[list[gallery.Exhibit], list[str]]:
    """Returns the pictures of the cases that can be drawn, and a line for each that cannot."""
    tags, several, objects = s.landmarks(order), len(run.classes) > 1, separates_objects(run)
    found, undrawn = [], []
    for case in first_cases(order, tags, limit):
        try:
            panels, columns, note = _panels(case, load(case), tags, several=several, objects=objects)
        except IsthmusError as error:
            undrawn.append(f"{case}: {error}")
            continue
        found.append(
            gallery.Exhibit(
                case,
                anchor=f"case-{order.index(case) + 1}",
                tag=tags.get(case, ""),
                scores=_case_scores(run.leading, case, s.leading(run)),
                panels=panels,
                columns=columns,
                note=note,
            )
        )
    return found, undrawn


def _panels(
    case: str, given: gallery.CaseImages, tagged: Collection[str], *, several: bool, objects: bool
) -> tuple[list[gallery.Panel], int, str]:
    """Returns the pictures of a case, the number in a row, and which slice they show.

    A tagged case is shown large, a volume then with three slices and its surfaces.

    Args:
        case: the case id.
        given: image, truth and prediction.
        tagged: the cases that are shown large.
        several: whether there are several classes.
        objects: whether truth and prediction number objects.
    """
    large, truth, predicted = case in tagged, np.asarray(given[1]), np.asarray(given[2])
    picture = gallery.prepare(case, lambda _: given, gallery.LARGE if large else gallery.SMALL)
    solid = large and truth.ndim == 3
    about = f", {picture.note}" if solid else ""
    if objects:
        last = objects_of(picture, case, given, about)
    else:
        last = gallery.difference_panel(picture, case, f"Difference{about}")
    if solid:
        slices = volumes.slice_panels(case, given, several=several)
        if objects:
            truth, predicted = truth > 0, predicted > 0
        spacing = given[3] if len(given) == 4 else None
        surface = {"Predicted surface": predicted}
        surfaces = volumes.surface_panels(case, truth, surface, spacing, several=several)
        return [*slices, *surfaces, last], len(volumes.PLANES), ""
    panels = [gallery.image_panel(picture, case)] if large and not several else []
    panels += [*gallery.outline_panels(picture, case, several=several), last]
    return panels, len(panels), picture.note


def headline(run: Run, state: Standing | None = None) -> str:
    """Returns size, best epoch and time in one line; for an unfinished run, also how far it has come."""
    parts = [f"{run.parameters:,} parameters" if run.parameters is not None else ""]
    if state and state.best:
        parts.append(f"best epoch {state.best.epoch} of {state.planned}, stopped after epoch {state.done}")
    elif run.best_epoch is not None:
        parts.append(f"best epoch {run.best_epoch} of {run.epochs}")
    if run.seconds is not None:
        parts.append(f"trained in {s.duration(run.seconds)}")
    return " · ".join(part for part in parts if part)


def training_facts(run: Run) -> list[tuple[str, str]]:
    """Returns what was trained on which data, as named facts; facts that the recipe does not state are left out."""
    most = _recipe_text(run, "training.epochs")
    counts = [f"{len(ids)} {name}" for name, ids in run.splits.items() if ids and name != "notes"]
    rate = (_recipe_text(run, f"training.{key}") for key in ("learning_rate", "schedule"))
    facts = [
        ("Data", run.data),
        ("Cases", ", ".join(counts)),
        ("Notes", "; ".join(map(text, run.splits.get("notes") or []))),
        ("Scored images", "; ".join(run.unlike)),
        ("Input", _input(run)),
        ("Network", run.network),
        ("Loss", _loss(run)),
        ("Optimiser", _recipe_text(run, "training.optimiser")),
        ("Learning rate", ", ".join(filter(None, rate))),
        ("Batch", _recipe_text(run, "training.batch")),
        ("Augmentation", _recipe_text(run, "training.augment")),
        ("Epochs", f"{run.epochs} of at most {most}" if most else str(run.epochs)),
        ("Seed", _recipe_text(run, "training.seed")),
        ("Time", s.duration(run.seconds)),
    ]
    return [(name, value) for name, value in facts if value]


def _recipe_text(run: Run, path: str) -> str:
    return text(value_at(run.recipe, path))


def _loss(run: Run) -> str:
    """Returns the losses of each head, or of the only head without its name."""
    objective = run.recipe.get("objective")
    heads = objective.get("heads") if isinstance(objective, dict) else None
    if not isinstance(heads, dict) or not heads:
        return _recipe_text(run, "training.loss")
    named = {name: text(losses) for name, losses in heads.items()}
    if len(named) == 1:
        return next(iter(named.values()))
    return "; ".join(f"{name} – {losses}" for name, losses in named.items())


def _input(run: Run) -> str:
    """Returns the pixel scale and the size that the network sees."""
    parts = []
    for label, key in (
        ("resized to", "input.resize"),
        ("patches of", "input.patch"),
        ("regions of", "roi.size"),
        ("spacing in mm", "input.spacing"),
    ):
        size = value_at(run.recipe, key)
        if isinstance(size, list):
            parts.append(f"{label} " + " × ".join(map(text, size)))
    slices = value_at(run.recipe, "input.slices")
    return ", ".join([*parts, f"{slices} slices as channels"] if slices else parts)


def command(run: Run) -> str:
    """Returns the command that makes this run again: as recorded, or from the resolved recipe."""
    recorded: Any = run.environment.get("command")
    if isinstance(recorded, list):
        return shlex.join(map(str, recorded))
    if recorded:
        return str(recorded)
    return f"isthmus train --recipe {shlex.quote(run.path.name + '/recipe.yaml')} --out again"
