"""Markdown from numbers: tables, paragraphs, spreads, YAML, the machine."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from benchmarks.frame.benchmark import SECONDS, Result
from benchmarks.frame.results import rows_of


def text(*pieces: str) -> list[str]:
    """Joins pieces to one paragraph."""
    return [*textwrap.wrap(" ".join(pieces), 118, break_long_words=False, break_on_hyphens=False), ""]


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Returns a table; all columns but the first are aligned to the right, and None is a dash."""
    body = [f"| {' | '.join('-' if cell is None else str(cell) for cell in row)} |" for row in rows]
    return [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1), *body, ""]


def contender_table(
    head: str,
    rows: Sequence[dict[str, Any]],
    cell: Callable[[dict[str, Any], str], str],
    facts: Mapping[str, Callable[[dict[str, Any]], str]] | None = None,
) -> list[str]:
    """Returns a table of a line for each row: its name, facts under their heads, and a cell for each contender."""
    names = list(dict.fromkeys(name for row in rows for name in row["values"]))
    facts = facts or {}
    return table(
        [head, *facts, *names],
        [
            [
                row["name"],
                *(fact(row) for fact in facts.values()),
                *(cell(row, name) if row["values"].get(name) is not None else None for name in names),
            ]
            for row in rows
        ],
    )


def ratio_cell(base: str, show: Callable[[float], str]) -> Callable[[dict[str, Any], str], str]:
    """Returns what formats a cell: in bold the value divided by that of ``base``, and in brackets the value."""
    return lambda row, name: (
        f"**{row['values'][name] / row['values'][base]:.2f}** ({show(row['values'][name])})"
    )


def compared(
    head: str, show: Callable[[float], str], base: str | None = None, unit: str = SECONDS
) -> Callable[[Sequence[Result]], list[str]]:
    """Returns the block of a benchmark that compares contenders: its rows of a unit, and the machine.

    Args:
        head: what the rows are.
        show: a value as text.
        base: the contender that the others are divided by, in bold before the value; None: the value alone.
        unit: of the rows.
    """

    def block(found: Sequence[Result]) -> list[str]:
        rows = rows_of(found[0], unit)
        cell = ratio_cell(base, show) if base else lambda row, name: show(row["values"][name])
        return [*contender_table(head, rows, cell), machine_line(rows[0]["machine"])]

    return block


def milliseconds(seconds: float) -> str:
    """Formats seconds as milliseconds, with three digits or more.

    >>> milliseconds(0.0012345), milliseconds(1.2345)
    ('1.23', '1234')
    """
    value = 1e3 * seconds
    return f"{value:.3g}" if value < 999.5 else f"{value:.0f}"


def mib(value: float) -> str:
    """Formats bytes as MiB.

    >>> mib(3 * 2**20)
    '3'
    """
    return f"{value / 2**20:.0f}"


def machine_line(machine: dict[str, Any]) -> str:
    """Returns the machine and the versions that were measured with."""
    memory = f", {machine['memory_gib']} GiB" if machine.get("memory_gib") else ""
    threads = (
        f", {machine['threads']} thread{'s' * (machine['threads'] != 1)}" if machine.get("threads") else ""
    )
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    where = machine.get("gpu") or f"{machine['processor']}, {machine['cores']} cores"
    return f"Measured on {where}{threads}{memory}; Python {machine['python']}, {versions}."


def machine_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Returns `machine_line`; of several machines, a line for each with the names of its rows."""
    machines: list[dict[str, Any]] = []
    for row in rows:
        if row["machine"] not in machines:
            machines.append(row["machine"])
    if len(machines) == 1:
        return [machine_line(machines[0])]
    names = ["; ".join(row["name"] for row in rows if row["machine"] == machine) for machine in machines]
    return [f"- {those}: {machine_line(machine)}" for those, machine in zip(names, machines, strict=True)]


def recipe(sections: dict[str, Any]) -> list[str]:
    """Formats recipe sections as YAML."""
    return ["```yaml", *yaml.safe_dump(sections, sort_keys=False, width=110).rstrip().splitlines(), "```", ""]


def inline(values: Any) -> str:
    """Formats values as YAML on one line."""
    return yaml.safe_dump(values, default_flow_style=True, sort_keys=False, width=1000).strip()


def spread(values: Sequence[float], digits: int) -> str:
    """Formats mean ± standard deviation; of one value, that value.

    >>> spread([1.0, 3.0], 1), spread([2.0], 1)
    ('2.0 ± 1.4', '2.0')
    """
    mean = f"{statistics.fmean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.{digits}f}"
