"""Says how masks were made, if it is not as the recipe of their run says: ``predict.json`` in their folder.

``{"cleanup": {"case-0.png": {"threshold": 0.3, …}}}`` holds the section ``cleanup`` of the recipe for such masks, by
their paths in the folder, and the ``diameter`` of objects that was given; masks that are not named were made as the
recipe says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.errors import IsthmusError
from isthmus.runs.files import write_json
from isthmus.runs.recipe import Cleanup, validate
from isthmus.shapes import read_as, shown

NAME = "predict.json"
_CURE = "move it away, or choose another --out"


@dataclass(frozen=True)
class CleanupRecord:
    """The record of a folder.

    Attributes:
        folder: the folder of the masks.
        masks: the values of each mask that is named, by its path in the folder.
        usual: the clean-up of the run.
        asked: the clean-up of the masks that are written now.
        diameter: of objects, as it is given for these masks.
    """

    folder: Path
    masks: dict[str, dict[str, Any]]
    usual: Cleanup
    asked: Cleanup
    diameter: float | str | None = None

    @classmethod
    def of(
        cls, folder: Path, usual: Cleanup, asked: Cleanup, diameter: float | str | None = None
    ) -> CleanupRecord:
        """Reads the record of a folder, which need not have one.

        Raises:
            IsthmusError: a file of that name is no such record.
        """
        path = folder / NAME
        if not path.is_file():
            return cls(folder, {}, usual, asked, diameter)
        content = read_as(path, dict[str, dict[str, dict[str, Any]]], _CURE)
        if content.keys() != {"cleanup"}:
            raise IsthmusError(f"{path} exists already and was not written by predict; {_CURE}")
        return cls(folder, content["cleanup"], usual, asked, diameter)

    def refuse_others(self, masks: Iterable[Path]) -> None:
        """Refuses to add masks to those of another clean-up.

        Args:
            masks: existing masks that are kept.

        Raises:
            IsthmusError: names the first mask that was made with another value, and both values.
        """
        for mask in masks:
            values = dict(self.masks.get(self._name(mask), {}))
            old_diameter, made = values.pop("diameter", None), self.usual
            if values:
                made = validate({"cleanup": values}, str(self.path)).cleanup
            pairs = {
                f"cleanup.{key}": (getattr(made, key), getattr(self.asked, key))
                for key in Cleanup.model_fields
            }
            for name, (old, new) in ({"a diameter": (old_diameter, self.diameter)} | pairs).items():
                if old != new:
                    raise IsthmusError(
                        f"{mask} exists already, made with {name} {shown(old)}, and now it is {shown(new)}; "
                        "choose another --out, or replace masks with --overwrite"
                    )

    @property
    def path(self) -> Path:
        """The file of the record."""
        return self.folder / NAME

    def write(self, masks: Iterable[Path]) -> bool:
        """Writes masks that are about to be made into the record; without any to name, there is none.

        Returns:
            Whether they are named, because they are not made as the run says.
        """
        changed = self.asked != self.usual or self.diameter is not None
        names = {self._name(mask) for mask in masks}
        if changed or names & self.masks.keys():
            kept = {name: values for name, values in self.masks.items() if name not in names}
            values = self.asked.model_dump(mode="json")
            values |= {} if self.diameter is None else {"diameter": self.diameter}
            new = dict.fromkeys(sorted(names), values) if changed else {}
            write_json(self.path, {"cleanup": kept | new})
        return changed and bool(names)

    def _name(self, mask: Path) -> str:
        return mask.relative_to(self.folder).as_posix()
