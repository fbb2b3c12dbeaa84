"""Finds, checks and loads pre-trained weights of an encoder, without running code from their file.

Nothing is downloaded without ``download=True``. Downloaded files are stored where torch stores its own
(``torch.hub.get_dir()/checkpoints``), so that those of torchvision are found.
"""

from __future__ import annotations

import os
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import torch
from torch import Tensor

from isthmus.errors import IsthmusError
from isthmus.files import sha256
from isthmus.networks.checks import require_finite
from isthmus.networks.encoders.base import Encoder

_CHUNK = 1 << 20


def load_encoder_weights(encoder: Encoder, source: Path | str, *, download: bool = False) -> None:
    """Loads pre-trained weights into an encoder, in place.

    Tensors of the classifier are ignored. Filters for three channels are adapted to the number that the encoder reads
    (`adapt_filters`). If anything does not fit, the encoder stays as it was.

    Args:
        encoder: the encoder to change.
        source: a ``.safetensors`` or ``.pth`` file with torchvision's names, or the URL of one with its hash:
            ``https://…#sha256=…``.
        download: whether a URL may be downloaded if its file is not on this machine.

    Raises:
        IsthmusError: there is no such file, it has another hash or does not hold weights, or tensors do not fit.
    """
    path = find_weights(source, download=download)
    given = {_modern(name): tensor for name, tensor in _read(path).items()}
    own = encoder.state_dict()
    first = f"{encoder.first_conv}.weight"
    if first in given and given[first].ndim == own[first].ndim and given[first].shape[1] == 3:
        given[first] = adapt_filters(given[first], encoder.in_channels)
    wanted = {name for name in own if not name.startswith(encoder.added) and "batches_tracked" not in name}
    problems = [
        *_named("missing", sorted(wanted - given.keys())),
        *_named(
            "of another shape",
            [
                f"{name} {tuple(given[name].shape)} for {tuple(own[name].shape)}"
                for name in own
                if name in given and given[name].shape != own[name].shape
            ],
        ),
        *_named("unknown", [n for n in given if n not in own and not n.startswith(encoder.classifier)]),
    ]
    if problems:
        raise IsthmusError(f"{path} does not fit the encoder: {'; '.join(problems)}")
    require_finite(given, path)
    encoder.load_state_dict({name: tensor for name, tensor in given.items() if name in own}, strict=False)
    encoder.loaded = frozenset(wanted)


def adapt_filters(filters: Tensor, in_channels: int) -> Tensor:
    """Adapts filters that read RGB to any number of channels; their sum over channels stays the same.

    From three channels on, channel c gets the filter of colour c mod 3, divided by the number of channels that share
    that colour. Fewer than three channels get the mean filter, scaled to keep the sum. So an image that repeats one
    grey channel gives the same features as in RGB.

    Args:
        filters: ``(out, 3, *kernel)``.

    Returns:
        ``(out, in_channels, *kernel)``.

    >>> rgb = torch.arange(6.0).reshape(2, 3, 1, 1)
    >>> adapt_filters(rgb, 4).flatten(1).tolist()  # red twice, each half
    [[0.0, 1.0, 2.0, 0.0], [1.5, 4.0, 5.0, 1.5]]
    >>> adapt_filters(rgb, 1).flatten().tolist()
    [3.0, 12.0]
    """
    if in_channels == 3:
        return filters
    if in_channels < 3:
        mean = filters.sum(1, keepdim=True) / in_channels
        return mean.expand(-1, in_channels, *filters.shape[2:]).clone()
    colour = torch.arange(in_channels) % 3
    share = torch.bincount(colour)[colour].to(filters.dtype)
    return filters[:, colour] / share.reshape(1, -1, *(1,) * (filters.ndim - 2))


def find_weights(source: Path | str, *, download: bool = False) -> Path:
    """Returns the file of a path or URL, checked against the hash in the URL; downloads it only if allowed.

    Raises:
        IsthmusError: there is no such file, the URL has no hash, the file is not here and may not be downloaded, or
            it has another hash.
    """
    if not isinstance(source, Path | str):
        raise IsthmusError(f"encoder weights must be a path or a URL with its hash, found {source!r}")
    text = str(source)
    if "://" not in text:
        path = Path(source).expanduser()
        if not path.is_file():
            raise IsthmusError(f"no file of encoder weights at {path}")
        return path
    url, _, fragment = text.partition("#")
    name = PurePosixPath(urlsplit(url).path).name
    match = re.fullmatch(r"sha256=([0-9a-fA-F]{64})", fragment)
    if urlsplit(url).scheme not in ("http", "https") or not name or not match:
        raise IsthmusError(f"a URL of weights must be https://…#sha256=<64 hexadecimal digits>, found {text}")
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not path.is_file():
        if not download:
            raise IsthmusError(
                f"{url} is not on this machine: put it at {path}, or call "
                f"isthmus.networks.find_weights('{text}', download=True)"
            )
        _download(url, path, match[1].lower())
    elif sha256(path) != match[1].lower():
        raise IsthmusError(
            f"{path} does not have the SHA-256 that {text} states; remove it and download it again"
        )
    return path


def _download(url: str, path: Path, digest: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    aside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file, urllib.request.urlopen(url, timeout=60) as reply:  # noqa: S310
            while chunk := reply.read(_CHUNK):
                file.write(chunk)
        if sha256(aside) != digest:
            raise IsthmusError(f"the file from {url} does not have the stated SHA-256; it was not stored")
        aside.replace(path)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise IsthmusError(f"could not download {url}: {error}") from error
    finally:
        aside.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Tensor]:
    """Reads the named tensors of a file, or those in the ``state_dict`` of a training checkpoint."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of many kinds, depending on what is wrong with the file
        reason = str(error).strip().splitlines()
        detail = reason[0][:160] if reason else type(error).__name__
        raise IsthmusError(f"{path} is neither .safetensors nor a .pth of plain tensors: {detail}") from error
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]
    if not isinstance(found, Mapping) or not all(isinstance(tensor, Tensor) for tensor in found.values()):
        raise IsthmusError(f"{path} does not hold tensors by name")
    return dict(found)


def _modern(name: str) -> str:
    """Returns today's name of a tensor; torchvision's first DenseNet files have ``norm.1`` for ``norm1``."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", name)


def _named(what: str, names: list[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield f"{what}: {', '.join(names[:3])}{more}"
