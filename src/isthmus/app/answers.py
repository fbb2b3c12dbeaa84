"""A predicted mask as the file that a client asked for."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.app.refusals import UNUSABLE, Refused
from isthmus.errors import IsthmusError
from isthmus.inference.outputs.found_objects import FoundObjects
from isthmus.inference.outputs.instance_files import MOST, write_instances
from isthmus.inference.outputs.outline_files import write_outlines
from isthmus.io.formats import Source
from isthmus.io.images import pixel_size
from isthmus.io.writing import write_mask
from isthmus.runs.recipe import Data

Kind: TypeAlias = Literal["png", "tiff", "geojson"]

TYPES: dict[Kind, str] = {"png": "image/png", "tiff": "image/tiff", "geojson": "application/geo+json"}
"""The content type of each kind of answer, that of choice first."""


def wanted(kind: Kind | None, accept: str | None) -> Kind:
    """Returns the kind that is asked for by name, or else by the header ``Accept``.

    Raises:
        Refused: the header allows none.

    >>> wanted(None, "image/tiff;q=0.5, application/*"), wanted("png", "image/tiff"), wanted(None, None)
    ('geojson', 'png', 'png')
    """
    if kind is not None:
        return kind
    for each in sorted((accept or "*/*").lower().split(","), key=_weight, reverse=True):
        pattern = each.partition(";")[0].strip()
        for kind, content_type in TYPES.items():
            if (
                _weight(each) > 0
                and re.fullmatch(r"[\w.+*/-]+", pattern)
                and fnmatchcase(content_type, pattern)
            ):
                return kind
    raise Refused(
        406, f"masks are sent as {', '.join(TYPES.values())}; ask for one of them, or add ?format=png"
    )


def encoded(mask: NDArray[Any], kind: Kind, data: Data, source: Source, folder: Path) -> bytes:
    """Returns the file of a mask; it states the size of a pixel if the image does.

    Args:
        mask: ``(height, width)``, as a run predicts it.
        kind: PNG or TIFF in the values of the mask, or GeoJSON with the outlines of its objects.
        data: what the run was trained on.
        source: the image.
        folder: where the file is made; it does not stay there.

    Raises:
        Refused: a PNG cannot hold the values.
    """
    with TemporaryDirectory(dir=folder) as aside:
        path = Path(aside) / f"mask.{kind}"
        try:
            if kind == "geojson":
                found = FoundObjects.of(mask, data)
                write_outlines(found.numbers, found.classes, source, None, path)
            elif not data.instances:
                write_mask(path, mask, pixel_size(source))
            elif kind == "tiff":
                write_instances(path, mask, pixel_size(source))
            else:
                write_mask(path, _in_sixteen_bits(mask), pixel_size(source))
        except IsthmusError as error:
            raise Refused(UNUSABLE, str(error).replace(str(path), f"the mask (.{kind})")) from error
        return path.read_bytes()


def _in_sixteen_bits(numbers: NDArray[Any]) -> NDArray[np.uint16]:
    most = int(numbers.max(initial=0))
    if most > MOST:
        raise IsthmusError(f"{most:,} objects, and a PNG can number {MOST:,}; ask for tiff")
    return numbers.astype(np.uint16)


def _weight(accepted: str) -> float:
    found = re.search(r";\s*q=([01](\.\d{0,3})?)\s*(;|$)", accepted)
    return float(found[1]) if found else 1.0
