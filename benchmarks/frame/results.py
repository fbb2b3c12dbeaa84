"""Committed results: one JSON file for a benchmark and variant, with the machine beside every row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.frame.benchmark import ROOT, Result
from isthmus.runs.files import write_text

RESULTS = ROOT / "results"


def path_of(benchmark: str, variant: str = "") -> Path:
    """Returns the file of a benchmark's results: ``speed/epoch.json``, or ``speed/epoch-gpu.json``."""
    folder, _, name = benchmark.rpartition(".")
    return RESULTS / folder / f"{name}{'-' * bool(variant)}{variant}.json"


def read(path: Path) -> Result:
    """Returns the results of a file; none where there is no file."""
    found: Result = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"rows": []}
    machines = found.pop("machines", [])
    for row in found["rows"]:
        if "machine" in row:
            row["machine"] = machines[row["machine"]]
    return found


def every(benchmark: str) -> list[Result]:
    """Returns the results of all variants."""
    plain = path_of(benchmark)
    return [
        read(path) for path in (plain, *sorted(plain.parent.glob(f"{plain.stem}-*.json"))) if path.is_file()
    ]


def key(row: dict[str, Any]) -> tuple[str, str]:
    """Returns what identifies a row in a file."""
    return row["name"], row["unit"]


def keep(path: Path, row: dict[str, Any]) -> None:
    """Stores a row, in the place of the earlier row of the same name and unit."""
    result = read(path)
    names = [key(each) for each in result["rows"]]
    if key(row) in names:
        result["rows"][names.index(key(row))] = row
    else:
        result["rows"].append(row)
    write(path, result)


def write(path: Path, result: Result) -> None:
    """Writes a file of results; the rows of one machine refer to one description of it."""
    machines: list[dict[str, Any]] = []
    compact = []
    for row in result["rows"]:
        machine = row.get("machine")
        if machine is not None and machine not in machines:
            machines.append(machine)
        compact.append(row if machine is None else row | {"machine": machines.index(machine)})
    result = result | {"machines": machines, "rows": compact}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def rows_of(result: Result, unit: str) -> list[dict[str, Any]]:
    """Returns the rows of a unit."""
    return [row for row in result["rows"] if row["unit"] == unit]
