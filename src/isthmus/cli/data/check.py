"""``isthmus data check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli.json_output import AlreadyPrinted, emit
from isthmus.cli.options import AsJson, Axes, DataRoot, DataSet, Distance, ReplaceOthers, Rule
from isthmus.cli.streams import show
from isthmus.cli.tables import add_row, print_table, table_of
from isthmus.errors import IsthmusError

if TYPE_CHECKING:
    from isthmus.data.checks.inspect import Finding

Page = Annotated[
    Path | None, typer.Option(help="Also write this HTML page, with pictures.", show_default=False)
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Threads that read files.", show_default="one for each core"),
]


def check(
    name: DataSet,
    root: DataRoot = None,
    page: Page = None,
    overwrite: ReplaceOthers = False,
    distance: Distance = 4,
    rule: Rule = None,
    axes: Axes = None,
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Open every file of a data set and list everything that is wrong, unusual or duplicated.

    The exit code is 0 if every image and mask can be read and fits (other findings are warnings), else 2.
    """
    from isthmus.cli.progress import Display
    from isthmus.data.checks.inspect import inspect_dataset, open_tolerant
    from isthmus.data.masks.values import as_rule
    from isthmus.data.originals import originals

    value_rule = None if rule is None else as_rule(rule)
    dataset, problems = open_tolerant(name, root, axes)
    guard = None
    if page is not None:
        from isthmus.report.data_page import refuse_to_replace, write_data_page

        place = root or Path(name)
        guard = refuse_to_replace(page, [place, *originals([place])], overwrite)
    with Display() as display:
        display.stage("checking files", len(dataset.cases))
        found = inspect_dataset(
            dataset,
            lambda *_: display.advance(),
            problems=problems,
            workers=workers,
            distance=distance,
            rule=value_rule,
        )
    if not as_json:
        print_table(_table(found.findings()))
    if page is not None:
        page = write_data_page(found, page, guard=guard)
        if not as_json:
            show(page)
    problem = None if found.usable else _problem(dataset.name, len(found.bad))
    if as_json:
        about = {"data": dataset.name, "cases": len(found.cases), "bad_cases": len(found.bad)}
        findings = {"findings": found.findings(), "page": page}
        emit(about | {"usable": found.usable, "error": problem} | findings)
    if problem:
        raise AlreadyPrinted(problem) if as_json else IsthmusError(problem)


def _table(findings: list[Finding]) -> Any:
    table = table_of("", "finding", "count", "details", numbers=("count",))
    for row in findings:
        mark = {"error": "error", "warning": "!", "fact": ""}[row.level]
        add_row(table, mark, row.what, str(row.count), row.detail)
    return table


def _problem(name: str, bad: int) -> str:
    """Returns why a data set cannot be used for training."""
    what = f"{bad} case{'s' * (bad != 1)} cannot be used" if bad else "the cases do not fit together"
    return f"{name}: {what}; fix what the table calls an error, or leave it out"
