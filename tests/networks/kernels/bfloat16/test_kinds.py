"""Kinds of convolutions as text, and the smaller ones that stand for them."""

from __future__ import annotations

from typing import Any

from isthmus.networks.kernels.bfloat16.kinds import Kind
from isthmus.networks.kernels.conv_arguments import ConvArguments

from .examples import KINDS


def test_kinds_survive_the_journey() -> None:
    for kind in KINDS.values():
        assert Kind.from_json(kind.to_json()) == kind
    assert len({kind.key() for kind in KINDS.values()}) == len(KINDS)


def test_large_maps_are_cut_where_no_kernel_notices() -> None:
    def cut(size: tuple[int, ...], channels: int = 64, dilation: int = 1, learns: bool = True) -> Any:
        dims = len(size)
        arguments = ConvArguments((1,) * dims, (dilation,) * dims, (dilation,) * dims, 1, (0,) * dims)
        weight = (channels, channels, *(3,) * dims)
        return Kind(weight, arguments, True, 8, size, True, learns, 1).reduced()

    assert cut((64, 48)).size == (64, 48)
    assert cut((64, 48)).images == 2
    assert cut((4096, 4100)).size == (8, 4100)  # the innermost stays
    assert cut((4096, 4100), dilation=5).size == (16, 4100)  # 5 beside the kernel's reach of 11
    assert cut((2, 512, 512)).size == (2, 8, 512)  # thin ones stay
    assert cut((2048, 70), learns=False).size == (48, 54)
