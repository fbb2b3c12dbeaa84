"""``isthmus models``."""

from __future__ import annotations


def run(name: str | None) -> None:
    """The table of all networks, or one card."""
    from isthmus import networks

    if name is not None:
        print(networks.describe(name).to_text())
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("name", "paper", "parameters", "in the paper", "receptive field", "GFLOPs 256x256"):
        table.add_column(
            title, justify="left" if title in ("name", "paper") else "right", no_wrap=title != "paper"
        )
    for row in networks.models_table():
        table.add_row(*(str(cell) for cell in row.values()))
    console = Console()
    console.print(table, soft_wrap=not console.is_terminal)
