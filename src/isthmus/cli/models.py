"""``isthmus models``."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli.options import AsJson

if TYPE_CHECKING:
    from isthmus.networks.description.card import CardReport

WIDTH = 180
"""Columns if the output is not a terminal."""


def models(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A network, such as sharp_unet, whose card is printed.",
            show_default="a table of all",
        ),
    ] = None,
    trained: Annotated[
        bool,
        typer.Option(
            "--trained", help="The trained networks that come with isthmus, for `isthmus predict NAME`."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the networks: paper, parameters here and in the paper, receptive field, operations."""
    from isthmus import networks
    from isthmus.cli.json_output import emit

    if trained:
        _show_trained(name, as_json)
    elif as_json:
        emit({"models": networks.models_table()} if name is None else _as_dict(networks.describe(name)))
    elif name is None:
        _print(networks.models_table())
    else:
        print(networks.describe(name).to_text())


def _show_trained(name: str | None, as_json: bool) -> None:
    """Prints the cards of trained networks, or of one of them."""
    from isthmus.cli.json_output import emit
    from isthmus.runs.trained import list_trained, trained_card

    cards = {each: trained_card(each) for each in (list_trained() if name is None else [name])}
    if as_json:
        emit({"trained": {each: asdict(card) for each, card in cards.items()}})
        return
    if not cards:
        print(
            "no trained network comes with this version; `isthmus train --from RUN` starts from any run of yours"
        )
    for each, card in cards.items():
        print(f"{each}: {card.title}")
        for about in fields(card):
            value = getattr(card, about.name)
            if isinstance(value, str) and value and about.name != "title":
                print(f"  {about.name.replace('_', ' ')}: {value}")
        for row in card.scores:
            print("  " + ", ".join(f"{key} {number}" for key, number in row.items()))


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("name", "paper"):
        table.add_column(title, overflow="fold")
    for title in ("dims", "parameters", "in the paper", "sees (px)", "GFLOPs"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("for")
    for row in rows:
        table.add_row(*_cells(row))
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=WIDTH)
    console.print(table)
    console.print(
        "sees: side of the receptive field; GFLOPs: of one forward pass of an image of the size given under `for`; "
        "`isthmus models NAME` prints a card",
        highlight=False,
    )


def _as_dict(found: CardReport) -> dict[str, Any]:
    """Returns the parts of a card: the paper and what it leaves open, and each of the network's forms."""
    return {"name": found.name, "card": found.card, "forms": found.forms}


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        row["name"],
        row["paper"],
        ", ".join(f"{dims}D" for dims in row["dims"]),
        f"{row['parameters']:,}",
        _count(row["paper_parameters"]),
        str(row["receptive_field"] or "all"),
        f"{row['flops'] / 1e9:.1f}",
        "x".join(map(str, row["size"])),
    ]


def _count(parameters: float | None) -> str:
    """Returns the paper's number of parameters with the digits that it prints."""
    if parameters is None:
        return "-"
    if parameters % 10_000 == 0:
        return f"{parameters / 1e6:g}M"
    return f"{int(parameters):,}"
