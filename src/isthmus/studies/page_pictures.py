"""Takes the first picture out of a study's page, as a small file that other pages can show."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from isthmus.runs.files import write_bytes, write_text

SIDE, MOST, GAP = 160, 8, 4
"""Height of the pictures of a strip, the largest number of them, and the pixels between two."""

_FIGURE = re.compile(r'<(\w+)[^>]* id="figure-.*?(?=<section|</main>)', re.DOTALL)
_DRAWING = re.compile(r"<svg.*?</svg>", re.DOTALL)
_IMAGE = re.compile(r"data:image/(?:png|webp|jpeg);base64,([A-Za-z0-9+/=]+)")


def write_picture(page: Path, stem: Path) -> Path | None:
    """Writes the first figure of a study's page: a chart as SVG, or its first pictures side by side as PNG.

    Args:
        page: ``report.html`` of a study.
        stem: the path of the picture without its suffix.

    Returns:
        The picture; None if the page has none.
    """
    found = _FIGURE.search(page.read_text(encoding="utf-8")) if page.is_file() else None
    if found is None:
        return None
    if drawing := _DRAWING.search(found[0]):
        path = stem.with_suffix(".svg")
        write_text(path, drawing[0] + "\n")
        return path
    images = [Image.open(io.BytesIO(base64.b64decode(each))) for each in _IMAGE.findall(found[0])[:MOST]]
    if not images:
        return None
    path = stem.with_suffix(".png")
    write_bytes(path, _strip(images))
    return path


def _strip(images: Sequence[Image.Image]) -> bytes:
    """Returns pictures of one height side by side, as PNG."""
    scaled = [each.convert("RGB").resize((max(1, SIDE * each.width // each.height), SIDE)) for each in images]
    strip = Image.new("RGB", (sum(each.width + GAP for each in scaled) - GAP, SIDE), "white")
    x = 0
    for each in scaled:
        strip.paste(each, (x, 0))
        x += each.width + GAP
    data = io.BytesIO()
    strip.quantize(64).save(data, "PNG", optimize=True)
    return data.getvalue()
