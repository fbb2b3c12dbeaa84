"""What is written into the documentation: ``python -m isthmus.metrics.page docs`` writes the table of columns into
``metrics.md`` and the advice into ``choosing-metrics.md``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from isthmus.metrics.advice import ADVICE
from isthmus.metrics.table import METRICS, list_metrics, title

BEGIN = "<!-- below: written by `python -m isthmus.metrics.page docs` -->\n"
END = "<!-- end of what is written -->\n"


def table() -> str:
    """Returns the table of metrics in Markdown, a row for each."""
    lines = ["| column | title | unit | better | shown in |", "| --- | --- | --- | --- | --- |"]
    for name in list_metrics():
        metric = METRICS[name]
        cells = (f"`{name}`", title(name), metric.unit, metric.better, ", ".join(metric.shown))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def advice() -> str:
    """Returns a section for each task, in Markdown."""
    sections = []
    for each in ADVICE:
        metrics = ", ".join(f"`{name}`" for name in each.metrics)
        about = f"{each.about[0].upper()}{each.about[1:]}."
        parts = (f"**Take** {metrics}.", f"**Why.** {each.why}", f"**Beware.** {each.beware}")
        sections.append("\n\n".join([f"## {each.task}", about, *parts, f"`{each.command}`"]) + "\n")
    return "\n".join(sections)


PAGES = {"metrics.md": table, "choosing-metrics.md": advice}


def written(page: str, made: Callable[[], str] = table) -> str:
    """Returns the page with new text between its marks."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + "\n" + made() + "\n" + END + rest.partition(END)[2]


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the metrics into a folder of documentation.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name, made in PAGES.items():
        page = folder / name
        page.write_text(written(page.read_text(encoding="utf-8"), made), encoding="utf-8")


if __name__ == "__main__":
    main()
