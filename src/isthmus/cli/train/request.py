"""What the user of ``isthmus train`` typed, and the recipe that it describes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.errors import IsthmusError
from isthmus.runs.files import read_yaml
from isthmus.runs.recipe import Recipe, make_recipe, overlaid, parse_overrides, preset_of


@dataclass(frozen=True)
class Request:
    """The arguments and options of ``isthmus train``; None if an option was not given."""

    data: str
    overrides: list[str]
    model: str | None
    out: Path | None
    root: Path | None
    preset: str | None
    recipe: Path | None
    epochs: int | None
    minutes: float | None
    seed: int | None
    validation: str | None
    folds: int | None
    fold: int | None
    device: str | None
    skip_bad: bool = False
    start: str | None = None

    def sections(self) -> dict[str, dict[str, Any]]:
        """Returns, for each option that was given, the recipe values that it sets."""
        named = {
            "--root": ("data", "root", str(self.root) if self.root else None),
            "--skip-bad": ("data", "skip_bad", self.skip_bad or None),
            "--model": ("network", "model", self.model),
            "--from": ("network", "start", self.start),
            "--epochs": ("training", "epochs", self.epochs),
            "--minutes": ("training", "minutes", self.minutes),
            "--seed": ("training", "seed", self.seed),
        }
        found: dict[str, dict[str, Any]] = {
            name: {section: {key: value}}
            for name, (section, key, value) in named.items()
            if value is not None
        }
        if self.validation is not None:
            ids = [case.strip() for case in self.validation.split(",") if case.strip()]
            found["--validation"] = {"protocol": {"validation": ids}}
        if self.folds is not None:
            found["--folds"] = {"protocol": {"kind": "kfold", "folds": self.folds}}
        if self.fold is not None:
            found["--fold"] = {"protocol": {"kind": "kfold", "fold": self.fold}}
        return found

    def to_recipe(self) -> Recipe:
        """Returns the recipe that the options and overrides describe."""
        if not self.data and self.recipe is None:
            raise IsthmusError("give the data: `isthmus train FOLDER`, with images/ and masks/ in it")
        if self.start is not None and (self.model or self.recipe):
            raise IsthmusError(
                "--from takes over network and recipe of that run; leave out --model and --recipe"
            )
        if self.model is not None:
            from isthmus.networks.registry import entry

            entry(self.model)
        preset = self.preset or preset_of(self.model)
        stored = read_yaml(self.recipe) if self.recipe else {}
        if self.start is not None:
            from isthmus.training.preparation.start import values_of

            stored = values_of(self.start)
        if isinstance(stored, dict) and not self.preset and stored.keys() >= Recipe.model_fields.keys():
            preset = "bare"  # the recipe of a run says everything, by the defaults of its time
        data = {"data": {"source": self.data}} if self.data else {}
        device = {"hardware": {"device": self.device}} if self.device is not None else {}
        given: dict[str, Any] = {}
        for layer in (data, device, *self.sections().values(), parse_overrides(self.overrides)):
            given = overlaid(given, layer)
        try:
            return make_recipe(preset, stored, given)
        except IsthmusError:
            try:  # is it the file?
                make_recipe(preset, data, stored)
            except IsthmusError as error:
                raise IsthmusError(f"{self.recipe}: {error}" if self.recipe else str(error)) from error
            raise


def default_folder(recipe: Recipe) -> Path:
    """Returns ``runs/DATA-MODEL-SEED``."""
    name = Path(recipe.data.source).resolve().stem if not recipe.data.root else recipe.data.source
    return Path("runs") / f"{name}-{recipe.network.model}-{recipe.training.seed}"
