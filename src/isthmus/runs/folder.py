"""A run on disk: the names of its files, and functions that read and check them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.errors import IsthmusError
from isthmus.files import number
from isthmus.runs.files import parse_json, read_csv, read_json, write_bytes, write_json
from isthmus.runs.recipe import Network, Recipe, read_recipe
from isthmus.shapes import read_as, shaped

if TYPE_CHECKING:
    from torch import Tensor, nn

HISTORY_COLUMNS = (
    "epoch",
    "train_loss",
    "validation_loss",
    "validation_dice",
    "validation_iou",
    "validation_soft_iou",
    "validation_objects",
    "learning_rate",
    "seconds",
    "seconds_waiting",
    "seconds_validating",
)

BEST = "isthmus"
"""Key of the only entry in the weights' metadata; several entries would not keep their order."""


@dataclass(frozen=True)
class Best:
    """Which weights these are.

    Attributes:
        epoch: epoch after which they were kept.
        dice: validation Dice of that epoch.
        goodness: score by which the best epoch is chosen; larger is better.
    """

    epoch: int
    dice: float
    goodness: float


@dataclass(frozen=True)
class Cost:
    """Parameters, epochs, time and memory of a run: ``cost.json``."""

    parameters: int
    epochs: int
    best_epoch: int
    best_validation_dice: float
    training_seconds: float
    images_per_second: float | None = None
    peak_memory_bytes: int | None = None


@dataclass(frozen=True)
class SplitCases:
    """The group of each case that trains, validates and tests, by case id: ``splits.json``."""

    train: dict[str, str]
    validation: dict[str, str]
    test: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredImages:
    """How the scored images differ from the training images, one line for each way: ``images.json``."""

    scored: list[str]


@dataclass(frozen=True)
class BuiltNetwork:
    """The network and the options that it is built with: ``network.json``."""

    model: str
    options: dict[str, Any]
    heads: list[str] = field(default_factory=list)
    version: int = 1


@dataclass(frozen=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """Opens an existing run.

        Raises:
            IsthmusError: the folder is missing or holds no run.
        """
        folder = cls(Path(path))
        if not folder.path.is_dir():
            raise IsthmusError(f"no run folder at {path}; `isthmus train` creates one")
        if not folder.recipe_path.is_file():
            raise IsthmusError(
                f"{path} is not a run folder (it holds no recipe.yaml); give one that train wrote"
            )
        return folder

    @property
    def recipe_path(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def checkpoint(self) -> Path:
        return self.path / "last.ckpt"

    @property
    def weights(self) -> Path:
        return self.path / "best.safetensors"

    @property
    def network(self) -> Path:
        return self.path / "network.json"

    @property
    def lock(self) -> Path:
        """Lock file, held by the process that trains this run."""
        return self.path / ".lock"

    @property
    def splits(self) -> Path:
        return self.path / "splits.json"

    @property
    def data(self) -> Path:
        return self.path / "data.json"

    @property
    def images(self) -> Path:
        """Statistics of the training images, and how the scored images differ from them."""
        return self.path / "images.json"

    @property
    def environment(self) -> Path:
        return self.path / "environment.json"

    @property
    def history(self) -> Path:
        return self.path / "history.csv"

    @property
    def cases(self) -> Path:
        return self.path / "cases.csv"

    @property
    def cases_before(self) -> Path:
        """Scores before clean-up, if the recipe asks for clean-up."""
        return self.path / "cases-before-cleanup.csv"

    @property
    def localiser(self) -> Path:
        """Run of the first network, which finds the region of interest, if the recipe has one."""
        return self.path / "localiser"

    @property
    def cost(self) -> Path:
        return self.path / "cost.json"

    @property
    def predictions(self) -> Path:
        return self.path / "predictions"

    def recipe(self) -> Recipe:
        """Reads the resolved recipe."""
        return read_recipe(self.recipe_path)

    def finished(self) -> bool:
        """Returns whether training reached its end; the cost is the last file that a run writes."""
        return self.cost.is_file() and not self.finished_early()

    def finished_early(self) -> bool:
        """Returns whether the run was interrupted and then scored as it stood.

        Raises:
            IsthmusError: its ``cost.json`` is damaged.
        """
        found = read_json(self.cost) if self.cost.is_file() else {}
        return isinstance(found, dict) and found.get("finished_early") is True

    def costs(self) -> Cost:
        """Reads the cost of a finished run."""
        return read_as(self.cost, Cost)

    def split(self) -> SplitCases:
        """Reads which cases train and which are scored."""
        return read_as(self.splits, SplitCases)

    def hashes(self) -> dict[str, dict[str, str]]:
        """Reads the SHA-256 of each file, by case id and file name."""
        return read_as(self.data, dict[str, dict[str, str]])

    def read_rows(self, path: Path) -> list[dict[str, str]]:
        """Reads the rows of one of its CSV files as text by column."""
        return [row for _, row in read_csv(path).lines]

    def seconds_of_epochs(self) -> float:
        """Returns the seconds of all epochs in ``history.csv``, with their validation; 0 before there are any."""
        rows = self.read_rows(self.history) if self.history.is_file() else []
        return sum(number(row.get("seconds"), self.history) or 0.0 for row in rows)

    def unlike(self) -> tuple[str, ...]:
        """Returns how the scored images differ from the training images; empty for runs of earlier versions.

        Raises:
            IsthmusError: ``images.json`` is damaged.
        """
        if not self.images.is_file():
            return ()
        return tuple(read_as(self.images, ScoredImages, "restore the file, or delete it").scored)

    def best(self) -> Best | None:
        """Returns which weights are on disk; None if there are none, or if an earlier version wrote them.

        Raises:
            IsthmusError: not a safetensors file.
        """
        from safetensors import SafetensorError, safe_open

        if not self.weights.is_file():
            return None
        try:
            with safe_open(self.weights, "np") as file:
                said = (file.metadata() or {}).get(BEST)
        except (SafetensorError, OSError, ValueError) as error:
            raise _unreadable(self.weights, error) from error
        return shaped(parse_json(said, self.weights), Best, str(self.weights)) if said else None

    def save_network(self, network: Network, state: Mapping[str, Tensor], best: Best | None = None) -> None:
        """Writes the weights of a network, which weights they are, and what is needed to build the network."""
        from safetensors.torch import save

        made: dict[str, Any] = {"model": network.model, "version": network.version}
        made |= {"options": dict(network.options)} | ({"heads": network.heads} if network.heads else {})
        write_json(self.network, made)
        tensors = {name: tensor.contiguous() for name, tensor in state.items()}
        write_bytes(self.weights, save(tensors, {BEST: json.dumps(asdict(best))} if best else None))

    def load_network(self) -> nn.Module:
        """Builds the network with its best weights, in evaluation mode.

        Raises:
            IsthmusError: files are missing or broken, or the weights belong to another network.
        """
        from isthmus.networks.blocks.heads import build

        if not self.weights.is_file():
            why = "no epoch has been scored"
            if self.checkpoint.is_file():
                why = "it was begun by an earlier version, which wrote them at the end"
            raise IsthmusError(
                f"{self.path} holds no best.safetensors yet, because {why}; "
                f"`isthmus train --resume --out {self.path}` continues it and writes them"
            )
        made = read_as(self.network, BuiltNetwork)
        options = made.options
        if "encoder_weights" in options:  # not read again: the weights are the run's own
            options = {**options, "encoder_weights": None}
        try:
            network = build(made.model, made.heads, version=made.version, **options)
        except IsthmusError as error:
            raise IsthmusError(f"{self.network}: {error}") from error
        load_weights(network, self.weights)
        return network.eval()


def load_weights(network: nn.Module, path: Path) -> None:
    """Loads the weights in a safetensors file into a network.

    Raises:
        IsthmusError: the file is not a safetensors file, holds tensors of another network, or values that are not
            finite; the message names the first such tensors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from isthmus.networks.checks import require_finite

    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    own = network.state_dict()
    wrong = [name for name in own if name not in state or state[name].shape != own[name].shape]
    wrong += [name for name in state if name not in own]
    if wrong:
        shown = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
        raise IsthmusError(f"{path} holds the weights of another network: {shown} do not fit")
    require_finite(state, path)
    network.load_state_dict(state)


def _unreadable(path: Path, error: Exception) -> IsthmusError:
    return IsthmusError(f"{path} is not a readable safetensors file ({error}); restore it or train again")
