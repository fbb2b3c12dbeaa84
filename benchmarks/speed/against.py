"""This tree against an older commit of itself, through the public API and the command line only.

    python -m benchmarks speed.against --commit COMMIT

`git archive COMMIT` goes into a temporary folder. Every row runs in both trees, each in a process of its own, in turn,
and is timed by the processor's clock. A ratio above 1 says that this tree is faster.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.frame.benchmark import ONE_THREAD, ROOT, Benchmark, Result, Row, Settings
from benchmarks.frame.markdown import machine_line, table
from benchmarks.frame.processes import Process
from benchmarks.speed.against_work import WORKS

NOW, BEFORE = "now", "before"
ROUNDS, TOY_ROUNDS = 15, 2
LOWEST = 0.97
"""Ratio below which a row is marked."""


def archive(commit: str, folder: Path) -> Path:
    """Unpacks the sources of a commit, and returns the folder to import from."""
    packed = subprocess.run(
        ["git", "archive", commit, "src"], check=True, capture_output=True, cwd=ROOT.parent
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as file:
        file.extractall(folder, filter="data")
    return folder / "src"


def start(work: str, sources: Path, scratch: Path, toy: bool) -> Callable[[], float]:
    """Starts a piece of work in a process that imports from these sources, and returns what measures it."""
    script = Path(__file__).with_name("against_work.py")
    environment = os.environ | {"PYTHONPATH": str(sources)}
    process = Process([sys.executable, str(script), work, str(scratch), str(int(toy))], environment)
    process("warm up")
    return process


def rows(settings: Settings) -> Iterator[Row]:
    """Yields every piece of work in both trees."""
    if not settings.commit:
        print("left out: name an older commit with --commit")
        return
    with tempfile.TemporaryDirectory() as folder:
        trees = {NOW: ROOT.parent / "src", BEFORE: archive(settings.commit, Path(folder))}
        for name in WORKS:
            contenders = {}
            for tree, sources in trees.items():
                scratch = Path(folder) / f"{tree}-{name.replace(' ', '-')}"
                contenders[tree] = partial(start, name, sources, scratch, settings.toy)
            yield Row(
                name,
                {tree: lambda begin=begin: begin() for tree, begin in contenders.items()},
                unit="processor seconds",
                rounds=TOY_ROUNDS if settings.toy else ROUNDS,
                limit=60,
                facts=lambda _: {"commit": settings.commit},
            )


def ratio(row: dict[str, dict[str, float]], of: str) -> float:
    """Returns the time before, divided by the time now."""
    return row[of][BEFORE] / row[of][NOW]


def page(results: Sequence[Result]) -> list[str]:
    """Shows fastest and median times of both, and the ratios."""
    (result,) = results
    lines = []
    for row in result["rows"]:
        fastest, median = (ratio(row, of) for of in ("fastest", "values"))
        lines.append(
            [
                row["name"],
                f"{row['fastest'][BEFORE]:.3g}",
                f"{row['fastest'][NOW]:.3g}",
                f"**{fastest:.2f}**{'' if fastest >= LOWEST else ' (slower)'}",
                f"{median:.2f}",
                row["rounds"],
            ]
        )
    heads = ["work", "before, s", "now, s", "ratio", "ratio of medians", "rounds"]
    commit = result["rows"][0]["facts"]["commit"]
    return [
        f"Commit {commit} and the tree after it:",
        "",
        *table(heads, lines),
        machine_line(result["rows"][0]["machine"]),
    ]


BENCHMARK = Benchmark(rows, {"table": page}, packages=("numpy", "torch"), environment=ONE_THREAD)
