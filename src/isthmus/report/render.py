"""Renders the templates of this package as self-contained pages."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from isthmus.outputs import Guard
from isthmus.report.drawing import AGREE, CLASSES, OTHER_CLASS, PREDICTED, TRUTH, Colour
from isthmus.runs.files import write_text

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
    "programs.html": "Masks of ",
    "objects.html": "Objects of ",
}
"""How the line above the title begins, by template."""
_START = 2**16


def render(template: str, out: Path, guard: Guard | None = None, **values: Any) -> Path:
    """Writes a page from a template, whole or not at all.

    Args:
        template: the name of the template.
        out: the page to write.
        guard: decides which files may be replaced; None: only earlier pages from the same template.
        values: values that the template shows.

    Returns:
        `out`.

    Raises:
        IsthmusError: `out` is another file, which `guard` protects.
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


def is_page(template: str) -> Callable[[Path], bool]:
    """Returns a function that tells whether a file is a page from this template, of any version."""
    mark = f'<p class="over">{_OVER[template]}'.encode()

    def made(path: Path) -> bool:
        try:
            with path.open("rb") as file:
                start = file.read(_START)
        except OSError:
            return False
        return start.startswith(b"<!doctype html>") and _POLICY in start and mark in start

    return made


def class_key(classes: Sequence[str]) -> list[tuple[str, str]]:
    """Returns the colour of each foreground class in pictures, and its name."""
    return [(css(CLASSES[i % len(CLASSES)]), name) for i, name in enumerate(classes)]


def css(colour: Colour) -> str:
    """Returns a colour in the notation of style sheets.

    >>> css((86, 180, 233))
    '#56b4e9'
    """
    return "#" + bytes(colour).hex()


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
