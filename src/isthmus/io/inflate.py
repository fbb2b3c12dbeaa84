"""Decompresses with a size limit, and verifies the checksum."""

from __future__ import annotations

import bz2
import zlib
from typing import Any


def inflate(content: bytes, most: int) -> bytes:
    """Returns the bytes that zlib, gzip or bzip2 compressed to `content`, at most `most` and one.

    Raises:
        ValueError: the stream is cut off.
        OSError, zlib.error: the stream or its checksum is damaged.
    """
    stream: Any = (
        bz2.BZ2Decompressor() if content.startswith(b"BZh") else zlib.decompressobj(zlib.MAX_WBITS | 32)
    )
    plain: bytes = stream.decompress(content, most + 1)
    if len(plain) <= most and not stream.eof:  # the checksum may follow the last byte
        plain += stream.decompress(getattr(stream, "unconsumed_tail", b""), 1)
        if not stream.eof:
            raise ValueError("its compressed voxels are cut off")
    return plain
