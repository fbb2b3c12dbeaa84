"""A process answers every question, and says so when it ends."""

from __future__ import annotations

import sys

import pytest
from benchmarks.frame.processes import Process


def test_a_process_answers_and_ends() -> None:
    code = "import sys\nfor line in sys.stdin: print(len(line.strip()), flush=True)"
    process = Process([sys.executable, "-c", code])
    assert (process("four"), process("sixsix")) == (4, 6)
    process.close()
    assert process.process.returncode == 0


def test_a_process_that_fails_is_named_with_its_code() -> None:
    process = Process([sys.executable, "-c", "input(); raise SystemExit(3)"])
    with pytest.raises(RuntimeError, match="ended with code 3"):
        process()
    process.close()
