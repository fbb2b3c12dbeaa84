"""Decompression: limited in size, checksum verified."""

from __future__ import annotations

import gzip
import zlib

import pytest

from isthmus.io.inflate import inflate


def test_inflate() -> None:
    plain = bytes(range(256)) * 9
    for made in (zlib.compress(plain), gzip.compress(plain)):
        assert inflate(made, len(plain)) == plain
        assert len(inflate(made, 100)) == 101  # never more than asked for
        with pytest.raises(ValueError, match="cut off"):
            inflate(made[:-3], len(plain))
