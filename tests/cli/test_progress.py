"""Progress without a terminal: a line now and then, with the time left."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from isthmus.cli import progress
from isthmus.cli.progress import Display


class Terminal:
    """Standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("kind", "drawn"), [("xterm", True), ("dumb", False), ("unknown", False)])
def test_a_bar_is_drawn_where_the_terminal_can(
    kind: str, drawn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert Display().interactive is drawn
    monkeypatch.setattr(progress, "quiet", True)
    assert not Display().interactive


def test_lines_are_sparse_and_tell_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with Display() as display:
        display.stage("predicting", 10)
        for _ in range(10):
            now[0] += 7.0
            display.advance()
    # 7 s each; a line after 21 s, 42 s and 63 s
    assert capsys.readouterr().err.splitlines() == [
        "predicting: 3/10, 0:49 left",
        "predicting: 6/10, 0:28 left",
        "predicting: 9/10, 0:07 left",
    ]
