"""Stores what was measured on this machine, so that it is measured only once."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import torch

from isthmus.files import user_cache


class Known:
    """Answers by question, in a file to which every process appends lines.

    Damaged lines are ignored. Answers that cannot be written last as long as this process.

    Attributes:
        path: the file.
        trouble: why answers cannot be written; None if they can.
        answers: all answers by question.

    >>> known = Known(Path("/dev/null/nowhere"))
    >>> known.add("answer", 42)
    42
    >>> known.answers, known.trouble is None
    ({'answer': 42}, False)
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble: str | None = None
        self.answers: dict[str, Any] = {}
        self._read()

    def add(self, question: str, answer: Any) -> Any:
        """Stores an answer and returns the one that was stored first, so that all processes use the same."""
        line = json.dumps({"question": question, "answer": answer})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"\n{line}\n")  # the line before may be incomplete
        except OSError as error:
            self.trouble = f"{self.path}: cannot be written ({error.strerror})"
        self._read()
        return self.answers.setdefault(question, answer)

    def _read(self) -> None:
        with suppress(OSError):
            for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError, TypeError, KeyError, RecursionError):
                    record = json.loads(line)
                    self.answers.setdefault(str(record["question"]), record["answer"])


@cache
def of_this_machine() -> Known:
    """Returns what is known about this processor with this build of the framework."""
    digest = hashlib.sha256(json.dumps([_processor(), torch.__version__, _settings()]).encode())
    return Known(user_cache() / "kernels" / f"{digest.hexdigest()[:16]}.jsonl")


def _settings() -> list[str]:
    """Returns the settings that make the framework choose other kernels on the same processor."""
    chosen = [
        f"{name}={value}" for name, value in os.environ.items() if name.startswith(("ONEDNN_", "DNNL_"))
    ]
    return [*sorted(chosen), torch.backends.cpu.get_cpu_capability()]


def _processor() -> list[str]:
    """Returns model and instructions of the processor."""
    with suppress(OSError):
        first, _, _ = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").partition("\n\n")
        wanted = ("vendor_id", "cpu family", "model", "stepping", "flags", "CPU ", "Features")
        return [line for line in first.splitlines() if line.startswith(wanted)]
    return [platform.system(), platform.machine(), platform.processor()]
