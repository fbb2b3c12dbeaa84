"""Names the files to write for each image, checks that they may be written, and finds those that exist."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import tifffile

from isthmus.data.case_paths import refuse_clashes
from isthmus.data.cases import Case, Source
from isthmus.errors import IsthmusError
from isthmus.files import read_json
from isthmus.inference.options import PredictOptions
from isthmus.inference.outputs.classes import Classes
from isthmus.inference.outputs.mask_files import is_flat, mask_path, overlay_path, probability_paths
from isthmus.inference.outputs.outline_files import geojson_path, rois_path
from isthmus.io.images import probe, read_image, read_mask
from isthmus.outputs import Guard, refuse_below_a_file
from isthmus.runs.recipe import Data

THERE = (
    "write what is missing with --skip-existing (skip_existing=True), choose another --out, or replace masks with "
    "--overwrite"
)
_WHOLE = {
    ".png": (b"\x89PNG",),
    ".tif": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    ".gz": (b"\x1f\x8b",),
    ".zip": (b"PK\3\4", b"PK\5\6"),
    ".geojson": (b'{"ty',),
}
"""The first bytes of the files that `predict_folder` writes."""
_END_OF_PNG = b"IEND\xaeB`\x82"


@dataclass(frozen=True)
class OutputFiles:
    """The files of one image.

    Attributes:
        case: the image.
        out: the folder that they lie in.
        mask: the mask.
        probabilities: empty unless requested.
        overlay: a picture of the objects; None for classes and volumes, unless numbers are requested.
        numbered: whether it has their numbers.
        rois: the objects as ImageJ ROIs; None unless requested.
        geojson: the objects as GeoJSON; None unless requested.
    """

    case: Case
    out: Path
    mask: Path
    probabilities: tuple[Path, ...] = ()
    overlay: Path | None = None
    numbered: bool = False
    rois: Path | None = None
    geojson: Path | None = None

    @classmethod
    def of(cls, case: Case, out: Path, data: Data, options: PredictOptions) -> OutputFiles:
        """Returns the files of an image.

        Args:
            case: the image.
            out: the folder that they lie in.
            data: the data that the run was trained with.
            options: what is requested.

        Raises:
            IsthmusError: the name of the image cannot be that of a file.
        """
        maps, shown = Classes.of(data).map_count, options.numbers or (data.instances and is_flat(case))
        return cls(
            case,
            out,
            mask_path(out, case, data.instances),
            tuple(probability_paths(out, case, maps)) if options.probabilities else (),
            overlay_path(out, case) if shown else None,
            options.numbers,
            rois_path(out, case.id) if options.rois else None,
            geojson_path(out, case.id) if options.geojson else None,
        )

    def __iter__(self) -> Iterator[Path]:
        yield self.mask
        yield from self.probabilities
        yield from (path for path in (self.overlay, self.rois, self.geojson) if path is not None)

    @property
    def of_objects(self) -> frozenset[Path]:
        """The files for which the objects of the mask are needed."""
        found = (self.rois, self.geojson, self.overlay if self.numbered else None)
        return frozenset(path for path in found if path is not None)

    def missing(self) -> frozenset[Path]:
        """Returns the files that do not exist or are cut off, as after a broken copy or on a full disk.

        Raises:
            IsthmusError: a file that exists was not written for this image.
        """
        return frozenset(path for path in self if not path.exists() or not self._is_whole(path))

    def _is_whole(self, path: Path) -> bool:
        with path.open("rb") as file:
            content = file.read(4)
        if not any(content == start[: len(content)] for start in _WHOLE[path.suffix]):
            raise IsthmusError(
                f"{path} exists already and was not written by predict; move it away, or choose another --out"
            )
        try:
            if path.suffix == ".png" and not path.read_bytes().endswith(_END_OF_PNG):
                return False
            if path != self.mask:
                _READ[path.suffix](path)
                return True
            size = read_mask(Source(path)).shape
        except Exception:  # decoders raise errors of many kinds for half a file
            return False
        source = self.case.images[0]
        wanted = probe(source)[0][1:]
        if size != wanted:
            raise IsthmusError(
                f"{path} exists already, but with {' x '.join(map(str, size))} points where the image has "
                f"{' x '.join(map(str, wanted))}; move it away, or choose another --out"
            )
        return True


def _read_zip(path: Path) -> None:
    with ZipFile(path) as file:
        if broken := file.testzip():
            raise ValueError(broken)


_READ: dict[str, Callable[[Path], object]] = {
    ".tif": tifffile.imread,
    ".png": lambda path: read_image(Source(path)),
    ".gz": lambda path: read_image(Source(path)),
    ".zip": _read_zip,
    ".geojson": read_json,
}
"""Reads a file beside the mask, and raises an error if it is not whole."""


def refuse_harm(every: Sequence[OutputFiles], out: Path, guard: Guard, *, skip_existing: bool) -> list[str]:
    """Refuses to write masks over other files.

    Args:
        every: the files of all images.
        out: the folder that they lie in.
        guard: knows the files of the data.
        skip_existing: whether files that exist are kept.

    Returns:
        Lines to tell the user.

    Raises:
        IsthmusError: files of the data would be replaced, or existing files without permission.
    """
    paths = [path for each in every for path in each]
    for path in paths:
        if not skip_existing:
            guard.refuse(path, instead=THERE)
    return refuse_clashes(out, paths)


def refuse_mixing(
    paths: Iterable[Path], every: Sequence[OutputFiles], out: Path, data: Iterable[Path]
) -> None:
    """Refuses masks among images, which would be taken for images, or among other files of the data.

    Args:
        paths: the paths that were searched for images.
        every: the files of all images.
        out: the folder that they lie in.
        data: as `originals`.

    Raises:
        IsthmusError: the masks would lie there.
    """
    refuse_below_a_file(out)
    targets = {path.resolve() for each in every for path in each}
    folders = {out.resolve(), *(path.parent for path in targets)}
    for path in paths:
        searched = path / "images" if (path / "images").is_dir() else path
        if searched.is_dir() and any(folder.is_relative_to(searched.resolve()) for folder in folders):
            raise IsthmusError(
                f"{out} lies in {searched}, so the masks would be taken for images next time; "
                "choose another --out"
            )
    for place in data:
        if place.is_dir() and any(folder.is_relative_to(place.resolve()) for folder in folders):
            others = [
                path for path in place.rglob("[!.]*") if path.is_file() and path.resolve() not in targets
            ]
            if others:
                raise IsthmusError(
                    f"{out} lies in {place}, among files of the data such as {others[0].name}; choose another --out, "
                    "originals are never replaced"
                )
