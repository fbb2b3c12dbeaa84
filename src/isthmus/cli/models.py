"""``isthmus models``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isthmus.cli.results import emit

if TYPE_CHECKING:
    from isthmus.networks.description.card import CardReport

WIDE = 180  # columns where the output is no terminal


def run(name: str | None, as_json: bool = False) -> None:
    """The table of all networks, or one card."""
    from isthmus import networks

    if as_json:
        emit(_card(networks.describe(name)) if name is not None else {"models": networks.models_table()})
        return
    if name is not None:
        print(networks.describe(name).to_text())
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("name", "paper"):
        table.add_column(title, overflow="fold")
    for title in ("dims", "parameters", "in the paper", "sees (px)", "GFLOPs"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("for")
    for row in networks.models_table():
        table.add_row(*_cells(row))
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=WIDE)
    console.print(table)
    console.print(
        "sees: side of the receptive field; GFLOPs: of one forward pass of the size beside; "
        "`isthmus models NAME` shows a card",
        highlight=False,
    )


def _card(found: CardReport) -> dict[str, Any]:
    """A card by its parts: the paper and what it leaves open, and each of the network's forms."""
    return {"name": found.name, "card": found.card, "forms": found.forms}


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        row["name"],
        row["paper"],
        ", ".join(f"{dims}D" for dims in row["dims"]),
        f"{row['parameters']:,}",
        _printed(row["paper_parameters"]),
        str(row["receptive_field"] or "all"),
        f"{row['flops'] / 1e9:.1f}",
        "x".join(map(str, row["size"])),
    ]


def _printed(count: float | None) -> str:
    """The paper's count to the digits it gives."""
    if count is None:
        return "-"
    if count % 10_000 == 0:
        return f"{count / 1e6:g}M"
    return f"{int(count):,}"
