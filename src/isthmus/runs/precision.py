"""Measures once whether a training step of a network is faster in bfloat16 than in float32 on this machine."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from isthmus.networks.blocks.heads import build
from isthmus.networks.description.measure import flops
from isthmus.networks.kernels.bfloat16.machine_cache import of_this_machine
from isthmus.networks.kernels.memory_layout import in_layout
from isthmus.runs import hardware as machine
from isthmus.runs.recipe import Recipe

WORTHWHILE = 1.1
"""Speedup from which bfloat16 is used."""

OPERATIONS = 5e9
"""Largest number of operations in the forward pass of one image of the measured step; larger images are halved."""

STEPS = 2
"""Measured steps in each number type."""


def speedup(recipe: Recipe) -> float:
    """Returns how many times faster a training step is in bfloat16 than in float32 on this machine's processor.

    The first measurement takes a second or a few; its result is kept with what else is known about the machine. Wrong
    kernels are replaced in the measured step, too (`isthmus.networks.kernels.bfloat16.choice`), so the measured time is
    that of a correct step.

    Args:
        recipe: a resolved recipe for the processor.
    """
    shape, network = recipe.input, recipe.network
    size = (recipe.roi.size if recipe.roi else None) or shape.resize or shape.patch or ()
    images, threads = min(recipe.training.batch, 2), recipe.hardware.threads
    options, last = sorted(network.options.items()), recipe.hardware.channels_last
    question = (
        f"speedup of {network.model} {options} {network.heads} on {images} of {list(size)}, channels last {last}, "
        f"threads {threads}"
    )
    known = of_this_machine()
    found = known.answers.get(question)
    if not isinstance(found, float):
        measured = _measured(recipe, size, images)
        found = known.add(question, measured)
        return found if isinstance(found, float) else measured
    return found


def _measured(recipe: Recipe, size: Sequence[int], images: int) -> float:
    given = recipe.network
    options = {**given.options, **({"encoder_weights": None} if "encoder_weights" in given.options else {})}
    with torch.random.fork_rng(devices=[]), machine.threads(recipe.hardware):
        network = build(given.model, given.heads or (), version=given.version, **options)
        layout = machine.memory_format(recipe.hardware, recipe.spatial_dims)
        network.to(memory_format=layout).train()  # type: ignore[call-overload]
        batch = torch.randn(images, int(options["in_channels"]), *_smaller(network, size, options))
        batch = in_layout(batch, layout)
        best = {"float32": float("inf"), "bfloat16": float("inf")}
        for step in range(STEPS + 1):
            for precision, before in best.items():
                hardware = recipe.hardware.model_copy(update={"precision": precision})
                seconds = _seconds(network, batch, machine.autocast(hardware))
                best[precision] = min(before, seconds) if step else before  # the first one warms up
    return best["float32"] / best["bfloat16"]


def _smaller(network: nn.Module, size: Sequence[int], options: dict[str, object]) -> list[int]:
    """Returns the size with its sides halved until an image takes `OPERATIONS` or its maps become too small."""
    divisor, sides = int(getattr(network, "divisor", 1)), list(size)
    shapes = copy.deepcopy(network).to("meta")
    while True:
        image = torch.empty(1, int(str(options["in_channels"])), *sides, device="meta")
        large = [axis for axis, side in enumerate(sides) if side % (2 * divisor) == 0 and side >= 8 * divisor]
        if not large or flops(shapes, image) <= OPERATIONS:
            return sides
        sides[max(large, key=lambda axis: sides[axis])] //= 2


def _seconds(network: nn.Module, batch: Tensor, context: torch.autocast) -> float:
    """Returns the processor time of a forward and a backward pass, in seconds; other processes do not count."""
    network.zero_grad(set_to_none=True)
    start = time.process_time()
    with context:
        out = network(batch)
    heads = [out] if isinstance(out, Tensor) else list(out.values())
    torch.stack([maps.float().square().mean() for maps in heads]).sum().backward()  # type: ignore[no-untyped-call]
    return time.process_time() - start
