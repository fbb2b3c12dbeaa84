"""One run as one self-contained page."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from isthmus.errors import IsthmusError
from isthmus.outputs import Guard
from isthmus.report import gallery, volumes
from isthmus.report import summary as s
from isthmus.report.charts import case_scores, line_sample, marker_sample, training_curves
from isthmus.report.drawing import AGREE, CLASSES, OTHER_CLASS, PREDICTED, TRUTH, Colour
from isthmus.report.tables import cleanup_table, score_table, summary_table, tile
from isthmus.runs.files import write_text
from isthmus.runs.folder import RunFolder
from isthmus.runs.results import Run, Score, flatten, read_run, text, value_at
from isthmus.runs.standing import Standing, standing

TEMPLATES = Path(__file__).parent / "templates"

OTHERS = "it was not written by this command, so move it away"

_POLICY = b"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-"
_OVER = {
    "report.html": "Segmentation run",
    "stopped.html": "Segmentation run",
    "crossval.html": "Cross-validation of ",
    "comparison.html": "Comparison of ",
    "data.html": "Check of a data set",
    "study.html": "Study ",
}
"""How the line above the title of each kind of page begins."""
_START = 2**16


def write_report(run: Path, *, images: gallery.Images | None = None, limit: int = 30) -> Path:
    """Writes `report.html` into a run folder: one page that needs no other file and no network.

    Args:
        run: the folder of a run; one that was stopped has a page without scores and pictures.
        images: a function (or mapping) from a case id of cases.csv to `(image, truth, predicted)`: image
            (H, W) or (H, W, 3) uint8, labels (H, W) of class indices with 0 for background; volumes with D
            in front. None leaves the gallery out.
        limit: how many cases the gallery shows; the best, the median and the worst are always among them.

    Returns:
        The path of the page.

    Raises:
        IsthmusError: a file of the run is missing or damaged, or none of its epochs was scored. A picture that
            cannot be drawn does not stop the page: it says which, and why.
    """
    state = _standing(Path(run))
    if state and not state.done:
        raise IsthmusError(state.how_to_continue())
    folder = read_run(run, scored=not state)
    if state and state.best:
        folder = replace(folder, cost={**folder.cost, "best_epoch": state.best.epoch})
    shown = scores_and_pictures(folder, images, limit) if folder.scores else described(folder)
    return render(
        "report.html" if folder.scores else "stopped.html",
        Path(run) / "report.html",
        run=folder,
        title=f"{folder.network} on {folder.data}" if folder.data else folder.network,
        facts=headline(folder, state),
        warning=state.how_to_continue() if state else "",
        loss_key=line_key(["training", "validation"]),
        trained=trained(folder),
        charts=training_curves([folder]),
        **shown,
    )


def _standing(path: Path) -> Standing | None:
    """How far a run has come that did not come to its end; None of any other, and where its files do not tell."""
    folder = RunFolder(path)
    if folder.finished() or not folder.recipe_path.is_file():
        return None
    if folder.cases.is_file() and not folder.cost.is_file():  # scored, by a program that kept no costs
        return None
    return standing(folder)


def scores_and_pictures(run: Run, images: gallery.Images | None, limit: int) -> dict[str, Any]:
    """What pages of a run, and of the folds of one, show alike: figures, tables, pictures, recipe."""
    scored, main = run.leading, s.leading(run)[0]
    values = s.by_case(scored, main)
    order = s.ranked(values, main)
    undrawn: list[str] = []
    exhibits = [] if images is None else _exhibits(run, order, gallery.loader(images), limit, undrawn)
    several = len(run.classes) > 1
    return {
        "set": run.sets[0],
        "grid": s.on_grid(run.grids[:1]),
        "grids": s.on_grid(run.grids),
        "optimistic": run.sets[0] == "validation" and run.epochs > 1,
        "distances": any("distance" in metric for metric in run.metrics),
        "tiles": [tile(run, scored, metric) for metric in s.leading(run)],
        "main": s.title(main),
        "cases": len(order),
        "distribution": case_scores(s.title(main), [[values[case] for case in order]]),
        "summary": summary_table(run),
        "cleanup": cleanup_table(run),
        "table": score_table(run, order, {e.case: e.anchor for e in exhibits}),
        "shortened": s.main_metrics(run.metrics) != run.metrics,
        "exhibits": exhibits,
        "undrawn": undrawn,
        "several": several,
        "key": key(run.classes) if several else [],
        **described(run),
    }


def described(run: Run) -> dict[str, Any]:
    """What makes the run again."""
    return {
        "recipe": list(flatten(run.recipe)),
        "environment": list(flatten(run.environment)),
        "command": command(run),
    }


def shown_first(order: Sequence[str], limit: int) -> list[str]:
    """The cases a gallery shows, in its order: the landmarks, then the others best first, up to the limit."""
    marked = list(s.landmarks(order))
    return [*marked, *(case for case in order if case not in marked)][: max(limit, len(marked))]


def case_figures(scores: Sequence[Score], case: str, metrics: Sequence[str]) -> list[tuple[str, str]]:
    """The scores of one case, named and written out."""
    found = []
    for metric in metrics:
        values = s.by_case(scores, metric)
        found.append((s.title(metric), s.number(values[case], s.decimals(metric, values.values()))))
    return found


def _exhibits(
    run: Run, order: Sequence[str], load: gallery.Loader, limit: int, undrawn: list[str]
) -> list[gallery.Exhibit]:
    """Pictures of the cases that can be drawn; why others cannot goes to `undrawn`."""
    tags, several = s.landmarks(order), len(run.classes) > 1
    found = []
    for case in shown_first(order, limit):
        try:
            panels, columns, note = _panels(case, load(case), large=case in tags, several=several)
        except IsthmusError as error:
            undrawn.append(f"{case}: {error}")
            continue
        found.append(
            gallery.Exhibit(
                case,
                anchor=f"case-{order.index(case) + 1}",
                tag=tags.get(case, ""),
                scores=case_figures(run.leading, case, s.leading(run)),
                panels=panels,
                columns=columns,
                note=note,
            )
        )
    return found


def _panels(
    case: str, given: gallery.Triple, *, large: bool, several: bool
) -> tuple[list[gallery.Panel], int, str]:
    """The pictures of a case, how many stand in a row, and which slice is shown; of a volume that is shown large three
    slices and its surface."""
    picture = gallery.prepare(case, lambda _: given, gallery.LARGE if large else gallery.SMALL)
    difference = gallery.difference_panel(picture, case)
    if large and np.ndim(given[1]) == 3:
        slices = volumes.slice_panels(case, given, several=several)
        spacing = given[3] if len(given) == 4 else None
        predicted = {"Predicted surface": np.asarray(given[2])}
        surfaces = volumes.surface_panels(case, np.asarray(given[1]), predicted, spacing, several=several)
        caption = f"Difference, {picture.note}"
        return [*slices, *surfaces, replace(difference, caption=caption)], len(volumes.PLANES), ""
    panels = [gallery.image_panel(picture, case)] if large and not several else []
    panels += [*gallery.outline_panels(picture, case, several=several), difference]
    return panels, len(panels), picture.note


def key(classes: Sequence[str]) -> list[tuple[str, str]]:
    """Class names and their colours as the pictures draw them."""
    return [(css(CLASSES[i % len(CLASSES)]), name) for i, name in enumerate(classes)]


def css(colour: Colour) -> str:
    """A colour as the page writes it.

    >>> css((86, 180, 233))
    '#56b4e9'
    """
    return "#" + bytes(colour).hex()


def headline(run: Run, state: Standing | None = None) -> str:
    """Size, epoch and time in one line; of a run that did not come to its end, by how far it came."""
    parts = [f"{run.parameters:,} parameters" if run.parameters is not None else ""]
    if state and state.best:
        parts.append(f"best epoch {state.best.epoch} of {state.planned}, stopped after epoch {state.done}")
    elif run.best_epoch is not None:
        parts.append(f"best epoch {run.best_epoch} of {run.epochs}")
    if run.seconds is not None:
        parts.append(f"trained in {s.duration(run.seconds)}")
    return " · ".join(part for part in parts if part)


def line_key(names: Sequence[str]) -> list[tuple[str, str]]:
    """Names of a chart's lines, each with a sample of its line."""
    return [(name, line_sample(i)) for i, name in enumerate(names)]


def marker_key(names: Sequence[str]) -> list[tuple[str, str]]:
    """Names of a chart's series, each with its marker."""
    return [(name, marker_sample(i)) for i, name in enumerate(names)]


def trained(run: Run) -> list[tuple[str, str]]:
    """What was trained on what, as short named facts; those the recipe does not state are left out."""
    done = f"{run.epochs} of at most {most}" if (most := _of(run, "training.epochs")) else str(run.epochs)
    facts = [
        ("Data", run.data),
        (
            "Cases",
            ", ".join(f"{len(ids)} {name}" for name, ids in run.splits.items() if ids and name != "notes"),
        ),
        ("Notes", "; ".join(map(text, run.splits.get("notes") or []))),
        ("Scored images", "; ".join(run.unlike)),
        ("Input", _input(run)),
        ("Network", run.network),
        ("Loss", _loss(run)),
        ("Optimiser", _of(run, "training.optimiser")),
        (
            "Learning rate",
            ", ".join(filter(None, (_of(run, "training.learning_rate"), _of(run, "training.schedule")))),
        ),
        ("Batch", _of(run, "training.batch")),
        ("Augmentation", _of(run, "training.augment")),
        ("Epochs", done),
        ("Seed", _of(run, "training.seed")),
        ("Time", s.duration(run.seconds)),
    ]
    return [(name, value) for name, value in facts if value]


def _of(run: Run, path: str) -> str:
    return text(value_at(run.recipe, path))


def _loss(run: Run) -> str:
    """The losses of each head; of one head, by themselves."""
    objective = run.recipe.get("objective")
    heads = objective.get("heads") if isinstance(objective, dict) else None
    if not isinstance(heads, dict) or not heads:
        return _of(run, "training.loss")
    named = {name: text(losses) for name, losses in heads.items()}
    return (
        next(iter(named.values())) if len(named) == 1 else "; ".join(f"{k} – {v}" for k, v in named.items())
    )


def _input(run: Run) -> str:
    """The pixel scale and size that the network sees."""
    parts = []
    for label, key in (
        ("resized to", "input.resize"),
        ("patches of", "input.patch"),
        ("regions of", "roi.size"),
    ):
        size = value_at(run.recipe, key)
        if isinstance(size, list):
            parts.append(f"{label} " + " × ".join(map(text, size)))
    slices = value_at(run.recipe, "input.slices")
    return ", ".join([*parts, f"{slices} slices as channels"] if slices else parts)


def command(run: Run) -> str:
    """The command that makes this run again: as recorded, or from the resolved recipe."""
    said: Any = run.environment.get("command")
    if isinstance(said, list):
        return shlex.join(map(str, said))
    return (
        str(said)
        if said
        else f"isthmus train --recipe {shlex.quote(run.path.name + '/recipe.yaml')} --out again"
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def is_page(template: str) -> Callable[[Path], bool]:
    """Whether a file is a page from this template, whenever it was made."""
    mark = f'<p class="over">{_OVER[template]}'.encode()

    def made(path: Path) -> bool:
        try:
            with path.open("rb") as file:
                start = file.read(_START)
        except OSError:
            return False
        return start.startswith(b"<!doctype html>") and _POLICY in start and mark in start

    return made


def render(template: str, out: Path, guard: Guard | None = None, **values: Any) -> Path:
    """A page from a template of this package, written whole or not at all.

    Raises:
        IsthmusError: another file than such a page is there, and ``guard`` keeps it.
    """
    (guard or Guard()).refuse(out, ours=is_page(template), kind=out.suffix, instead=OTHERS)
    script = (TEMPLATES / "sort.js").read_text(encoding="utf-8")
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    colours = {"truth": TRUTH, "predicted": PREDICTED, "agree": AGREE, "other": OTHER_CLASS}
    page = (
        _templates()
        .get_template(template)
        .render(
            **values,
            script=script,
            style=(TEMPLATES / "style.css").read_text(encoding="utf-8"),
            script_hash=allowed,
            today=date.today().isoformat(),
            colours={name: css(colour) for name, colour in colours.items()},
        )
    )
    write_text(out, page)
    return out
