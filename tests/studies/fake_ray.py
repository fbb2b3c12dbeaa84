"""Ray imitated by forked processes, so that its use is tested where it is not installed."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from isthmus.errors import IsthmusError
from isthmus.studies.planning import find_data
from isthmus.studies.run import RunOptions, run_study
from isthmus.studies.running.execute import Outcome
from isthmus.studies.study import Study
from isthmus.watch import Silent

FORK = multiprocessing.get_context("fork")


class RayError(Exception):
    """What Ray says of itself."""


class RayTaskError(RayError):
    """What a task raised."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(
            f"ray::work()\nTraceback (most recent call last):\n  …\n{type(cause).__name__}: {cause}"
        )
        self.cause = cause


class Reference:
    """A task: its process, begun again when it dies; it is its own future."""

    def __init__(self, function: Any, words: tuple[Any, ...], retries: int) -> None:
        self.function, self.words, self.retries = function, words, retries
        self.outcome: Any = None
        self.begin()

    def begin(self) -> None:
        self.here, there = FORK.Pipe()
        self.process = FORK.Process(target=self._play, args=(there,))
        self.process.start()
        there.close()

    def _play(self, there: Any) -> None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115  # as in a process that was not forked
        try:
            there.send(self.function(*self.words))
        except Exception as error:
            there.send(RayTaskError(error) if not isinstance(error, IsthmusError) else error)

    def future(self) -> Reference:
        return self

    def done(self) -> bool:
        if self.outcome is None and not self.process.is_alive():
            self.process.join()
            if self.here.poll() and self.process.exitcode == 0:
                self.outcome = self.here.recv()
            elif self.retries:
                self.retries -= 1
                self.begin()
            else:
                self.outcome = RayError("The worker died unexpectedly.\nIts log is far away.")
        return self.outcome is not None

    def exception(self, timeout: float | None = None) -> Exception | None:
        self.process.join(timeout)
        if isinstance(self.outcome, IsthmusError):
            return RayTaskError(self.outcome)
        return self.outcome if isinstance(self.outcome, Exception) else None

    def result(self) -> int:
        return int(self.outcome)


class Ray(ModuleType):
    """The part of the library that is used."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.exceptions = ModuleType("ray.exceptions")
        self.exceptions.RayError = RayError  # type: ignore[attr-defined]
        self.resources: list[dict[str, float]] = [{"CPU": 2.0, "memory": 1e9}, {"CPU": 2.0}]
        self.running = False
        self.calls: list[Any] = []
        self.asked: list[dict[str, Any]] = []
        self.references: list[Reference] = []
        self.elsewhere = ""  # the folder of the study, as nodes see it

    def is_initialized(self) -> bool:
        return self.running

    def init(self, address: str | None = None, **options: Any) -> None:
        self.calls.append((address, options))

    def shutdown(self) -> None:
        self.calls.append("shutdown")

    def nodes(self) -> list[dict[str, Any]]:
        dead = {"Alive": False, "Resources": {"CPU": 64.0}}
        return [dead, *({"Alive": True, "Resources": each} for each in self.resources)]

    def remote(self, **kept: Any) -> Callable[[Any], Any]:
        def of(function: Any) -> Any:
            def options(**asked: Any) -> Any:
                def begin(path: str, *words: Any) -> Reference:
                    self.asked.append(asked)
                    words = (self.elsewhere or path, *words)
                    self.references.append(Reference(function, words, kept["max_retries"]))
                    return self.references[-1]

                return _named(remote=begin)

            return _named(options=options)

        assert kept["max_calls"] == 1
        return of

    def cancel(self, reference: Reference, force: bool) -> None:
        assert force
        reference.retries = 0
        reference.process.kill()
        self.calls.append("cancel")


def _named(**parts: Any) -> Any:
    return type("Named", (), {name: staticmethod(part) for name, part in parts.items()})


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Ray:
    fake = Ray()
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setitem(sys.modules, "ray.exceptions", fake.exceptions)
    for name in ("RAY_ADDRESS", "RAY_USAGE_STATS_ENABLED", "RAY_NUM_REDIS_GET_RETRIES"):
        monkeypatch.setenv(name, "")  # so that what is set is taken back
        monkeypatch.delenv(name)
    return fake


class Said(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def run_on(
    study: Study, out: Path, *, on: str = "ray", jobs: int | None = None, watch: Any = None
) -> Outcome:
    return run_study(
        study, find_data(study).complete(), out, watch or Silent(), options=RunOptions(jobs=jobs, on=on)
    )
