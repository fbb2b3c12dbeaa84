"""Finds a network's decoder stages: what each outputs, and where encoder and decoder are concatenated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatch

from torch import nn

from isthmus.errors import IsthmusError
from isthmus.networks.models.eunet import EUNet
from isthmus.networks.models.nuclei import NucleiNet
from isthmus.networks.models.ternausnet import TernausNet16
from isthmus.networks.models.unet import UNet
from isthmus.networks.models.unetpp import UNetPlusPlus


@dataclass(frozen=True)
class Stage:
    """One level of a decoder.

    Attributes:
        module: outputs what the stage outputs.
        joined: takes the concatenation of encoder and decoder as its input; None if nothing is concatenated.
    """

    module: nn.Module
    joined: nn.Module | None


@singledispatch
def decoder_stages(network: nn.Module) -> Sequence[Stage]:
    """Returns the stages of a network's decoder, the deepest first.

    For a network of your own these are the modules of its attribute ``decoder`` (a ``ModuleList``), each of which takes
    the concatenation. A module that wraps another one as ``network`` has the stages of that one. Any other layout is
    declared with ``decoder_stages.register``.

    Raises:
        IsthmusError: the network has no decoder stages (it is not an encoder-decoder, or does not say where they are).
    """
    inner = getattr(network, "network", None)
    if isinstance(inner, nn.Module):
        return decoder_stages(inner)
    decoder = getattr(network, "decoder", None)
    if not isinstance(decoder, nn.ModuleList) or not len(decoder):
        raise IsthmusError(
            f"{type(network).__name__} has no decoder stages; use the gradient of the input "
            "(target='input', --method input)"
        )
    return _alike(decoder)


@decoder_stages.register
def _(network: UNet) -> Sequence[Stage]:
    joined = len(network.skips)  # with an encoder, the finest levels may have no skip connection
    return [Stage(block, block if i < joined else None) for i, block in enumerate(network.decoder)]


@decoder_stages.register
def _(network: UNetPlusPlus) -> Sequence[Stage]:
    """Returns the last node of each level: the path that leads up to the final map."""
    last = network.depth - 1
    return _alike(network.nodes[f"{last - step}_{step}"] for step in range(1, network.depth))


@decoder_stages.register
def _(network: EUNet) -> Sequence[Stage]:
    return _alike(network.localise)


@decoder_stages.register
def _(network: TernausNet16) -> Sequence[Stage]:
    return _alike([*list(network.ups)[1:], network.last])


@decoder_stages.register
def _(network: NucleiNet) -> Sequence[Stage]:
    """Returns the stages of the decoder for the bodies."""
    levels: Iterable[nn.Module] = network.decoders[0].levels  # type: ignore[assignment]
    return [Stage(level, level.body) for level in levels]  # type: ignore[arg-type]


def _alike(modules: Iterable[nn.Module]) -> Sequence[Stage]:
    return [Stage(module, module) for module in modules]
