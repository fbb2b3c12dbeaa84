"""The table of columns in the documentation: ``python -m isthmus.metrics.page docs`` writes it into ``metrics.md``."""

from __future__ import annotations

import argparse
from pathlib import Path

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


def written(page: str) -> str:
    """Returns the page with a new table between its marks."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.partition(END)[2]


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the table of metrics into a folder of documentation.")
    parser.add_argument("folder", type=Path)
    page = parser.parse_args().folder / "metrics.md"
    page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
