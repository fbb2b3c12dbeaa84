"""A watch for tests."""

from __future__ import annotations


class Notes:
    """A watch that keeps what it receives."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.stages: dict[str, list[int]] = {}

    def stage(self, label: str, total: int, done: int = 0) -> None:
        self.stages[label] = [total, done]
        self._now = label

    def advance(self, text: str = "") -> None:
        self.stages[self._now][1] += 1

    def left(self, seconds: float) -> None:
        pass

    def say(self, text: str) -> None:
        self.said.append(text)
