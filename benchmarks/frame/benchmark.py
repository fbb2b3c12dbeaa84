"""A benchmark is a list of rows; a row is a name, contenders that do the same work, and a unit.

A file in a folder beside this one is a benchmark if it defines ``BENCHMARK``; the first line of its docstring is its
title, and its place is its name: ``benchmarks/speed/epoch.py`` is ``speed.epoch``.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

SECONDS, BYTES = "seconds", "bytes"
"""Units that the frame measures; in any other unit a contender's work returns its own value."""

ROOT = Path(__file__).parents[1]
MARK = "\nBENCHMARK = Benchmark("

Work = Callable[[], Any]
Result = dict[str, Any]
"""A file of results: ``rows`` and, where a benchmark has them, ``facts``."""


@dataclass(frozen=True)
class Settings:
    """Options of the command line, which every benchmark receives.

    Attributes:
        toy: small sizes and one round; nothing is written.
        data: the folder that holds the data sets, each in a folder of its name.
        out: the folder of run folders, for benchmarks that train.
        commit: the older commit that `speed.against` compares with.
        processor_time: time by the processor's clock, on a machine that others use too.
    """

    toy: bool = False
    data: Path = Path("../shared/data")
    out: Path = Path("runs/benchmarks")
    commit: str = ""
    processor_time: bool = False

    @property
    def clock(self) -> Callable[[], float]:
        return time.process_time if self.processor_time else time.perf_counter


@dataclass(frozen=True)
class Row:
    """One line of a benchmark.

    Attributes:
        name: unique among the rows of one unit.
        contenders: by name, a function that prepares a contender and returns its work. A contender that raises
            ImportError or IsthmusError is left out.
        unit: `SECONDS`: the work is timed. `BYTES`: its peak memory is taken. Any other: the work returns the value.
        rounds: how often the contenders take turns; the result is the median.
        limit: seconds after which no further round begins, once there are three.
        calls: how often the work is done in one measurement, which is their mean.
        repeats: measurements of a contender in each of its turns.
        own_process: every turn of a contender runs in a process of its own.
        clock: what times the work.
        facts: further facts about the row, from what each contender's work returned.
    """

    name: str
    contenders: Mapping[str, Callable[[], Work]]
    unit: str = SECONDS
    rounds: int = 1
    limit: float | None = None
    calls: int = 1
    repeats: int = 1
    own_process: bool = False
    clock: Callable[[], float] = time.perf_counter
    facts: Callable[[dict[str, Any]], dict[str, Any]] | None = None


@dataclass(frozen=True)
class Benchmark:
    """Rows, and the blocks of the pages that are made of their results.

    Attributes:
        blocks: by name, a function from the results (one for each variant) to lines of Markdown.
        facts: facts about all rows together, from the rows.
        packages: whose versions are stored.
        environment: variables of the process that measures.
    """

    rows: Callable[[Settings], Iterable[Row]]
    blocks: Mapping[str, Callable[[Sequence[Result]], list[str]]] = field(default_factory=dict)
    facts: Callable[[Settings, list[dict[str, Any]]], dict[str, Any]] | None = None
    packages: tuple[str, ...] = ("numpy", "scipy", "torch")
    environment: Mapping[str, str] = field(default_factory=dict)


def ready(work: Work) -> Callable[[], Work]:
    """Returns a contender that needs no preparation."""
    return lambda: work


def titles() -> dict[str, str]:
    """Returns the title of every benchmark, by name."""
    found = {}
    for path in sorted(ROOT.glob("*/*.py")):
        text = path.read_text(encoding="utf-8")
        if MARK in text:
            title = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
            found[f"{path.parent.name}.{path.stem}"] = title
    return found


def find(name: str) -> Benchmark:
    """Imports the benchmark of this name."""
    found: Benchmark = import_module(f"benchmarks.{name}").BENCHMARK
    return found


ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
