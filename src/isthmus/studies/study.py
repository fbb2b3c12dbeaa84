"""A study: recipes along axes (data × network × fold × repeat × grid), validated, and stored as YAML."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from isthmus.errors import IsthmusError, nearest
from isthmus.metrics.table import METRICS
from isthmus.runs.files import read_yaml
from isthmus.runs.recipe import Recipe, make_recipe, parse_overrides
from isthmus.shapes import fault, shown
from isthmus.studies.figure_registry import FIGURES

FOLDED = ("kfold", "mildnet", "multiresunet", "sharp", "within-case", "nnunet")
"""Protocols that have folds."""

REPEATED = ("sharp", "sharp-code")
"""Protocols with repeats of their own; the others are repeated with another seed."""

COSTS = ("parameters", "peak_memory_bytes")
"""Columns of a network's cost that a table may show."""

Positive = Annotated[int, Field(ge=1, le=10**9)]
Floor = Annotated[float, Field(gt=0, lt=1)]
Floors = Floor | dict[str, Floor] | None
"""The mean Dice above which every cell is to end: one number, or one for each data set that has a floor."""
Sections = dict[str, Any]
_NETWORK = ("model", "version", "options", "heads", "initialisation")


class Part(BaseModel):
    """A part of a study; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class Measure(Part):
    """A column of the tables."""

    name: str  # its heading, and its name in the paper's table
    column: str  # a column of cases.csv, or of the cost
    scale: float = 1.0  # a factor: 100 for percent
    digits: Annotated[int, Field(ge=0, le=8)] = 4

    @field_validator("column")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in COSTS and value not in METRICS:
            raise ValueError(f"no such score: {nearest(value, (*METRICS, *COSTS))}")
        return value

    @property
    def is_cost(self) -> bool:
        """Whether it measures the network rather than cases."""
        return self.column in COSTS


class Phantoms(Part):
    """Images that replace missing data."""

    kind: Literal["nuclei", "touching", "organs"] = "nuclei"
    cases: Positive = 10
    size: Annotated[int, Field(ge=32, le=512)] = 64  # pixels a side
    slices: Annotated[int, Field(ge=8, le=64)] = 8  # of volumes
    seed: int = 0


class Small(Part):
    """What changes at the small scale."""

    recipe: Sections = {}
    data: dict[str, Sections] = {}  # overrides the sections of the study
    drawn: dict[str, Sections] = {}  # the same where phantoms stand in, for the values of their masks
    phantoms: Phantoms | dict[str, Phantoms] = Phantoms()
    networks: dict[str, Sections] = {}
    folds: Positive | list[Annotated[int, Field(ge=0)]] | None = None
    repeats: Positive | None = None
    grid: dict[str, list[Any]] | None = None
    around: dict[str, Any] | None = None
    floor: Floors = None


class Study(Part):
    """Many runs that are compared."""

    name: Annotated[str, Field(pattern=r"^[\w./-]+$")]
    title: str = ""
    paper: str = ""
    notes: list[str] = []  # what readers of the tables have to know
    preset: Literal["default", "paper", "keras"] = "paper"
    recipe: Sections = {}  # what all cells share
    data: dict[str, Sections] = {}  # label -> sections, or the source alone
    networks: dict[str, Sections]  # label -> sections, or the model alone
    only: dict[str, list[str]] = {}  # network -> its data sets, if it is not for all
    folds: Positive | list[Annotated[int, Field(ge=0)]] = 1
    repeats: Positive = 1
    grid: dict[str, list[Any]] = {}  # section.key -> values
    around: dict[str, Any] | None = (
        None  # the centre, from which one key at a time varies; None: all combinations
    )
    measures: Annotated[list[Measure], Field(min_length=1)] = [
        Measure(name="Dice", column="dice"),
        Measure(name="IoU", column="iou"),
        Measure(name="Hausdorff distance", column="hausdorff_distance", digits=2),
    ]
    scored: Literal["test", "validation"] | None = None  # the scored set; None: test if there is one
    by_class: bool = False  # a row for each class instead of the mean over classes
    over: Literal["cases", "folds", "repeats"] = "folds"  # what the standard deviation is taken over
    test: Literal["wilcoxon", "t", "t-folds", "corrected"] = "wilcoxon"
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    reference: str | None = None  # the network that box plots compare the others with; None: the best
    parts: dict[str, str] = {}  # a network with a part -> the same network without it
    floor: Floors = None
    figures: list[str] = [
        "curves",
        "boxes",
        "gallery",
        "volumes",
    ]  # names in `isthmus.studies.figure_registry`
    counted: bool = False  # train nothing, and write a table of the networks' parameters
    printed: str | None = None  # CSV of the paper's numbers, beside this file
    small: Small = Small()

    @field_validator("data", mode="before")
    @classmethod
    def _sources(cls, value: Any) -> Any:
        return _labelled(value, "source", ("source",), "data")

    @field_validator("networks", mode="before")
    @classmethod
    def _models(cls, value: Any) -> Any:
        return _labelled(value, "model", _NETWORK, "network")

    @field_validator("figures")
    @classmethod
    def _drawable(cls, value: list[str]) -> list[str]:
        for name in value:
            if name not in FIGURES:
                raise ValueError(f"no such figure: {nearest(name, FIGURES)}")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Study:
        for axis, what in ((self.data or self.counted, "data"), (self.networks, "networks")):
            if not axis:
                raise ValueError(f"{what} is empty; give at least one")
        names = [measure.name for measure in self.measures]
        if len(set(names)) < len(names):
            raise ValueError("two measures have the same name; rename one")
        if isinstance(self.folds, list) and (not self.folds or len(set(self.folds)) < len(self.folds)):
            raise ValueError(f"folds is {self.folds}; give at least one, and each once")
        if all(not self.only.get(network, self.data) for network in self.networks) and not self.counted:
            raise ValueError("only leaves no data set for any network")
        if self.reference is not None and self.reference not in self.networks:
            raise ValueError(f"reference '{self.reference}': {nearest(self.reference, self.networks)}")
        for network in (*self.parts, *self.parts.values()):
            if network not in self.networks:
                raise ValueError(f"parts: {nearest(network, self.networks)}, found '{network}'")
        for network, data in self.only.items():
            wrong = [*({network} - set(self.networks)), *(set(data) - set(self.data))]
            if wrong:
                raise ValueError(
                    f"only: {nearest(wrong[0], (*self.networks, *self.data))}, found '{wrong[0]}'"
                )
        for key, floor in (("floor", self.floor), ("small.floor", self.small.floor)):
            for label in floor if isinstance(floor, dict) else ():
                if label not in self.data:
                    raise ValueError(f"{key}: {nearest(label, self.data)}, found '{label}'")
        empty = [key for key, values in self.grid.items() if not values]
        if empty:
            raise ValueError(f"grid.{empty[0]} names no values")
        if self.around is not None and set(self.around) != set(self.grid):
            raise ValueError("around names the centre of every key of the grid, and of no other")
        return self

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for YAML."""
        return self.model_dump(mode="json")

    def floor_on(self, data: str) -> float | None:
        """Returns the mean Dice above which every cell on a data set is to end; None if there is no such floor."""
        return self.floor.get(data) if isinstance(self.floor, dict) else self.floor

    def points(self) -> list[Point]:
        """Returns the points of the grid: all combinations, or the centre and the axes through it."""
        if not self.grid:
            return [Point("", {}, {})]
        if self.around is None:
            combined = itertools.product(*self.grid.values())
            return [_point(self.grid, dict(zip(self.grid, values, strict=True))) for values in combined]
        found = [_point(self.around, self.around)]
        for key, values in self.grid.items():
            centre = self.around[key]
            found += [_point([key], self.around | {key: value}) for value in values if value != centre]
        return found

    def fold_numbers(self) -> list[int]:
        """Returns the folds that are run."""
        return list(range(self.folds)) if isinstance(self.folds, int) else list(self.folds)

    def cells(self) -> Iterator[Cell]:
        """Yields every combination of the axes with its recipe.

        Raises:
            IsthmusError: a recipe is not valid, or the protocol has no folds.
        """
        axes = itertools.product(
            self.data, self.networks, self.points(), range(self.repeats), self.fold_numbers()
        )
        for data, network, point, repeat, fold in axes:
            if data not in self.only.get(network, self.data):
                continue
            where = {"protocol": {"fold": fold}}
            recipe = make_recipe(
                self.preset, self.recipe, self.data[data], self.networks[network], point.sections, where
            )
            yield Cell(data, network, point.label, fold, repeat, self._of_repeat(recipe, repeat))

    def _of_repeat(self, recipe: Recipe, repeat: int) -> Recipe:
        """Returns the recipe with the number of folds, and with seeds of its own for each repeat."""
        protocol, folds = recipe.protocol, self.fold_numbers()
        if max(folds) > 0 and protocol.kind not in FOLDED:
            raise IsthmusError(
                f"{self.name}: protocol '{protocol.kind}' has no folds but the study asks for {len(folds)}; "
                f"leave out folds, or use another protocol {FOLDED}"
            )
        changes: dict[str, Any] = {}
        if isinstance(self.folds, int) and self.folds > 1:
            changes["folds"] = self.folds
        if protocol.kind in REPEATED:
            changes["repeat"] = repeat
        else:
            changes["seed"] = protocol.seed + repeat
        training = recipe.training.model_copy(update={"seed": recipe.training.seed + repeat})
        return recipe.model_copy(
            update={"protocol": protocol.model_copy(update=changes), "training": training}
        )


@dataclass(frozen=True)
class Point:
    """A point of the grid: its label, the values of its keys, and these values as sections of a recipe."""

    label: str
    values: Mapping[str, Any]
    sections: Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """One combination of the axes."""

    data: str
    network: str
    point: str
    fold: int
    repeat: int
    recipe: Recipe

    @property
    def label(self) -> str:
        """The cell's place on the axes, for messages."""
        return ", ".join(
            part
            for part in (self.data, self.network, self.point, f"fold {self.fold}", f"repeat {self.repeat}")
            if part
        )


def _point(shown: Any, values: Mapping[str, Any]) -> Point:
    short = [key.rpartition(".")[2] for key in values]
    names = {key: last if short.count(last) == 1 else key for key, last in zip(values, short, strict=True)}
    label = ", ".join(f"{names[key]} {_plain(values[key])}" for key in shown)
    sections: dict[str, Any] = {}
    for key, value in values.items():
        *path, last = key.split(".")
        leaf = sections
        for part in path:
            leaf = leaf.setdefault(part, {})
        leaf[last] = value
    if any(name not in Recipe.model_fields for name in sections):
        parse_overrides([f"{key}=0" for key in values])  # names the nearest
        raise IsthmusError(f"grid: write section.key for {', '.join(values)}")
    return Point(label, dict(values), sections)


def _plain(value: Any) -> str:
    """Returns a value of the grid as a label shows it.

    >>> _plain([1, 3, 5]), _plain(0.01), _plain("adam")
    ('1-3-5', '0.01', 'adam')
    """
    if isinstance(value, list | tuple):
        return "-".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _labelled(value: Any, key: str, short: tuple[str, ...], section: str) -> Any:
    """Returns sections by label from their short forms: names only, and the section's own keys without the section."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        value = {str(each): str(each) for each in value}
    if not isinstance(value, Mapping):
        return value
    found = {}
    for label, given in value.items():
        given = {key: given} if isinstance(given, str) else given
        if isinstance(given, Mapping) and any(name in given for name in short):
            inner = {name: given[name] for name in given if name in short}
            given = {name: each for name, each in given.items() if name not in short}
            given[section] = {**inner, **given.get(section, {})}
        found[str(label)] = given
    return found


def make_study(values: Any, where: str = "the study") -> Study:
    """Returns the study that plain values describe.

    Args:
        values: named values, as in a YAML file.
        where: name of the values in messages.

    Raises:
        IsthmusError: they are not valid; the message names the first mistake.
    """
    if not isinstance(values, Mapping):
        raise IsthmusError(
            f"{where} must hold named values ({', '.join(Study.model_fields)}), found {shown(values)}"
        )
    try:
        study = Study.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
            raise IsthmusError(f"{where} has no key '{key}': {nearest(key, Study.model_fields)}") from error
        cure = "; add it" if first["type"] == "missing" else ""
        raise IsthmusError(f"{where}{fault(error)}{cure}") from error
    for _ in study.cells():
        pass  # every recipe is valid
    return study


def read_study(path: Path) -> Study:
    """Reads the study in a YAML file.

    Raises:
        IsthmusError: the file cannot be read, or is not valid.
    """
    return make_study(read_yaml(path), str(path))
