"""Images are received within limits, and their format is what their name or their type says."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from isthmus.app.refusals import Refused
from isthmus.app.segmenter import Segmenter
from isthmus.app.served import load_runs
from isthmus.app.uploads import Limits, receive

from .client import PNG, Client


def received(chunks: list[bytes], declared: str | None, path: Path, most: int) -> tuple[int, Refused | None]:
    """How many chunks were taken, and how that ended."""
    taken = 0

    async def sent() -> AsyncIterator[bytes]:
        nonlocal taken
        for chunk in chunks:
            taken += 1
            yield chunk

    try:
        asyncio.run(receive(sent(), declared, path, Limits(bytes=most)))
    except Refused as error:
        return taken, error
    return taken, None


@pytest.mark.parametrize("declared", ["11", str(10**18), None])
def test_too_many_bytes_are_refused_before_they_are_read(declared: str | None, tmp_path: Path) -> None:
    path = tmp_path / "image"
    taken, error = received([b"12345"] * 1000, declared, path, 10)
    assert error is not None
    assert error.status == 413
    assert "more than 10 bytes" in str(error)
    assert taken == (3 if declared is None else 0)
    assert path.stat().st_size <= 15


@pytest.mark.parametrize("declared", ["10", "3", "-1", "²", "x", "", "9" * 5000, None])
def test_what_fits_is_received_whatever_was_declared(declared: str | None, tmp_path: Path) -> None:
    assert received([b"12345", b"", b"67890"], declared, tmp_path / "image", 10) == (3, None)
    assert (tmp_path / "image").read_bytes() == b"1234567890"


def test_a_full_disk_is_not_the_client_s_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path))

    monkeypatch.setattr(Path, "open", full)
    _, error = received([b"x"], None, tmp_path / "image", 10)
    assert error is not None
    assert error.status == 507
    assert "No space left" in str(error)
    assert str(tmp_path) not in str(error)


def test_the_limit_holds_for_requests(folders: dict[str, Path]) -> None:
    with Segmenter(load_runs([str(folders["cells"])], device="cpu"), Limits(bytes=100)) as segmenter:
        found = Client(segmenter).predict(bytes(101), "", PNG, ("content-length", "101"))
    assert (found.status, found.chunks_taken) == (413, 0)
