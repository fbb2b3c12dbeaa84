"""Calling the command line in this process."""

from __future__ import annotations

import re
import sys

import pytest

from isthmus.cli import main as cli

SMALL = [
    "network.options={widths: [4, 8]}",
    "training.epochs=2",
    "samples=4",
    "batch=2",
    "input.patch=32",
    "threads=1",
]
"""Recipe values for a training of a second."""


def call(*words: object) -> int:
    """Runs the command; its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["isthmus", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
    return int(end.value.code or 0)


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The only line on standard error that complains."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("isthmus: ")]
    assert len(lines) == 1
    return lines[0]


def table(text: str) -> list[list[str]]:
    """Returns the cells of a printed table, row by row; at least two blanks separate them."""
    return [re.split(r" {2,}", line.strip()) for line in text.splitlines()]
