"""A contender in a process of its own, which works when it is asked to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.frame.benchmark import ROOT, Row, Settings, find
from benchmarks.frame.once import measure_once


class Process:
    """A process that answers every line with a line of JSON."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT.parent,
            env=environment,
        )

    def __call__(self, question: str = "measure") -> Any:
        """Asks a question and waits for the answer."""
        given, answers = self.process.stdin, self.process.stdout
        assert given
        assert answers
        with suppress(BrokenPipeError):
            print(question, file=given, flush=True)
        line = answers.readline()
        if not line:
            self.close()
            raise RuntimeError(f"{self.process.args} ended with code {self.process.returncode}")
        return json.loads(line)

    def close(self) -> None:
        """Ends the process, so that its memory is freed."""
        with suppress(BrokenPipeError):
            self.process.communicate()
        self.process.wait()


def worker(benchmark: str, row: Row, contender: str, settings: Settings) -> Process:
    """Starts one contender of a row of a benchmark in a process."""
    words = json.dumps(asdict(settings), default=str)
    command = [sys.executable, "-m", "benchmarks.frame.processes", benchmark, row.name, row.unit, contender]
    return Process([*command, words])


def serve(benchmark: str, name: str, unit: str, contender: str, words: str) -> None:
    """Answers as the process that `worker` starts."""
    given = json.loads(words)
    settings = Settings(**given | {key: Path(given[key]) for key in ("data", "out")})
    row = next(row for row in find(benchmark).rows(settings) if (row.name, row.unit) == (name, unit))
    work = row.contenders[contender]()
    for line in sys.stdin:
        if line.strip() == "measure":
            print(json.dumps(measure_once(work, row)), flush=True)
        else:
            work()
            print("null", flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
