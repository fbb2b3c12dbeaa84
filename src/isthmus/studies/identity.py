"""The name of a cell: equal on every machine, and different as soon as the result would be different."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from isthmus.data.cases import Case
from isthmus.errors import IsthmusError
from isthmus.files import sha256
from isthmus.runs.recipe import Recipe
from isthmus.runs.trained import weights_of

LENGTH = 16
"""Hexadecimal digits of a name."""

FORMAT = 1
"""To be raised when a default of the recipe changes. Defaults are left out, so that new keys keep old names."""

MACHINE = ("device", "channels_last", "threads", "workers", "cache_mb")
"""Keys of the recipe's hardware that say where a cell is computed, not what."""


def identity(recipe: Recipe, data: str) -> str:
    """Returns the name of a run: a hash of its recipe, without paths and machine settings, and of its data.

    Args:
        recipe: the recipe.
        data: the `fingerprint` of the data.

    Raises:
        IsthmusError: the run from whose weights training starts has none.

    >>> from isthmus.runs.recipe import make_recipe
    >>> one = make_recipe("default", {"hardware": {"device": "cpu"}, "data": {"root": "/here"}})
    >>> identity(one, "abc") == identity(make_recipe("default"), "abc") != identity(one, "abd")
    True
    """
    values = recipe.model_dump(mode="json", exclude_defaults=True)
    for section, keys in (("hardware", MACHINE), ("data", ("root", "source"))):
        for key in keys:
            values.get(section, {}).pop(key, None)
    network = values.get("network", {})
    if (start := network.pop("start", None)) and not recipe.network.start_weights:
        network["start_weights"] = sha256(weights_of(start))
    options = network.get("options", {})
    weights = options.get("encoder_weights")
    if isinstance(weights, str) and Path(weights).is_file():
        options["encoder_weights"] = sha256(Path(weights))
    recipe_values = {section: value for section, value in values.items() if value}
    return _digest({"format": FORMAT, "recipe": recipe_values, "data": data})


def fingerprint(cases: Iterable[Case]) -> str:
    """Returns a hash of the cases of a data set, their groups, and the names and sizes of their files.

    The folder of the data makes no difference. The content of the files is not read: every run records their SHA-256,
    and a run that is resumed refuses files that have changed.

    Raises:
        IsthmusError: a file is missing.
    """
    found = []
    for case in cases:
        sources = (*case.images, *case.masks)
        try:
            sizes = [source.path.stat().st_size for source in sources]
        except OSError as error:
            raise IsthmusError(f"{error.filename}: cannot be read ({error.strerror}); restore it") from error
        files = [(source.path.name, source.page) for source in sources]
        found.append([case.id, case.group, files, sizes])
    return _digest(found)


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
