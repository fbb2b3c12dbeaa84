"""Computes the maps of networks: with the framework, or with OpenVINO if it is installed and there is enough to do."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Sequence
from math import prod
from typing import Protocol

import numpy as np
import torch
from torch import nn

from isthmus.errors import IsthmusError, nearest
from isthmus.inference.engines.fused import fused
from isthmus.inference.engines.portable import SIDE, Opened, by_head, example
from isthmus.inference.engines.portable import require as require_format
from isthmus.inference.tiling.tiles import Floats
from isthmus.networks.description.measure import flops
from isthmus.runs import hardware as machine
from isthmus.runs.recipe import Hardware

ENGINES = ("auto", "torch", "openvino")
ENOUGH = 1.2e14
"""From this many operations up, OpenVINO saves more time than converting a network takes; see docs/export.md."""
ALIKE = 0.1
"""OpenVINO may differ from the framework by this share of the maps' standard deviation, on average."""


class Engine(Protocol):
    """Turns a batch ``(N, channels, *spatial)`` into the maps ``(N, maps, *spatial)`` of every head, ``"logits"``
    first."""

    def __call__(self, batch: Floats) -> dict[str, Floats]: ...


def placed(networks: Sequence[nn.Module], hardware: Hardware, dims: int) -> Sequence[nn.Module]:
    """Moves networks of 2 or 3 spatial dimensions to the device and into the memory layout of ``hardware``."""
    layout = machine.memory_format(hardware, dims)
    for network in networks:
        network.to(device=hardware.device, memory_format=layout)  # type: ignore[call-overload]
    return networks


class Eager:
    """Runs networks in the framework, operation by operation, and averages over them."""

    def __init__(self, networks: Sequence[nn.Module], hardware: Hardware) -> None:
        self.networks, self.hardware = networks, hardware

    @classmethod
    def fused(cls, networks: Sequence[nn.Module], hardware: Hardware) -> Eager:
        """Returns an engine of copies prepared for prediction (`isthmus.inference.engines.fused`), on a CPU with
        channels last; elsewhere of the networks themselves."""
        if hardware.device == "cpu" and hardware.channels_last:
            dtype = torch.bfloat16 if hardware.precision == "bfloat16" else torch.float32
            networks = [fused(network, dtype) for network in networks]
        return cls(networks, hardware)

    def __call__(self, batch: Floats) -> dict[str, Floats]:
        layout = machine.memory_format(self.hardware, batch.ndim - 2)
        images = torch.from_numpy(np.ascontiguousarray(batch)).to(self.hardware.device)
        images = images.to(memory_format=layout)
        with torch.inference_mode(), machine.autocast(self.hardware):
            total = {name: maps.float() for name, maps in by_head(self.networks[0](images)).items()}
            for network in self.networks[1:]:
                for name, maps in by_head(network(images)).items():
                    total[name] = total[name] + maps.float()
            return {name: (maps / len(self.networks)).cpu().numpy() for name, maps in total.items()}


class Mean:
    """Averages over the engines of several networks."""

    def __init__(self, engines: Sequence[Opened]) -> None:
        self.engines = engines

    def __call__(self, batch: Floats) -> dict[str, Floats]:
        first, *others = (engine(batch) for engine in self.engines)
        for maps in others:
            for name, values in maps.items():
                first[name] += values
        return {name: values / np.float32(len(self.engines)) for name, values in first.items()}


def choose(
    networks: Sequence[nn.Module],
    hardware: Hardware,
    channels: int,
    dims: int,
    *,
    engine: str = "auto",
    pixels: int | None = None,
) -> tuple[Engine, list[str]]:
    """Returns the engine for these networks on this machine, and lines to tell the user of the choice.

    Args:
        networks: on the device and in the layout of ``hardware``.
        hardware: the hardware that they run on.
        channels: number of channels of the images as the networks see them.
        dims: spatial dimensions, 2 or 3.
        engine: ``"torch"``, ``"openvino"``, or ``"auto"``: OpenVINO on a CPU, if it is installed and ``pixels`` are so
            many that it pays.
        pixels: number of pixels that will go through each network; None: unknown, treated as few.

    Raises:
        IsthmusError: no such engine; OpenVINO was requested and is not installed, or the device is not the CPU.
    """
    if engine not in ENGINES:
        raise IsthmusError(f"unknown engine '{engine}': {nearest(engine, ENGINES)}")
    eager = Eager.fused(networks, hardware)
    if engine == "openvino":
        require_format("openvino")
        if hardware.device != "cpu":
            raise IsthmusError(
                f"engine 'openvino' runs on the CPU, found device '{hardware.device}'; use --device cpu"
            )
    elif engine == "torch" or hardware.device != "cpu" or importlib.util.find_spec("openvino") is None:
        return eager, []
    divisor = int(getattr(networks[0], "divisor", 1))
    image = example(channels, [SIDE[dims]] * dims, divisor, batch=1, seed=1)
    if engine == "auto" and (pixels is None or _operations(networks, image, pixels) < ENOUGH):
        return eager, []
    from isthmus.inference.engines.converted import converted

    try:
        found = Mean([converted(network, hardware, channels, dims, divisor) for network in networks])
        _refuse_another(found(image.numpy()), eager(image.numpy()))
    except Exception as error:
        line = next(iter(str(error).splitlines()), type(error).__name__)
        return eager, [f"OpenVINO cannot be used, so torch computes instead: {line:.200}"]
    return found, [f"OpenVINO computes, in {hardware.precision} (--engine torch switches it off)"]


def _operations(networks: Sequence[nn.Module], image: torch.Tensor, pixels: int) -> float:
    """Returns the operations of all networks on so many pixels; 0 where they cannot be counted."""
    try:
        counted = flops(copy.deepcopy(networks[0]).to("meta"), image.to("meta"))
    except (RuntimeError, NotImplementedError):
        return 0.0
    return len(networks) * counted / prod(image.shape[2:]) * pixels


def _refuse_another(found: dict[str, Floats], expected: dict[str, Floats]) -> None:
    for name, maps in expected.items():
        spread = float(maps.std()) + 1e-6
        if not float(np.abs(found[name] - maps).mean()) <= ALIKE * spread:
            raise IsthmusError(f"its '{name}' differs from what torch computes")
