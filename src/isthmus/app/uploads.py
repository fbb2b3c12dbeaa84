"""Receives an image into a file of its own, within limits, and reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any

from numpy.typing import NDArray

from isthmus.app.refusals import UNUSABLE, Refused
from isthmus.data.cases import Source, load_image
from isthmus.errors import IsthmusError, size_text
from isthmus.inference.input_images import images_given
from isthmus.io import tiff
from isthmus.io.formats import FORMATS, Picture, suffix
from isthmus.io.images import CHANNELS, of_tiff, probe
from isthmus.runs.recipe import Data

SUFFIXES = {
    "image/png": ".png",
    "image/tiff": ".tif",
    "image/jpeg": ".jpg",
    "image/bmp": ".bmp",
    "image/x-ms-bmp": ".bmp",
}
"""The suffix of each content type."""


@dataclass(frozen=True)
class Limits:
    """What a request, and all of them together, may take.

    Attributes:
        bytes: of an image as it is sent.
        pixels: of an image.
        places: images that are received, wait, or are computed at once; further ones are refused.
        patience: seconds without a byte after which an image is given up.
    """

    bytes: int = 2**27
    pixels: int = 2**24
    places: int = 64
    patience: float = 30.0


@dataclass(frozen=True)
class SentImage:
    """An image that was sent.

    Attributes:
        source: its file.
        pixels: ``(channels, height, width)``.
    """

    source: Source
    pixels: NDArray[Any]


def ending(name: str | None, content_type: str | None) -> str:
    """Returns the suffix of the format of a picture, by its file name or else by its content type.

    Raises:
        Refused: neither tells a format of pictures.

    >>> ending("cells/A1.TIFF", "image/png"), ending("scan", "image/png; charset=binary")
    ('.tiff', '.png')
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    for found in (suffix(PurePosixPath(name or "")), SUFFIXES.get(kind, "")):
        if isinstance(FORMATS.get(found), Picture):
            return found
    known = ", ".join(each for each, format in FORMATS.items() if isinstance(format, Picture))
    raise Refused(
        415,
        f"neither the file name '{name or '':.80}' nor the content type '{kind:.80}' names a format of pictures; send "
        f"the header Content-Type: image/png, or a name in the query, ?name=cells.tif ({known})",
    )


async def receive(chunks: AsyncIterator[bytes], declared: str | None, path: Path, limits: Limits) -> None:
    """Writes an image to a file while it arrives.

    Args:
        chunks: the image.
        declared: the header ``Content-Length``.
        path: the file.
        limits: the most bytes, and how long to wait for the next one.

    Raises:
        Refused: it is too large, which is known before all of it was received; nothing came for too long; the disk is
            full.
    """
    size = int(declared) if declared and declared.isdecimal() and len(declared) < 20 else 0
    try:
        with path.open("wb") as file:
            while size <= limits.bytes:
                async with asyncio.timeout(limits.patience):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    return
                file.write(chunk)
                size = max(size, file.tell())
    except TimeoutError as error:
        raise Refused(408, f"nothing was sent for {limits.patience:g} s; send the image again") from error
    except OSError as error:
        raise Refused(507, f"the image cannot be stored ({error.strerror}); try again later") from error
    raise Refused(413, f"the image has more than {limits.bytes:,} bytes; cut it into parts, or compress it")


def read(path: Path, data: Data, limits: Limits) -> SentImage:
    """Reads an image as `isthmus.predict` does, once its header has shown that it is not too large.

    Raises:
        IsthmusError: it cannot be read, or has several pages; the message does not name the path.
    """
    try:
        cases, _ = images_given([path], data)
        if len(cases) != 1:
            raise Refused(UNUSABLE, f"the file holds {len(cases)} pages; send one picture at a time")
        _refuse_large(cases[0].images[0], limits.pixels)
        return SentImage(cases[0].images[0], load_image(cases[0]))
    except Refused:
        raise
    except IsthmusError as error:
        raise Refused(UNUSABLE, str(error).replace(str(path), f"the image ({path.suffix})")) from error


def _refuse_large(source: Source, most: int) -> None:
    """Refuses an image whose header states more pixels, or so many channels or so large tiles that decoding it takes
    as much."""
    shape = probe(source)[0]
    numbers = of_tiff(lambda: tiff.decoded(source.path), source.path, prod(shape))
    if prod(shape[1:]) > most or numbers > CHANNELS * most:
        raise Refused(
            413,
            f"the image has {size_text(shape[1:])} pixels ({numbers:,} numbers with all channels and whole tiles), and "
            f"at most {most:,} are accepted, of up to {CHANNELS} channels; cut it into parts, or reduce it",
        )
