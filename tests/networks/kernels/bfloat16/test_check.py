"""The check of bfloat16 kernels notices what is wrong, in a process that may die."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from isthmus.networks.kernels.bfloat16 import check_process, ways
from isthmus.networks.kernels.bfloat16.check import Example, is_right
from isthmus.networks.kernels.bfloat16.check_process import CannotCheck, Checker
from isthmus.networks.kernels.bfloat16.kinds import Kind, kind_of
from isthmus.networks.kernels.bfloat16.ways import (
    BORDER,
    CONTIGUOUS,
    FLOAT32,
    NATIVE,
    VECTORS,
    WAYS,
    native,
    ways_for,
)
from isthmus.networks.kernels.conv_arguments import ConvArguments
from isthmus.networks.kernels.memory_layout import channels_last

PLAIN = ConvArguments((1, 1), (1, 1), (1, 1), 1, (0, 0))
KIND = Kind((8, 6, 3, 3), PLAIN, True, 2, (9, 7), True, True, 1)
KINDS = {
    "channels-last": KIND,
    "contiguous": Kind((8, 6, 3, 3), PLAIN, False, 1, (9, 7), False, True, 1),
    "forward": Kind((8, 6, 3, 3), PLAIN, True, 2, (9, 7), True, False, 1),
    "stride and dilation": Kind(
        (5, 3, 3, 5), ConvArguments((2, 1), (0, 2), (1, 2), 1, (0, 0)), True, 2, (9, 14), True, True, 1
    ),
    "groups": Kind(
        (6, 2, 3, 3), ConvArguments((1, 1), (1, 1), (1, 1), 3, (0, 0)), True, 2, (9, 7), True, True, 1
    ),
    "transposed": Kind(
        (6, 4, 4, 4), ConvArguments((2, 2), (1, 1), (1, 1), 2, (1, 0), True), True, 2, (5, 4), True, True, 1
    ),
    "volumes": Kind(
        (4, 6, 3, 3, 3),
        ConvArguments((1,) * 3, (1,) * 3, (1,) * 3, 1, (0,) * 3),
        True,
        1,
        (2, 4, 5),
        True,
        True,
        1,
    ),
    "one channel": Kind(
        (1, 1, 1, 1), ConvArguments((1, 1), (0, 0), (1, 1), 1, (0, 0)), True, 1, (5, 5), True, True, 1
    ),
}
Compute = Callable[[Tensor, Tensor, Tensor | None, ConvArguments], Tensor]


def in_float32(x: Tensor, weight: Tensor, bias: Tensor | None, arguments: ConvArguments) -> Tensor:
    """A kernel that is right."""
    return WAYS[FLOAT32](x, weight, bias, arguments)


class _Scaled(torch.autograd.Function):
    """The tensor itself, whose gradient is multiplied."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: Tensor) -> Tensor:
        ctx.factor = factor
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return gradient * ctx.factor, None


def wrong(tensor: str) -> Compute:
    """A kernel with one channel of a tensor wrong by half: of the output, or of a gradient."""

    def compute(x: Tensor, weight: Tensor, bias: Tensor | None, arguments: ConvArguments) -> Tensor:
        def spoilt(values: Tensor, axis: int) -> Tensor:
            factor = torch.ones(values.shape[axis])
            factor[-1] = torch.inf if tensor == "infinite" else 0.5
            return _Scaled.apply(values, factor.view(-1, *[1] * (values.ndim - 1 - axis)).to(values.dtype))

        if tensor == "x":
            x = spoilt(x, 1)
        if tensor in ("weight", "infinite"):
            weight = spoilt(weight, 1)
        if tensor == "bias" and bias is not None:
            bias = spoilt(bias, 0)
        y = in_float32(x, weight, bias, arguments)
        return torch.cat([y[:, :-1], y[:, -1:] * 0.5], 1) if tensor == "y" else y

    return compute


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_right_kernel_is_found_right(kind: Kind) -> None:
    assert is_right(kind, FLOAT32)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("tensor", ["y", "x", "weight", "bias", "infinite"])
def test_a_wrong_channel_is_found(kind: Kind, tensor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WAYS, NATIVE, wrong(tensor))
    noticed = tensor == "y" or (kind.learns and (tensor != "bias" or kind.bias))
    assert is_right(kind) is not noticed


def test_what_a_kernel_leaves_unwritten_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def compute(*given: Any) -> Tensor:
        y = in_float32(*given)
        y.data[:, -1] = torch.empty(y.shape[2:]).fill_(torch.nan)
        return y

    monkeypatch.setitem(WAYS, NATIVE, compute)
    assert not is_right(KIND)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_same_numbers(kind: Kind, way: str) -> None:
    if way in ways_for(kind):
        assert is_right(kind, way)
    else:
        assert way in (BORDER, VECTORS, CONTIGUOUS)


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


DIES = "import os\nprint('ready', flush=True)\ninput()\nos._exit(1)"


def test_a_kernel_that_ends_its_process_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checker, "command", (sys.executable, "-c", DIES))
    asks = Checker()
    assert not asks.ask(KIND, NATIVE)
    asks.close()


def test_a_kernel_that_never_ends_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Checker, "command", (sys.executable, "-c", "print('ready', flush=True)\nwhile True: pass")
    )
    monkeypatch.setattr(check_process, "LIMIT", 0.5)
    asks = Checker()
    assert not asks.ask(KIND, NATIVE)
    asks.close()


def test_a_process_that_ended_for_want_of_work_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    once = "print('ready', flush=True)\ninput()\nprint(True)"
    monkeypatch.setattr(Checker, "command", (sys.executable, "-c", once))
    asks = Checker()
    assert [asks.ask(KIND, NATIVE) for _ in range(3)] == [True] * 3
    asks.close()


@pytest.mark.parametrize("command", [(sys.executable, "-c", "pass"), ("no such program",), (None,)])
def test_a_process_that_does_not_start_is_told(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checker, "command", command)
    asks = Checker()
    with pytest.raises(CannotCheck):
        asks.ask(KIND, NATIVE)
    asks.close()


@pytest.mark.slow
def test_a_process_that_checks() -> None:
    asks = Checker()
    assert asks.ask(KIND, FLOAT32)
    assert asks.ask(KINDS["volumes"], FLOAT32)
    asks.close()


def test_a_forked_process_asks_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that ask one process would read each other's answers."""
    pid = "import os\nprint('ready', flush=True)\nwhile input(): print(os.getpid(), flush=True)"
    monkeypatch.setattr(Checker, "command", (sys.executable, "-c", pid))
    asks = Checker()
    first = asks._answer("?\n")
    assert asks._answer("?\n") == first
    parents = asks._process
    with monkeypatch.context() as patch:
        patch.setattr(check_process.os, "getpid", lambda: -1)
        asks.close()
        assert parents.poll() is None
        assert asks._answer("?\n") != first
        asks.close()
    parents.communicate()


@pytest.mark.slow
def test_files_of_the_folder_are_not_taken_for_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    asks = Checker()
    assert asks.ask(KIND, FLOAT32)
    asks.close()


@pytest.mark.parametrize("layouts", list(product((False, True), repeat=2)))
@pytest.mark.parametrize(
    ("x", "weight"),
    [
        ((1, 1, 5, 1, 8), (12, 1, 5, 5, 5)),
        ((2, 40, 6, 32), (8, 5, 1, 1)),
        ((2, 6, 1, 1), (4, 6, 3, 3)),
        ((2, 6, 5, 7), (4, 6, 3, 3)),
    ],
)
def test_what_is_checked_has_the_strides_of_what_is_computed(
    x: tuple[int, ...], weight: tuple[int, ...], layouts: tuple[bool, bool]
) -> None:
    """Of one channel or pixel both layouts are one order, and the framework chooses its kernel by the strides."""
    given = [torch.empty(shape) for shape in (x, weight)]
    given = [
        torch.empty_like(one, memory_format=channels_last(one)) if last else one
        for one, last in zip(given, layouts, strict=True)
    ]
    dims = len(x) - 2
    arguments = ConvArguments(
        (1,) * dims, tuple(side // 2 for side in weight[2:]), (1,) * dims, x[1] // weight[1]
    )
    example = Example(kind_of(*given, bias=True, arguments=arguments, learns=True), torch.Generator())
    assert [example.x.stride(), example.weight.stride()] == [one.stride() for one in given]
    seen = []

    def noted(x: Tensor, weight: Tensor, bias: Tensor | None, arguments: ConvArguments) -> Tensor:
        seen.extend([x, weight])
        return native(x, weight, bias, arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ways, "native", noted)
        WAYS[CONTIGUOUS](*given, None, arguments)
    assert [one.stride() for one in seen] == [torch.empty(shape).stride() for shape in (x, weight)]
