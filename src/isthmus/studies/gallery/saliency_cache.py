"""Explained cases as a study keeps them, with their method and weights, so that no outdated map is shown."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from isthmus.explain.maps import VERSION
from isthmus.files import write_bytes
from isthmus.runs.folder import RunFolder

LONGEST = 320
"""Longest side of a picture in pixels."""


@dataclass(frozen=True)
class ExplainedCase:
    """The maps of one case by one run, at the size of the page; its names are those of the arrays in the file.

    Attributes:
        image: the picture, (H, W, 3) uint8.
        truth: class indices, (H, W) uint8.
        predicted: class indices, (H, W) uint8.
        maps: (n, H, W) uint8 from 0 to 255.
        of_slices: for a volume, the slice (from 1) and the number of slices; otherwise 0 and 0.
    """

    image: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    maps: NDArray[np.uint8]
    of_slices: NDArray[np.int64]


@dataclass(frozen=True)
class Origin:
    """The method and parameters of maps, and the digest of the weights; empty if the weights are gone."""

    method: str
    weights: str

    @classmethod
    def of(cls, run: RunFolder, kind: str) -> Origin:
        """Returns the origin that maps of this kind would have now."""
        method = {"kind": kind, "version": VERSION, "classes": "all but the background", "longest": LONGEST}
        return cls(json.dumps(method), weights_digest(run))

    def accepts(self, other: Origin) -> bool:
        """Returns whether maps of the other origin are still valid; weights that are gone count as unchanged."""
        return self.method == other.method and self.weights in ("", other.weights)


def weights_digest(run: RunFolder) -> str:
    """Returns the digest of a run's weights and of its localiser's; empty if the weights are gone."""
    paths = [run.weights, RunFolder(run.localiser).weights]
    if not run.weights.is_file():
        return ""
    digest = hashlib.sha256()
    for path in filter(Path.is_file, paths):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def write_explained(path: Path, case: ExplainedCase, origin: Origin) -> None:
    """Writes the maps of a case with their origin."""
    content = io.BytesIO()
    arrays: dict[str, Any] = vars(case) | {key: np.array(text) for key, text in vars(origin).items()}
    np.savez_compressed(content, **arrays)
    write_bytes(path, content.getvalue())


def read_explained(path: Path, origin: Origin) -> ExplainedCase | None:
    """Reads the maps of a case; None if the file is missing, damaged, or of another origin."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if not origin.accepts(Origin(*(str(arrays[key]) for key in Origin.__dataclass_fields__))):
                return None
            return ExplainedCase(**{name: arrays[name] for name in ExplainedCase.__dataclass_fields__})
    except (OSError, ValueError, KeyError, BadZipFile):
        return None
