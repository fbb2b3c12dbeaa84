"""Measures a row: contenders take turns, in this process or each in a process of its own."""

from __future__ import annotations

import statistics
import time
from typing import Any

from benchmarks.frame.benchmark import SECONDS, Row, Settings, Work
from benchmarks.frame.once import measure_once
from benchmarks.frame.processes import worker
from isthmus.errors import IsthmusError


def measure(benchmark: str, row: Row, settings: Settings) -> dict[str, Any]:
    """Returns the row as it is stored: the median of every contender and, of several rounds, its best value."""
    outputs: dict[str, Any] = {}
    taken = _in_processes(benchmark, row, settings) if row.own_process else _here(row, outputs)
    result: dict[str, Any] = {
        "name": row.name,
        "unit": row.unit,
        "values": {name: _median(values) for name, values in taken.items()},
    }
    rounds = max(map(len, taken.values()), default=0)
    if rounds > 1:
        result |= {"rounds": rounds, "fastest": {name: min(values) for name, values in taken.items()}}
    if row.unit == SECONDS:
        result["clock"] = "processor" if row.clock is time.process_time else "wall"
    if row.facts:
        result["facts"] = row.facts(outputs)
    return result


def _here(row: Row, outputs: dict[str, Any]) -> dict[str, list[Any]]:
    """Measures in this process, after one call of each contender to warm up."""
    works: dict[str, Work] = {}
    for name, prepare in row.contenders.items():
        try:
            works[name] = prepare()
            if row.unit == SECONDS:
                outputs[name] = works[name]()
        except (ImportError, IsthmusError) as error:
            works.pop(name, None)
            print(f"{row.name}: {name} is left out ({error})", flush=True)
    taken: dict[str, list[Any]] = {name: [] for name in works}
    started = time.perf_counter()
    for done in range(row.rounds):
        if row.limit is not None and done >= 3 and time.perf_counter() - started > row.limit:
            break
        for name in works if done % 2 == 0 else reversed(works):
            taken[name] += [measure_once(works[name], row) for _ in range(row.repeats)]
    if row.unit != SECONDS:
        outputs |= {name: values[-1] for name, values in taken.items() if values}
    for work in works.values():
        getattr(work, "close", lambda: None)()
    return taken


def _in_processes(benchmark: str, row: Row, settings: Settings) -> dict[str, list[Any]]:
    """Measures in processes, one at a time, as together they could fill the machine's memory."""
    taken: dict[str, list[Any]] = {name: [] for name in row.contenders}
    for _ in range(row.rounds):
        for name in row.contenders:
            process = worker(benchmark, row, name, settings)
            if row.unit == SECONDS:
                process("warm up")
            taken[name] += [process("measure") for _ in range(row.repeats)]
            process.close()
    return taken


def _median(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else statistics.median(values)
