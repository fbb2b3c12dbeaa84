"""One measurement of a contender's work."""

from __future__ import annotations

from typing import Any

from benchmarks.frame.benchmark import BYTES, SECONDS, Row, Work
from benchmarks.frame.memory import peak_memory


def measure_once(work: Work, row: Row) -> Any:
    """Measures the work once."""
    if row.unit == BYTES:
        return peak_memory(work)
    if row.unit != SECONDS:
        return work()
    start = row.clock()
    for _ in range(row.calls):
        work()
    return (row.clock() - start) / row.calls
