"""Text, JSON, YAML and CSV of a run, each file whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from isthmus.errors import IsthmusError
from isthmus.files import atomic_path, parse_json, read_json, read_table, read_text, write_bytes

__all__ = [
    "atomic_path",
    "cell",
    "parse_json",
    "parse_yaml",
    "read_cell",
    "read_csv",
    "read_json",
    "read_table",
    "read_yaml",
    "write_bytes",
    "write_csv",
    "write_json",
    "write_text",
    "write_yaml",
]


_COMPUTED = re.compile(r"'*[=+\-@\t\r\n]")
"""How a text begins that a spreadsheet takes for a formula, or as such a text is written."""


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8 text; what is no letter is written as its code."""
    write_bytes(path, text.encode(errors="backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """`write_text` of indented JSON."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_yaml(path: Path, value: Any) -> None:
    """`write_text` of YAML in the given order."""
    write_text(path, yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110))


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write rows under a header; a cell that is None stays empty, texts are written as `cell` says."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writerow({name: cell(name) for name in columns})
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    write_text(path, text.getvalue())


def cell(value: Any) -> Any:
    """A value for a cell of a CSV: a text that a spreadsheet would compute gets a quote in front, numbers stay.

    >>> cell("=1+1"), cell("cell"), cell("-3"), cell(-3.0)
    ("'=1+1", 'cell', '-3', -3.0)
    """
    return (
        f"'{value}" if isinstance(value, str) and _COMPUTED.match(value) and not _is_number(value) else value
    )


def read_cell(text: str) -> str:
    """What `cell` was given.

    >>> read_cell("'=1+1"), read_cell("'quoted'")
    ('=1+1', "'quoted'")
    """
    return text[1:] if text.startswith("'") and _COMPUTED.match(text) else text


@dataclass(frozen=True)
class CsvRows:
    """The content of a CSV file: the names of its columns, and each row with the number of its line."""

    columns: tuple[str, ...]
    lines: tuple[tuple[int, dict[str, str]], ...]


def read_csv(path: Path, columns: Sequence[str] = ()) -> CsvRows:
    """Reads what `write_csv` wrote, every cell as text.

    Raises:
        IsthmusError: it cannot be read, lacks one of these columns, or a row has fewer or more cells than there are
            columns.
    """
    try:
        reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
        rows = [(reader.line_num, [*map(read_cell, cells)]) for cells in reader if cells]
    except csv.Error as error:
        raise IsthmusError(f"{path}: cannot be read ({error}); restore the file or run again") from error
    (_, names), *lines = rows or [(1, [])]
    for column in columns:
        if column not in names:
            raise IsthmusError(f"{path}: has no column '{column}'; restore the file or run again")
    for line, cells in lines:
        if len(cells) != len(names):
            found = f"{len(cells)} cells under {len(names)} columns"
            raise IsthmusError(f"{path}, line {line}: {found}; restore the file or run again")
    return CsvRows(tuple(names), tuple((line, dict(zip(names, cells, strict=True))) for line, cells in lines))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_yaml(path: Path) -> Any:
    """Read YAML (data only, nothing is executed); a missing or broken file is an `IsthmusError`."""
    return parse_yaml(read_text(path), f"{path}: not valid YAML", "mend the file")


def parse_yaml(text: str, where: str, cure: str) -> Any:
    """The values that YAML stands for.

    Raises:
        IsthmusError: it is not YAML, or names a value that there is not, such as 13 as a month.
    """
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())  # the library's own conversions raise all of these
        raise IsthmusError(f"{where} ({reason}); {cure}") from error
