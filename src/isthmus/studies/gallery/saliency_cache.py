"""A case explained, as a study keeps it: with what it was made by and from, so that nothing stale is shown."""

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
class Look:
    """What is kept of a case and a run: a picture ``(H, W, 3)``, class indices ``(H, W)``, maps ``(n, H, W)`` from 0
    to 255, all uint8, and of a volume which slice (from 1) of how many they are; else 0 of 0."""

    image: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    maps: NDArray[np.uint8]
    of_slices: NDArray[np.int64]


@dataclass(frozen=True)
class Origin:
    """By which method and parameters maps are made, and from which weights (empty: they are gone)."""

    method: str
    weights: str

    @classmethod
    def of(cls, run: RunFolder, kind: str) -> Origin:
        """What maps of this kind would be made by and from now."""
        method = {"kind": kind, "version": VERSION, "classes": "all but the background", "longest": LONGEST}
        return cls(json.dumps(method), weights_of(run))

    def made(self, other: Origin) -> bool:
        """Whether maps of the other origin are those of this one; weights that are gone have not changed."""
        return self.method == other.method and self.weights in ("", other.weights)


def weights_of(run: RunFolder) -> str:
    """The digest of a run's weights, with those of the network that finds its region; empty where they are gone."""
    paths = [run.weights, RunFolder(run.localiser).weights]
    if not run.weights.is_file():
        return ""
    digest = hashlib.sha256()
    for path in filter(Path.is_file, paths):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def write_look(path: Path, look: Look, origin: Origin) -> None:
    """Keep a look."""
    content = io.BytesIO()
    arrays: dict[str, Any] = vars(look) | {key: np.array(text) for key, text in vars(origin).items()}
    np.savez_compressed(content, **arrays)
    write_bytes(path, content.getvalue())


def read_look(path: Path, origin: Origin) -> Look | None:
    """What is kept; None where nothing is, or something damaged, or of another origin."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if not origin.made(Origin(*(str(arrays[key]) for key in Origin.__dataclass_fields__))):
                return None
            return Look(**{name: arrays[name] for name in Look.__dataclass_fields__})
    except (OSError, ValueError, KeyError, BadZipFile):
        return None
