"""The page of a comparison and its tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from isthmus.comparison.figures import figures
from isthmus.comparison.pictures import exhibits
from isthmus.comparison.tables.texts import how_clustered
from isthmus.data.originals import originals, refuse_among
from isthmus.errors import IsthmusError, counted
from isthmus.files import sweep
from isthmus.outputs import Guard
from isthmus.report.gallery import Exhibit
from isthmus.report.objects import state_key
from isthmus.report.printed import discard, files_of
from isthmus.report.render import class_key, is_page, render
from isthmus.report.summary import title

if TYPE_CHECKING:
    from isthmus.comparison.result import ProgramComparison

TEMPLATE = "programs.html"
PAGE, TABLES = "report.html", "tables"
NAMES = ("scores", "differences", "non-inferiority", "agreement", "cases")
"""The tables; some comparisons lack one."""


def write_page(found: ProgramComparison, out: Path, overwrite: bool = False) -> Path:
    """Writes the tables, then the page, each whole or not at all; returns the path of the page."""
    page, tables = places(out)
    refuse_to_replace(out, found.sources, overwrite)
    scores, metrics = found.scores, found.metrics
    shown, undrawn = _exhibits(found)
    sweep(page.parent)
    earlier = {*NAMES} - {*found.printed} if is_page(TEMPLATE)(page) else ()
    for table in found.printed.values():
        table.write(tables)
    for name in earlier:
        discard(tables, name)
    several = len(scores.classes) > 1
    return render(
        TEMPLATE,
        page,
        Guard([], overwrite),
        title=_heading(scores.programs),
        programs=len(scores.programs),
        lead=f"{counted(len(scores.cases), 'case')}, compared by {title(metrics[0])}. {how_clustered(scores)}",
        lacking=[
            f"{name} has no mask of {counted(len(cases), 'case')}, which "
            + _fate(len(cases) == 1, found.options.common)
            for name, cases in scores.lacking.items()
            if cases
        ],
        tables=[(f"table-{name}", table) for name, table in found.printed.items()],
        figures=figures(scores, metrics, found.differences, found.options),
        exhibits=shown,
        undrawn=undrawn,
        masks=found.masks is not None,
        several=several,
        key=class_key(scores.classes) if several else [],
        states=state_key({}) if scores.objects and not several else [],
        notes=scores.notes,
        main=title(metrics[0]),
        files=tables.name,
    )


def places(out: Path) -> tuple[Path, Path]:
    """Returns the page and the folder of its tables.

    >>> [path.as_posix() for path in places(Path("out"))]
    ['out/report.html', 'out/tables']
    >>> [path.as_posix() for path in places(Path("out/masks.html"))]
    ['out/masks.html', 'out/masks-tables']
    """
    if out.suffix.lower() in (".html", ".htm"):
        return out, out.with_name(f"{out.stem}-{TABLES}")
    return out / PAGE, out / TABLES


def refuse_to_replace(out: Path, sources: Iterable[Path], overwrite: bool = False) -> None:
    """Refuses a place among the data, and one where files of others are.

    Raises:
        IsthmusError: names the place.
    """
    page, tables = places(out)
    sources = list(sources)
    for source in sources:
        refuse_among(tables, [source])
        if tables.resolve().is_relative_to(source.resolve()) and not originals([source]):
            raise IsthmusError(
                f"{page} lies in {source}, so it would be read as a mask next time; choose another --out"
            )
    Guard(sources, overwrite).refuse(page, ours=is_page(TEMPLATE), kind=".html")
    for name in NAMES:
        for path in files_of(tables, name):
            Guard(sources, overwrite=True).refuse(path)
    if tables.exists() and not overwrite and not is_page(TEMPLATE)(page):
        raise IsthmusError(
            f"{tables} exists already, and was not written by this command; choose another --out, or replace it with "
            "--overwrite"
        )


def _exhibits(found: ProgramComparison) -> tuple[list[Exhibit], list[str]]:
    if found.masks is None:
        return [], []
    return exhibits(found.scores, found.metrics[0], found.masks, found.picture or (lambda _: None))


def _fate(one: bool, common: bool) -> str:
    """Returns what happens to cases that a program lacks."""
    if common:
        return "is left out for all." if one else "are left out for all."
    return "counts as a miss." if one else "count as misses."


def _heading(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) < 5 else f"{len(names)} programs"
