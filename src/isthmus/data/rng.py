"""Random streams that depend on a seed and on names, never on the order in which they are requested."""

from __future__ import annotations

import hashlib

import numpy as np


def rng(seed: int, *names: str | int) -> np.random.Generator:
    """Returns the random generator for one purpose, e.g. `rng(seed, "sample", epoch, index)`.

    The same seed and names give the same stream in every process and in any order of calls; other names give an
    independent stream (NumPy's `SeedSequence` of the seed and a SHA-256 of the names).

    >>> int(rng(0, "order", 3).integers(100)) == int(rng(0, "order", 3).integers(100))
    True
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, stable_hash(*names)])))


def stable_hash(*names: str | int) -> int:
    """Returns a 64-bit number that depends on the names alone (Python's own `hash` differs between processes).

    >>> stable_hash("a", 1) == stable_hash("a", "1")
    False
    """
    text = "\0".join(f"{type(name).__name__}:{name}" for name in names)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
