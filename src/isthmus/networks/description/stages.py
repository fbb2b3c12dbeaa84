"""The stage table of a network: its modules in the order of one pass, on the meta device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.networks.description.measure import WithoutNorms, on_meta


@dataclass(frozen=True)
class Stage:
    """One call of one module: its path in the network, its kind, and the shapes before and after."""

    name: str
    kind: str
    in_channels: int
    channels: int
    size: tuple[int, ...]
    parameters: int


def stages(name: str, size: Sequence[int], **options: Any) -> tuple[Stage, ...]:
    """Returns the modules of a network in the order in which an image passes them in training.

    A module is listed by its parts if it holds others without being called, returns several tensors, or is a long
    sequence. A module without weights that does not change the shape is not listed. ``parameters`` is 0 if a module is
    called again, so that the column adds up to the number of the network.

    >>> [(s.name, s.channels, s.size) for s in stages("unet", (8, 8), widths=(2, 4))][:3]
    [('encoder.blocks.0', 2, (8, 8)), ('encoder.pool', 2, (4, 4)), ('encoder.blocks.1', 4, (4, 4))]
    """
    network, image = on_meta(name, size, **options)
    calls: list[tuple[str, nn.Module, Any, Any]] = []

    def note(path: str) -> Any:
        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            calls.append((path, module, [*args, *kwargs.values()][0], output))

        return hook

    handles = [
        m.register_forward_hook(note(path), with_kwargs=True) for path, m in network.named_modules() if path
    ]
    with torch.no_grad(), WithoutNorms():
        network.train()(image)
    for handle in handles:
        handle.remove()

    whole = {
        path for path, _, given, output in calls if isinstance(output, Tensor) and isinstance(given, Tensor)
    }
    shown = _shown(network, "", whole)
    seen: set[str] = set()
    rows = []
    for path, module, given, output in calls:
        weights = sum(p.numel() for p in module.parameters() if p.requires_grad)
        if path not in shown or (not weights and given.shape == output.shape):
            continue
        own = 0 if path in seen else weights
        seen.add(path)
        rows.append(Stage(path, kind(module), given.shape[1], output.shape[1], tuple(output.shape[2:]), own))
    return tuple(rows)


def _shown(module: nn.Module, path: str, whole: set[str]) -> set[str]:
    shown: set[str] = set()
    for name, child in module.named_children():
        full = f"{path}.{name}" if path else name
        long = type(child) is nn.Sequential and len(child) > 8
        shown |= {full} if full in whole and not long else _shown(child, full, whole)
    return shown


def kind(module: nn.Module) -> str:
    """Returns the kind of a module in a few words.

    >>> kind(nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU(), nn.Conv2d(1, 1, 3), nn.ReLU()))
    '2 x (Conv2d 3, ReLU)'
    """
    if isinstance(module, nn.Sequential):
        names = [kind(child) for child in module if not isinstance(child, nn.Identity)]
        for times in range(len(names), 1, -1):
            part = names[: len(names) // times]
            if part * times == names:
                inner = ", ".join(part)
                return f"{times} x ({inner})" if len(part) > 1 else f"{times} x {inner}"
        return ", ".join(names)
    name = type(module).__name__.lstrip("_")
    kernel = getattr(module, "kernel_size", None)
    if kernel is not None:
        name += f" {kernel[0] if isinstance(kernel, tuple) else kernel}"
    for option, shown in (("stride", "stride"), ("dilation", "dilation")):
        value = getattr(module, option, 1)
        value = value[0] if isinstance(value, tuple) else value
        if isinstance(value, int) and value > 1 and name.startswith("Conv"):
            name += f" {shown} {value}"
    return name
