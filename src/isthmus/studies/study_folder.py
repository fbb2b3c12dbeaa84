"""A study on disk: its plan, its cells (each a run folder), and the state of each."""

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
"""Data set (in small letters), network, measure."""


@dataclass(frozen=True)
class Planned:
    """A cell of a plan: the name of its run, where it stands on the axes, and the steps of its training."""

    name: str
    data: str
    network: str
    point: str
    fold: int
    repeat: int
    steps: int | None = None  # at most; None: not known before its data is read

    @property
    def label(self) -> str:
        """For messages."""
        parts = [self.data, self.network, self.point, f"fold {self.fold}", f"repeat {self.repeat}"]
        return ", ".join(filter(None, parts))


@dataclass(frozen=True)
class Plan:
    """All cells of a study, and what has to be said about it in every table."""

    cells: tuple[Planned, ...]
    scale: str = ""  # "small" or "paper" of a paper's study
    drawn: tuple[str, ...] = ()  # data sets that are phantoms
    absent: tuple[str, ...] = ()  # data sets that were not given
    jobs: int = 1


@dataclass(frozen=True)
class Order:
    """What a command asked for: a study, its plan on the data that is there, and the paper's own numbers."""

    study: Study
    plan: Plan
    printed: str | None = None


@dataclass(frozen=True)
class StudyFolder:
    """The files of one study."""

    path: Path

    @classmethod
    def open(cls, path: Path | str) -> StudyFolder:
        """An existing study.

        Raises:
            IsthmusError: the folder is missing or holds no study.
        """
        folder = cls(Path(path))
        if not folder.path.is_dir():
            raise IsthmusError(f"no folder at {path}; `isthmus study run` makes one")
        if not folder.plan_path.is_file():
            raise IsthmusError(
                f"{path} holds no study (no plan.json); name a folder that `isthmus study run` wrote"
            )
        return folder

    @property
    def study_path(self) -> Path:
        return self.path / "study.yaml"

    @property
    def printed_path(self) -> Path:
        """The paper's own numbers."""
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
    def phantoms(self) -> Path:
        return self.path / "phantoms"

    def run(self, name: str) -> RunFolder:
        """The run of a cell."""
        return RunFolder(self.cells / name)

    def lock(self, name: str) -> Path:
        """Held while a cell is computed."""
        return self.path / "locks" / name

    def log(self, name: str) -> Path:
        """What a cell's process printed."""
        return self.path / "logs" / f"{name}.txt"

    def times(self, name: str) -> Path:
        """How long a cell has taken."""
        return self.path / "times" / f"{name}.json"

    def failure(self, name: str) -> Path:
        """The traceback of a cell that failed."""
        return self.cells / name / FAILURE

    def recipe(self, name: str) -> Recipe:
        """What a cell is to compute."""
        return read_recipe(self._planned(name))

    def study(self) -> Study:
        """The study as it was last run."""
        return read_study(self.study_path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """While the block runs, no other command changes which study the folder tells of, nor its tables.

        Cells are computed all the while. Commands that ask for different studies of one folder each write theirs anew
        before they write tables.
        """
        self.begin()
        with ExitStack() as stack:
            with suppress(NoLocks):  # a study without cells needs none; cells say what they miss
                stack.enter_context(taken(self.path / "locks" / "study", patience=-1))
            yield

    def refuse_others(self) -> None:
        """Refuse a folder that holds other things than a study.

        Raises:
            IsthmusError: it does.
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
        """Make the folder, so that it is known as that of a study before it has a plan."""
        if not (self.path / MARK).is_file():
            write_text(self.path / MARK, "a study of isthmus\n")

    def write(self, study: Study, plan: Plan, recipes: Mapping[str, Recipe], printed: str | None) -> None:
        """Keep the study, its plan, and the recipe of each cell that is not done."""
        self.begin()
        for name, recipe in recipes.items():
            if not self.run(name).finished():
                write_yaml(self._planned(name), recipe.to_dict())
        _keep(
            self.study_path,
            yaml.safe_dump(study.to_dict() | {"printed": None}, sort_keys=False, allow_unicode=True),
        )
        if printed is not None:
            _keep(self.printed_path, printed)
        _keep(self.plan_path, json.dumps(asdict(plan), indent=1, ensure_ascii=False))

    def is_taken(self, name: str) -> bool:
        """Whether a living process computes a cell, as a part of the study or as a run by itself."""
        return is_taken(self.lock(name)) or is_taken(self.run(name).lock)

    def taken_beside(self, plan: Plan) -> int:
        """How many cells that are not of this plan other commands compute."""
        locks = self.path / "locks"
        known = {"study", *(cell.name for cell in plan.cells)}
        names = [path.name for path in locks.iterdir()] if locks.is_dir() else []
        return sum(self.is_taken(name) for name in names if name not in known)

    def is_told(self) -> bool:
        """Whether the page is younger than all that it is made of."""
        paths = [self.study_path, self.plan_path, self.printed_path]
        paths += [self.run(cell.name).cost for cell in self.plan().cells]
        paths += [self.failure(cell.name) for cell in self.plan().cells]
        if not self.page.is_file() or not (self.tables / "scores.md").is_file():
            return False
        page = self.page.stat().st_mtime_ns
        return all(path.stat().st_mtime_ns <= page for path in paths if path.is_file())

    def plan(self) -> Plan:
        """The plan.

        Raises:
            IsthmusError: it is broken.
        """
        plan = read_as(self.plan_path, Plan, "run the study again")
        try:
            for cell in plan.cells:
                refuse_name(cell.name)
        except IsthmusError as error:
            raise IsthmusError(f"{self.plan_path} is no plan ({error}); run the study again") from error
        return plan

    def printed(self) -> dict[Key, tuple[float, float]]:
        """The paper's own means and standard deviations (NaN where it prints none), by data set, network and measure.

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
        """How far a cell is."""
        if self.run(name).finished():
            return "done"
        if self.is_taken(name):
            return "running"
        return "failed" if self.failure(name).is_file() else "left"

    def fail(self, name: str, reason: str | BaseException) -> None:
        """Keep why a cell failed, in its folder."""
        if isinstance(reason, BaseException):
            reason = "".join(traceback.format_exception(reason))
        write_text(self.failure(name), reason)

    def why(self, name: str) -> str:
        """The last line of the traceback of a cell that failed."""
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


def _keep(path: Path, text: str) -> None:
    """Write a file, unless it says the same already."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
