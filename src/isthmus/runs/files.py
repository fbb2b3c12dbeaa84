"""Text, JSON, YAML and CSV of a run, each file whole or not at all."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from isthmus.errors import IsthmusError
from isthmus.files import atomic_path, parse_json, read_json, read_table, read_text, write_bytes

__all__ = [
    "atomic_path",
    "parse_json",
    "parse_yaml",
    "read_json",
    "read_table",
    "read_yaml",
    "write_bytes",
    "write_csv",
    "write_json",
    "write_text",
    "write_yaml",
]


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """`write_text` of indented JSON."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_yaml(path: Path, value: Any) -> None:
    """`write_text` of YAML in the given order."""
    write_text(path, yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110))


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write rows under a header; a cell that is None stays empty."""
    with atomic_path(path) as aside, aside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


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
