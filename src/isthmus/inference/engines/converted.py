"""Keeps networks converted for OpenVINO in the user's cache: converting takes seconds, loading a tenth of a second."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from torch import nn

from isthmus.files import atomic_path, user_cache
from isthmus.inference.engines.portable import Opened, capture, write
from isthmus.runs.files import write_json
from isthmus.runs.recipe import Hardware
from isthmus.shapes import read_as

KEPT = 16
"""The most networks that the cache holds; the least recently used are dropped."""


def cache_folder() -> Path:
    """Returns ``isthmus/openvino`` in the user's cache (``XDG_CACHE_HOME``, else ``~/.cache``)."""
    return user_cache() / "openvino"


def converted(network: nn.Module, hardware: Hardware, channels: int, dims: int, divisor: int) -> Opened:
    """Returns a network that OpenVINO runs, from the cache or newly converted.

    Args:
        network: a network in evaluation mode.
        hardware: threads and precision.
        channels: number of channels of the images that it sees.
        dims: spatial dimensions, 2 or 3.
        divisor: every side of a batch is a multiple of it.

    Raises:
        IsthmusError: it cannot be converted.
    """
    folder = cache_folder() / _key(network, channels, dims)
    if not (folder / "heads.json").is_file():
        captured = capture(network, channels, dims, divisor)
        with atomic_path(folder) as aside:
            aside.mkdir()
            write(captured, "openvino", aside / "network.xml")
            write_json(aside / "heads.json", list(captured.heads))
        _drop_old(folder.parent)
    with suppress(OSError):
        os.utime(folder)
    return Opened(
        folder / "network.xml",
        "openvino",
        read_as(folder / "heads.json", list[str], f"delete {folder}"),
        hardware.threads or 1,
        hardware.precision,
    )


def _key(network: nn.Module, channels: int, dims: int) -> str:
    """Returns a hash of the weights, the layers and the versions of the packages that convert them."""
    digest = hashlib.sha256(f"{network} {channels} {dims}".encode())
    for package in ("isthmus", "torch", "openvino"):
        digest.update(metadata.version(package).encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def _drop_old(cache: Path) -> None:
    held = sorted((path for path in cache.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in held[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)
