"""Watches that act at the steps of a training."""

from __future__ import annotations

import signal

from isthmus.watch import Silent


class Steps(Silent):
    """Acts at the steps of training, and at no other steps."""

    training = False

    def stage(self, label: str, total: int, done: int = 0) -> None:
        self.training = label == "training"

    def advance(self, text: str = "") -> None:
        if self.training:
            self.step()

    def step(self) -> None:
        raise NotImplementedError


class Asking(Steps):
    """Asks to stop after some steps, as Ctrl-C does."""

    def __init__(self, *at: int, number: int = signal.SIGINT) -> None:
        self.at, self.number, self.steps = at, number, 0
        self.lines: list[str] = []

    def step(self) -> None:
        self.steps += 1
        for _ in range(self.at.count(self.steps)):
            signal.raise_signal(self.number)

    def say(self, text: str) -> None:
        self.lines.append(text)
