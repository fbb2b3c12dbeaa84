"""Fills the measured blocks of the documentation from the committed results; everything else there is written by hand.

A block stands between ``<!-- measured: BENCHMARK BLOCK -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.frame import results
from benchmarks.frame.benchmark import ROOT, find
from isthmus.runs.files import write_text

DOCS = ROOT.parent / "docs"
BLOCK = re.compile(
    r"<!-- measured: (?P<benchmark>[\w.]+) (?P<block>\w+) -->\n(?P<lines>.*?)<!-- end -->", re.DOTALL
)


def blocks() -> dict[tuple[str, str], Path]:
    """Returns every block of the documentation, by benchmark and block, with its page."""
    pages = sorted(DOCS.rglob("*.md"))
    return {
        (found["benchmark"], found["block"]): page
        for page in pages
        for found in BLOCK.finditer(page.read_text(encoding="utf-8"))
    }


def filled(page: str) -> str:
    """Returns the text of a page with its blocks rebuilt; a block without results stays as it is."""

    def fill(found: re.Match[str]) -> str:
        known = results.every(found["benchmark"])
        if not known:
            return found[0]
        lines = find(found["benchmark"]).blocks[found["block"]](known)
        text = "\n".join(lines).strip("\n")
        return f"<!-- measured: {found['benchmark']} {found['block']} -->\n{text}\n<!-- end -->"

    return BLOCK.sub(fill, page)


def write_pages() -> list[Path]:
    """Writes the pages that change, and returns them."""
    changed = []
    for page in sorted(set(blocks().values())):
        before = page.read_text(encoding="utf-8")
        after = filled(before)
        if after != before:
            write_text(page, after)
            changed.append(page)
    return changed
