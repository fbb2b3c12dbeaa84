"""Writes the pages of the documentation on networks: ``python -m isthmus.networks.description.pages docs``.

There is one page for each network, which is its card. The tables of blocks, skips and networks are in ``networks.md``,
below the mark. Pages of networks that no longer exist are removed. With names of networks, ``… docs unet``, only their
pages and the tables are written.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isthmus.networks.blocks.base import BLOCKS, SKIPS, Block, Skip
from isthmus.networks.description.card import describe, models_table, times
from isthmus.networks.registry import list_models

MARK = "<!-- below: written by `python -m isthmus.networks.description.pages docs` -->\n"


def index(page: str) -> str:
    """Returns ``networks.md`` with new tables below its mark."""
    tables = [
        "## Blocks",
        _parts(BLOCKS),
        "## Skips",
        _parts(SKIPS),
        "## All networks",
        _networks(models_table()),
    ]
    return page.partition(MARK)[0] + MARK + "\n" + "\n\n".join(tables) + "\n"


def write(folder: Path, names: Sequence[str] = ()) -> None:
    """Updates the pages in a folder of documentation, all or those of some networks."""
    cards = folder / "networks"
    cards.mkdir(parents=True, exist_ok=True)
    for name in names or list_models():
        (cards / f"{name}.md").write_text(describe(name).to_markdown(), encoding="utf-8")
    for stale in {path.stem for path in cards.glob("*.md")} - set(list_models()):
        (cards / f"{stale}.md").unlink()
    page = folder / "networks.md"
    page.write_text(index(page.read_text(encoding="utf-8") if page.exists() else ""), encoding="utf-8")


def _parts(known: Mapping[str, type[Block] | type[Skip]]) -> str:
    lines = ["| name | options | |", "|---|---|---|"]
    for name, part in known.items():
        options = ", ".join(f"`{field.name}={field.default!r}`" for field in dataclasses.fields(part))
        what = " ".join((inspect.getdoc(part) or "").partition("\n\n")[0].split()).replace("``", "`")
        lines.append(f"| `{name}` | {options} | {what} |")
    return "\n".join(lines)


def _networks(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| network | paper | | parameters | in the paper | comparison | receptive field | GFLOP | image |",
        "|---|---|---|--:|--:|---|--:|--:|---|",
    ]
    for row in rows:
        name, paper = row["name"], row["paper_parameters"]
        cells = (
            f"[{name}](networks/{name}.md)",
            row["paper"],
            " ".join(f"{dims}D" for dims in sorted(row["dims"])),
            f"{row['parameters']:,}",
            "" if paper is None else f"{paper:,.0f}",
            row["verdict"],
            row["receptive_field"],
            f"{row['flops'] / 1e9:,.1f}",
            times(row["size"]),
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Write the pages on networks into a folder of documentation."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="networks whose pages are written; all by default")
    arguments = parser.parse_args()
    write(arguments.folder, arguments.names)


if __name__ == "__main__":
    main()
