"""``isthmus metrics``."""

from __future__ import annotations

from typing import Annotated

import typer


def metrics(
    task: Annotated[
        str | None,
        typer.Option(
            "--for",
            help="Advice for a task: regions, small-lesions, thin-structures, objects, borders, classes, volumes or "
            "missing.",
            show_default="a table of all metrics",
        ),
    ] = None,
) -> None:
    """List the metrics, or say which of them suit a task, and why."""
    from isthmus.cli.tables import add_row, print_table, table_of
    from isthmus.metrics.advice import ADVICE, advice_for
    from isthmus.metrics.table import METRICS, list_metrics, title

    if task is None:
        table = table_of("name", "title", "unit", "better")
        for name in list_metrics():
            add_row(table, name, title(name), METRICS[name].unit, METRICS[name].better)
        print_table(table)
        print(f"\nwhich suit a task, and why: isthmus metrics --for {'|'.join(each.task for each in ADVICE)}")
        return
    found = advice_for(task)
    print(f"{found.task}: {found.about}\n")
    print(f"metrics: {', '.join(found.metrics)}\nwhy: {found.why}\nbeware: {found.beware}\n")
    print(found.command)
    print(
        "after Metrics Reloaded, Nature Methods 2024, doi:10.1038/s41592-023-02151-z; docs/choosing-metrics.md"
    )
