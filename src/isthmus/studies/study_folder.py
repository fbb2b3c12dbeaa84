"""A study on disk: its plan, its cells (each a run folder), and the state of each cell."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import yaml

from isthmus.data.case_paths import refuse_name
from isthmus.errors import IsthmusError
from isthmus.files import number, read_table
from isthmus.locks import NoLocks, is_taken, taken
from isthmus.runs.files import write_text, write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe, read_recipe
from isthmus.shapes import read_as
from isthmus.studies.study import Study, read_study

State = Literal["done", "running", "failed", "left"]
FAILURE = "failed.txt"
MARK = ".isthmus-study"
Key = tuple[str, str, str]
"""Data set (in lower case), network, measure."""


@dataclass(frozen=True)
class Planned:
    """A cell of a plan: the name of its run, its place on each axis, and the steps of its training."""

    name: str
    data: str
    network: str
    point: str
    fold: int
    repeat: int
    steps: int | None = None  # at most; None: unknown until its data is read

    @property
    def label(self) -> str:
        """The cell's place on the axes, for messages."""
        parts = [self.data, self.network, self.point, f"fold {self.fold}", f"repeat {self.repeat}"]
        return ", ".join(filter(None, parts))


@dataclass(frozen=True)
class Plan:
    """All cells of a study, and what every table says about it."""

    cells: tuple[Planned, ...]
    scale: str = ""  # "small" or "paper" for a study of a paper
    drawn: tuple[str, ...] = ()  # data sets that phantoms replace
    absent: tuple[str, ...] = ()  # data sets that were not there
    jobs: int = 1


@dataclass(frozen=True)
class StudyRequest:
    """What a command computes: a study, its plan on the data that is there, and the paper's own numbers."""

    study: Study
    plan: Plan
    printed: str | None = None


@dataclass(frozen=True)
class StudyFolder:
    """The files of one study."""

    path: Path

    @classmethod
    def open(cls, path: Path | str) -> StudyFolder:
        """Opens an existing study.

        Raises:
            IsthmusError: the folder is missing or holds no study.
        """
        folder = cls(Path(path))
        if not folder.path.is_dir():
            raise IsthmusError(f"no folder at {path}; `isthmus study run` creates one")
        if not folder.plan_path.is_file():
            raise IsthmusError(
                f"{path} holds no study (no plan.json); give a folder that `isthmus study run` wrote"
            )
        return folder

    @property
    def study_path(self) -> Path:
        return self.path / "study.yaml"

    @property
    def printed_path(self) -> Path:
        """The numbers that the paper prints."""
        return self.path / "printed.csv"

    @property
    def plan_path(self) -> Path:
        return self.path / "plan.json"

    @property
    def cells(self) -> Path:
        return self.path / "cells"

    @property
    def tables(self) -> Path:
        return self.path / "tables"

    @property
    def page(self) -> Path:
        return self.path / "report.html"

    @property
    def processor(self) -> Path:
        """The processor time of all commands that computed the study."""
        return self.path / "processor.json"

    @property
    def phantoms(self) -> Path:
        return self.path / "phantoms"

    def run(self, name: str) -> RunFolder:
        """Returns the run of a cell."""
        return RunFolder(self.cells / name)

    def lock(self, name: str) -> Path:
        """Returns the lock that is held while a cell is computed."""
        return self.path / "locks" / name

    def log(self, name: str) -> Path:
        """Returns the file with what the cell's process printed."""
        return self.path / "logs" / f"{name}.txt"

    def times(self, name: str) -> Path:
        """Returns the record of how long a cell has taken."""
        return self.path / "times" / f"{name}.json"

    def forecast(self, name: str) -> Path:
        """Returns the record of how long a cell will take, as a step of its training tells."""
        return self.path / "times" / f"{name}.forecast.json"

    def failure(self, name: str) -> Path:
        """Returns the file with the traceback of a failed cell."""
        return self.cells / name / FAILURE

    def recipe(self, name: str) -> Recipe:
        """Reads the recipe of a cell."""
        return read_recipe(self._planned(name))

    def study(self) -> Study:
        """Reads the study as it was last run."""
        return read_study(self.study_path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other commands from changing the study, the plan and the tables while the block runs.

        Cells may be computed meanwhile. Commands that run different studies in one folder each write their own study
        again before they write tables.
        """
        self.begin()
        with ExitStack() as stack:
            with suppress(NoLocks):  # a study without cells needs no locks; cells say what they need
                stack.enter_context(taken(self.path / "locks" / "study", patience=-1))
            yield

    def refuse_others(self) -> None:
        """Refuses a folder that holds something other than a study.

        Raises:
            IsthmusError: the folder is a file, or is neither empty nor a study.
        """
        if self.path.exists() and not self.path.is_dir():
            raise IsthmusError(f"{self.path} is a file; choose another --out")
        if not self.path.is_dir() or (self.path / MARK).is_file():
            return
        if not any(path.suffix != ".part" for path in self.path.iterdir()):
            return
        try:
            self.plan()
        except IsthmusError as error:
            raise IsthmusError(f"{self.path} exists and holds no study; choose another --out") from error

    def begin(self) -> None:
        """Makes the folder, marked as a study's before it has a plan."""
        if not (self.path / MARK).is_file():
            write_text(self.path / MARK, "a study of isthmus\n")

    def write(self, study: Study, plan: Plan, recipes: Mapping[str, Recipe], printed: str | None) -> None:
        """Writes the study, its plan, and the recipe of each cell that is not done."""
        self.begin()
        for name, recipe in recipes.items():
            if not self.run(name).finished():
                write_yaml(self._planned(name), recipe.to_dict())
        _write_changed(
            self.study_path,
            yaml.safe_dump(study.to_dict() | {"printed": None}, sort_keys=False, allow_unicode=True),
        )
        if printed is not None:
            _write_changed(self.printed_path, printed)
        _write_changed(self.plan_path, json.dumps(asdict(plan), indent=1, ensure_ascii=False))

    def is_taken(self, name: str) -> bool:
        """Returns whether a running process computes a cell, as part of the study or as a run of its own."""
        return is_taken(self.lock(name)) or is_taken(self.run(name).lock)

    def taken_outside(self, plan: Plan) -> int:
        """Counts the cells outside this plan that other commands are computing."""
        locks = self.path / "locks"
        known = {"study", *(cell.name for cell in plan.cells)}
        names = [path.name for path in locks.iterdir()] if locks.is_dir() else []
        return sum(self.is_taken(name) for name in names if name not in known)

    def page_is_current(self) -> bool:
        """Returns whether the page is newer than everything it is made from."""
        paths = [self.study_path, self.plan_path, self.printed_path]
        paths += [self.run(cell.name).cost for cell in self.plan().cells]
        paths += [self.failure(cell.name) for cell in self.plan().cells]
        if not self.page.is_file() or not (self.tables / "scores.md").is_file():
            return False
        page = self.page.stat().st_mtime_ns
        return all(path.stat().st_mtime_ns <= page for path in paths if path.is_file())

    def plan(self) -> Plan:
        """Reads the plan.

        Raises:
            IsthmusError: the file is damaged.
        """
        plan = read_as(self.plan_path, Plan, "run the study again")
        try:
            for cell in plan.cells:
                refuse_name(cell.name)
        except IsthmusError as error:
            raise IsthmusError(f"{self.plan_path} is not a plan ({error}); run the study again") from error
        return plan

    def printed(self) -> dict[Key, tuple[float, float]]:
        """Reads the means and standard deviations that the paper prints, NaN where it prints none.

        Raises:
            IsthmusError: the file is not such a table.
        """
        if not self.printed_path.is_file():
            return {}
        rows = read_table(self.printed_path, ("dataset", "model", "metric", "mean", "sd"))
        return {
            (line["dataset"].casefold(), line["model"], line["metric"]): (
                self._printed(line["mean"]),
                self._printed(line["sd"]),
            )
            for line in rows
        }

    def state(self, name: str) -> State:
        """Returns the state of a cell."""
        if self.run(name).finished():
            return "done"
        if self.is_taken(name):
            return "running"
        return "failed" if self.failure(name).is_file() else "left"

    def fail(self, name: str, reason: str | BaseException) -> None:
        """Writes why a cell failed into its folder."""
        if isinstance(reason, BaseException):
            reason = "".join(traceback.format_exception(reason))
        write_text(self.failure(name), reason)

    def why(self, name: str) -> str:
        """Returns the last line of a failed cell's traceback; empty if there is none."""
        try:
            lines = self.failure(name).read_text(encoding="utf-8").split("\n")
        except OSError:
            return ""
        line = next((line for line in reversed(lines) if line.strip()), "")
        return line.removeprefix("isthmus.errors.IsthmusError: ")

    def _printed(self, cell: str) -> float:
        found = number(cell, self.printed_path)
        return math.nan if found is None else found

    def _planned(self, name: str) -> Path:
        return self.path / "planned" / f"{name}.yaml"


def _write_changed(path: Path, text: str) -> None:
    """Writes a file, unless it holds the same text already."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
