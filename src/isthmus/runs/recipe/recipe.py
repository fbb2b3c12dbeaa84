"""The recipe as a whole: its sections, and how plain values become one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from isthmus.errors import IsthmusError, nearest
from isthmus.runs.files import read_yaml
from isthmus.runs.recipe.cleanup import Cleanup
from isthmus.runs.recipe.data import Data
from isthmus.runs.recipe.hardware import Hardware
from isthmus.runs.recipe.input import Input
from isthmus.runs.recipe.network import Network
from isthmus.runs.recipe.objective import Objective
from isthmus.runs.recipe.protocol import Protocol
from isthmus.runs.recipe.roi import Roi
from isthmus.runs.recipe.section import Section
from isthmus.runs.recipe.training import Training
from isthmus.shapes import fault, shown


class Recipe(Section):
    """Everything that fixes a run.

    A value that a user leaves open (``None`` or ``"auto"``) is filled in when the run starts, so the recipe in a run
    folder is fully resolved and says what was done.
    """

    data: Data = Data()
    input: Input = Input()
    roi: Roi | None = None
    network: Network = Network()
    objective: Objective = Objective()
    cleanup: Cleanup = Cleanup()
    training: Training = Training()
    protocol: Protocol = Protocol()
    hardware: Hardware = Hardware()

    @property
    def spatial_dims(self) -> int:
        """Axes of the images: 2, or 3 for volumes."""
        return int(self.network.options.get("spatial_dims", 2))

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for YAML."""
        return self.model_dump(mode="json")


def sections() -> dict[str, type[Section]]:
    """Returns the class of each section by its name."""
    found = {}
    for name, field in Recipe.model_fields.items():
        kinds = (field.annotation, *get_args(field.annotation))
        found[name] = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section))
    return found


def validate(values: Any, where: str = "the recipe") -> Recipe:
    """Turns plain values into a recipe.

    Raises:
        IsthmusError: the first mistake in one line; for an unknown key it names the nearest valid one.
    """
    if not isinstance(values, Mapping):
        raise IsthmusError(f"{where} must hold sections ({', '.join(sections())}), found {shown(values)}")
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "extra_forbidden":
            *path, key = map(str, first["loc"])
            valid = (sections()[path[0]] if path else Recipe).model_fields
            name = ".".join([*path, key])
            raise IsthmusError(f"{where} has no key '{name}': {nearest(key, valid)}") from error
        raise IsthmusError(f"{where}{fault(error)}") from error


def read_recipe(path: Path) -> Recipe:
    """Reads the recipe in a YAML file."""
    return validate(read_yaml(path), str(path))
