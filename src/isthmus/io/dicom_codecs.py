"""Decodes compressed DICOM with imagecodecs, as a plug-in of pydicom for what it cannot decode itself."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

PLUGIN = "imagecodecs"

_CODECS = {  # by transfer syntax
    "1.2.840.10008.1.2.4.50": ("jpeg8",),  # JPEG baseline
    "1.2.840.10008.1.2.4.51": ("jpeg8",),  # JPEG extended, 8 or 12 bits
    "1.2.840.10008.1.2.4.57": ("jpegsof3", "ljpeg"),  # JPEG lossless
    "1.2.840.10008.1.2.4.70": ("jpegsof3", "ljpeg"),  # JPEG lossless, first-order prediction
    "1.2.840.10008.1.2.4.80": ("jpegls",),
    "1.2.840.10008.1.2.4.81": ("jpegls",),
    "1.2.840.10008.1.2.4.90": ("jpeg2k",),
    "1.2.840.10008.1.2.4.91": ("jpeg2k",),
    "1.2.840.10008.1.2.4.201": ("htj2k", "jpeg2k"),
    "1.2.840.10008.1.2.4.202": ("htj2k", "jpeg2k"),
    "1.2.840.10008.1.2.4.203": ("htj2k", "jpeg2k"),
}

DECODER_DEPENDENCIES = dict.fromkeys(_CODECS, ("imagecodecs",))
"""Read by pydicom, which names these packages if the plug-in is not available."""


def is_available(uid: str) -> bool:
    """Tells pydicom whether pixels of a transfer syntax are decoded here."""
    return uid in _CODECS


def register() -> None:
    """Adds this module to pydicom's decoders, once."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    for uid in _CODECS:
        try:
            decoder = get_decoder(UID(uid))
        except NotImplementedError:
            continue
        if PLUGIN not in decoder.available_plugins:
            decoder.add_plugin(PLUGIN, (__name__, "decode"))


def decode(source: bytes, runner: Any) -> bytes:
    """Returns one frame for pydicom; the sign of a pixel is the highest of its stored bits."""
    pixels = _decoded(source, _CODECS[runner.transfer_syntax])
    bits = 8 * pixels.dtype.itemsize
    unused = max(0, bits - int(runner.bits_stored))
    if runner.pixel_representation == 1 and pixels.dtype.kind == "u":
        pixels = np.left_shift(pixels, unused).view(f"i{pixels.dtype.itemsize}") >> unused
    runner.set_option("bits_allocated", bits)
    return pixels.tobytes()


def _decoded(source: bytes, names: tuple[str, ...]) -> NDArray[Any]:
    """Decodes with the first codec that is available and accepts the pixels."""
    problem: Exception = ValueError(f"no codec {names[0]}")
    for name in names:
        try:
            pixels: NDArray[Any] = getattr(imagecodecs, f"{name}_decode")(source)
            return pixels
        except Exception as error:  # decoders raise all kinds of exceptions
            problem = error
    raise ValueError(f"its compressed pixels are damaged ({problem})")
