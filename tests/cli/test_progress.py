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


def test_a_time_that_was_told_takes_the_place_of_an_even_pace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with Display() as display:
        display.left(500.0)  # of no stage
        display.stage("cells", 4)
        for left in (600.0, 30.0, 1.0):
            now[0] += 21.0
            display.advance()
            display.left(left)
    assert capsys.readouterr().err.splitlines() == [
        "cells: 1/4, 1:03 left",
        "cells: 2/4, 9:39 left",
        "cells: 3/4, 0:09 left",
    ]


def test_the_bar_shows_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    now = [0.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    display = Display()
    said: list[str] = []
    display._bar = SimpleNamespace(  # type: ignore[assignment]
        add_task=lambda *_, **__: 0, update=lambda *_, **given: said.append(given["left"])
    )
    display.stage("cells", 3)
    now[0] = 10.0
    display.advance("one")
    display.left(90.0)
    assert said == ["0:20 left", "1:30 left"]
