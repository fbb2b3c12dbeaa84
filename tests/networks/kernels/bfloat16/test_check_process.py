"""The process that checks kernels may die, hang, end or be missing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from isthmus.networks.kernels.bfloat16 import check_process
from isthmus.networks.kernels.bfloat16.check_process import CannotCheck, Checker
from isthmus.networks.kernels.bfloat16.ways import FLOAT32, NATIVE

from .examples import KIND, KINDS

DIES = "import os\nprint('ready', flush=True)\ninput()\nos._exit(1)"


def test_a_kernel_that_ends_its_process_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checker, "command", (sys.executable, "-c", DIES))
    checker = Checker()
    assert not checker.ask(KIND, NATIVE)
    checker.close()


def test_a_kernel_that_never_ends_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Checker, "command", (sys.executable, "-c", "print('ready', flush=True)\nwhile True: pass")
    )
    monkeypatch.setattr(check_process, "LIMIT", 0.5)
    checker = Checker()
    assert not checker.ask(KIND, NATIVE)
    checker.close()


def test_a_process_that_ended_for_want_of_work_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    once = "print('ready', flush=True)\ninput()\nprint(True)"
    monkeypatch.setattr(Checker, "command", (sys.executable, "-c", once))
    checker = Checker()
    assert [checker.ask(KIND, NATIVE) for _ in range(3)] == [True] * 3
    checker.close()


@pytest.mark.parametrize("command", [(sys.executable, "-c", "pass"), ("no such program",), (None,)])
def test_a_process_that_does_not_start_is_told(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checker, "command", command)
    checker = Checker()
    with pytest.raises(CannotCheck):
        checker.ask(KIND, NATIVE)
    checker.close()


@pytest.mark.slow
def test_a_process_that_checks() -> None:
    checker = Checker()
    assert checker.ask(KIND, FLOAT32)
    assert checker.ask(KINDS["volumes"], FLOAT32)
    checker.close()


def test_a_forked_process_checker_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes that ask the same checker would read each other's answers."""
    pid = "import os\nprint('ready', flush=True)\nwhile input(): print(os.getpid(), flush=True)"
    monkeypatch.setattr(Checker, "command", (sys.executable, "-c", pid))
    checker = Checker()
    first = checker._answer("?\n")
    assert checker._answer("?\n") == first
    parents = checker._process
    with monkeypatch.context() as patch:
        patch.setattr(check_process.os, "getpid", lambda: -1)
        checker.close()
        assert parents.poll() is None
        assert checker._answer("?\n") != first
        checker.close()
    parents.communicate()


@pytest.mark.slow
def test_files_of_the_folder_are_not_taken_for_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    checker = Checker()
    assert checker.ask(KIND, FLOAT32)
    checker.close()
