"""The command: lists the benchmarks, runs them, writes the pages."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.frame import results
from benchmarks.frame.benchmark import ROOT, Settings, find, titles
from benchmarks.frame.machine import describe
from benchmarks.frame.measure import measure
from benchmarks.frame.pages import write_pages

USAGE = """python -m benchmarks                          lists the benchmarks
       python -m benchmarks NAME [NAME ...]          runs these; a folder's name stands for all in it
       python -m benchmarks pages                    writes the pages from the committed results"""


def main(arguments: list[str] | None = None) -> None:
    """Lists or runs benchmarks, or writes the pages."""
    words = sys.argv[1:] if arguments is None else arguments
    given = parser().parse_args(words)
    known = titles()
    if not given.names:
        width = max(map(len, known))
        print("\n".join(f"{name:{width}}  {title}" for name, title in known.items()))
        return
    if given.names == ["pages"]:
        print("\n".join(map(str, write_pages())) or "all pages are up to date")
        return
    names = [name for word in given.names for name in known if word in (name, name.partition(".")[0])]
    unknown = [word for word in given.names if not any(word in (n, n.partition(".")[0]) for n in known)]
    if unknown:
        raise SystemExit(f"no benchmark '{unknown[0]}': {', '.join(known)}")
    options = words[:]
    for word in given.names:
        options.remove(word)
    for name in names:  # each in a process of its own, so that one does not warm up another
        print(f"--- {name}: {known[name]}", flush=True)
        start = [sys.executable, "-m", "benchmarks.frame.command", name, *options]
        subprocess.run(start, check=True, cwd=ROOT.parent, env=os.environ | find(name).environment)


def parser() -> argparse.ArgumentParser:
    """Returns the options, the same for every benchmark."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", usage=USAGE)
    made.add_argument("names", nargs="*", help="benchmarks, as the list names them")
    made.add_argument("--only", default="", metavar="TEXT", help="only rows whose name contains this")
    made.add_argument("--missing", action="store_true", help="only rows that the results do not have yet")
    made.add_argument("--toy", action="store_true", help="small sizes, one round; prints and writes nothing")
    made.add_argument("--variant", default="", help="name of the file of results, as gpu")
    made.add_argument("--data", type=Path, default=Settings.data, help="folder of the data sets")
    made.add_argument("--out", type=Path, default=Settings.out, help="run folders, for benchmarks that train")
    made.add_argument("--commit", default="", help="the older commit, for speed.against")
    made.add_argument("--processor-time", action="store_true", help="time by the processor's clock")
    return made


def run(
    name: str, settings: Settings, only: str = "", variant: str = "", missing: bool = False
) -> list[dict[str, Any]]:
    """Measures the rows of a benchmark, stores each as soon as it is measured, and returns them."""
    benchmark, path, made = find(name), results.path_of(name, variant), []
    known = {results.key(row) for row in results.read(path)["rows"]} if missing else set()
    for row in benchmark.rows(settings):
        if only not in row.name or (row.name, row.unit) in known:
            continue
        measured = measure(name, row, settings)
        made.append(measured)
        print(shown(measured), flush=True)
        if not settings.toy:
            results.keep(path, measured | {"machine": describe(benchmark.packages)})
    if benchmark.facts and not only and not settings.toy:
        result = results.read(path)
        results.write(path, result | {"facts": benchmark.facts(settings, result["rows"])})
    return made


def shown(row: dict[str, Any]) -> str:
    """Returns a measured row as a line; in brackets each value divided by the first contender's."""
    first = next(iter(row["values"].values()), None)
    cells = []
    for name, value in row["values"].items():
        if isinstance(value, float | int) and isinstance(first, float | int) and first:
            cells.append(f"{name} {value:.4g} ({value / first:.2f})")
        else:
            cells.append(f"{name} {json.dumps(value)}")
    return f"{row['name']} ({row['unit']}): {', '.join(cells)}"


def _run_one(words: list[str]) -> None:
    given = parser().parse_args(words)
    chosen = {key: getattr(given, key) for key in ("toy", "data", "out", "commit", "processor_time")}
    run(given.names[0], Settings(**chosen), given.only, given.variant, given.missing)
    if not given.toy:
        for page in write_pages():
            print(page)


if __name__ == "__main__":
    _run_one(sys.argv[1:])
