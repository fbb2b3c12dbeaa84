"""Text, JSON, YAML and CSV files of a run; each is written completely or not at all."""

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
"""Beginnings of texts that a spreadsheet would compute, with or without the quote that `cell` puts in front."""


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text; lone surrogates are written as their codes."""
    write_bytes(path, text.encode(errors="backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Writes indented JSON."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_yaml(path: Path, value: Any) -> None:
    """Writes YAML, keys in the given order."""
    write_text(path, yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110))


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Writes rows under a header; None becomes an empty cell, texts are escaped by `cell`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writerow({name: cell(name) for name in columns})
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    write_text(path, text.getvalue())


def cell(value: Any) -> Any:
    """Escapes a value for a cell of a CSV: a text that a spreadsheet would compute gets a quote in front.

    >>> cell("=1+1"), cell("cell"), cell("-3"), cell(-3.0)
    ("'=1+1", 'cell', '-3', -3.0)
    """
    return (
        f"'{value}" if isinstance(value, str) and _COMPUTED.match(value) and not _is_number(value) else value
    )


def read_cell(text: str) -> str:
    """Reverses `cell`.

    >>> read_cell("'=1+1"), read_cell("'quoted'")
    ('=1+1', "'quoted'")
    """
    return text[1:] if text.startswith("'") and _COMPUTED.match(text) else text


@dataclass(frozen=True)
class CsvRows:
    """Content of a CSV file: the names of its columns, and each row with its line number."""

    columns: tuple[str, ...]
    lines: tuple[tuple[int, dict[str, str]], ...]


def read_csv(path: Path, columns: Sequence[str] = ()) -> CsvRows:
    """Reads what `write_csv` wrote, every cell as text.

    Args:
        columns: names of columns that the file must have.

    Raises:
        IsthmusError: the file cannot be read, lacks one of these columns, or has a row with fewer or more cells than
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
    """Reads a YAML file; nothing in it is executed.

    Raises:
        IsthmusError: the file is missing or is not YAML.
    """
    return parse_yaml(read_text(path), f"{path}: not valid YAML", "correct the file")


def parse_yaml(text: str, where: str, cure: str) -> Any:
    """Reads the values in a YAML text.

    Args:
        text: the YAML text.
        where: beginning of the error message, which says where the text comes from.
        cure: end of the error message, which says what to do.

    Raises:
        IsthmusError: the text is not YAML, or holds an impossible value such as a thirteenth month.
    """
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())  # the library's own conversions raise all of these
        raise IsthmusError(f"{where} ({reason}); {cure}") from error
