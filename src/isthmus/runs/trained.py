"""Networks that come with the package: run folders, by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from isthmus.errors import IsthmusError
from isthmus.runs.folder import RunFolder
from isthmus.shapes import read_as

_SHIPPED = Path(str(files("isthmus"))) / "trained"


@dataclass(frozen=True)
class TrainedCard:
    """What a user must know about a trained network: ``card.json``.

    Attributes:
        title: one line.
        data: what it was trained on.
        terms: under which terms data and weights may be used.
        knows: kinds and sizes of objects that it was trained on.
        limits: what it cannot do.
        made_by: the command that makes it again.
        scores: table of scores of a twin that was trained in the same way without the scored images, a row for each
            kind of picture.
        scored_on: what these are scores of.
    """

    title: str
    data: str
    terms: str
    knows: str
    limits: str
    made_by: str
    scored_on: str = ""
    scores: list[dict[str, str | int | float]] = field(default_factory=list)


def list_trained() -> list[str]:
    """Returns the names of the trained networks that come with the package."""
    return sorted(path.parent.name for path in _SHIPPED.glob("*/recipe.yaml"))


def trained_card(name: str) -> TrainedCard:
    """Reads the card of a trained network.

    Raises:
        IsthmusError: there is no such network.
    """
    if name not in list_trained():
        raise IsthmusError(f"no trained network '{name}'; there are: {', '.join(list_trained()) or 'none'}")
    return read_as(_SHIPPED / name / "card.json", TrainedCard)


def example_of(name: str) -> Path:
    """Returns the picture that comes with a trained network, which it has not seen."""
    return _SHIPPED / name / "example.png"


def run_path(run: Path | str) -> Path:
    """Returns the folder of a run: the path itself or, if no run is there, that of the trained network of this name."""
    path = Path(run)
    is_run = (path / "recipe.yaml").is_file() or any(path.glob("fold-*/recipe.yaml"))
    return path if is_run or str(run) not in list_trained() else _SHIPPED / str(run)


def trained_run(run: Path | str) -> RunFolder:
    """Opens a run by its folder, or by the name of a trained network.

    Raises:
        IsthmusError: neither; the message says which names there are.
    """
    path = run_path(run)
    if not path.is_dir() and (names := list_trained()):
        raise IsthmusError(
            f"no run folder at {run}; `isthmus train` creates one, and the trained networks are: {', '.join(names)}"
        )
    return RunFolder.open(path)


def weights_of(run: Path | str) -> Path:
    """Returns the file with the weights of a run, or of the trained network of this name.

    Raises:
        IsthmusError: neither, or a run that has no weights yet.
    """
    weights = trained_run(run).weights
    if not weights.is_file():
        raise IsthmusError(f"{run} holds no weights yet; train it first")
    return weights
