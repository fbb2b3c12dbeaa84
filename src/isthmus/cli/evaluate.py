"""``isthmus evaluate``."""

from __future__ import annotations

from pathlib import Path

from isthmus.cli.progress import Display


def run(
    predictions: Path, truth: Path, root: Path | None, out: Path | None, partial: bool, display: Display
) -> None:
    """Score a folder of masks, write the CSV and print the means."""
    from rich.console import Console
    from rich.table import Table

    from isthmus.inference.evaluate import METRICS, evaluate_folder

    result = evaluate_folder(predictions, truth, root=root, partial=partial, watch=display)
    target = out or predictions / "scores.csv"
    result.write(target)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("class")
    for title in (*METRICS, "cases", "missed"):
        table.add_column(title.replace("_", " "), justify="right")
    for name, means in result.means().items():
        cells = [f"{means[metric]:.4f}" for metric in METRICS]
        table.add_row(name, *cells, str(means["n"]), str(means["n_missed"]))
    Console(soft_wrap=True).print(table)
    display.say(f"{len(result.rows)} rows in {target}; distances in pixels of the image")
