"""The section ``hardware``: where and how a run is computed."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator

from isthmus.runs.recipe.section import Section
from isthmus.settings import POSITIVE, Range

Precision = Literal["auto", "float32", "bfloat16"]


def _as_device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]+)?|mps", name):
        raise ValueError("must be auto, cpu, cuda, cuda:1 (the second of several) or mps")
    return name


class Hardware(Section):
    """Where and how a run is computed; open values are decided once, at the start, and stored."""

    device: Annotated[
        str,
        AfterValidator(_as_device),
        "`cpu`, `cuda`, `cuda:1`, `mps`, or `auto`: the first GPU, else the processor.",
    ] = "auto"
    precision: Annotated[
        Precision,
        "Number type in which the network computes; `auto`: see [below](#number-types).",
    ] = "auto"
    channels_last: Annotated[
        bool | None, "Keep channels last in memory. Open: on NVIDIA GPUs and on the processor."
    ] = None
    threads: Annotated[
        int | None, POSITIVE, "Number of processor threads. Open: as many as the framework would use."
    ] = None
    workers: Annotated[
        int, Range(0, 64), "Threads that prepare batches; 0: batches are prepared between the steps."
    ] = 2
    cache_mb: Annotated[int, Range(0), "Memory for decoded cases, in MB."] = 2048
