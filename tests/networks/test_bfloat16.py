"""Convolutions in bfloat16 are right whatever the framework's kernels do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.inference.fused import Convolution
from isthmus.networks import branches
from isthmus.networks.bfloat16 import check_process, choice
from isthmus.networks.bfloat16.check import is_right
from isthmus.networks.bfloat16.check_process import CannotCheck, Checker
from isthmus.networks.bfloat16.kinds import Kind, Where
from isthmus.networks.bfloat16.layers import Conv2d, ConvTranspose2d, made_right
from isthmus.networks.bfloat16.machine_cache import Known
from isthmus.networks.bfloat16.ways import APART, BORDER, CONTIGUOUS, NATIVE, SURE, VECTORS, WAYS, fits
from isthmus.networks.onednn import available

PLAIN = Where((1, 1), (1, 1), (1, 1), 1, (0, 0))
FOUND = choice._found  # in other tests all kernels are trusted
KIND = Kind((8, 6, 3, 3), PLAIN, True, 2, (9, 7), True, True, 1)
KINDS = {
    "channels-last": KIND,
    "contiguous": Kind((8, 6, 3, 3), PLAIN, False, 1, (9, 7), False, True, 1),
    "forward": Kind((8, 6, 3, 3), PLAIN, True, 2, (9, 7), True, False, 1),
    "stride and dilation": Kind(
        (5, 3, 3, 5), Where((2, 1), (0, 2), (1, 2), 1, (0, 0)), True, 2, (9, 14), True, True, 1
    ),
    "groups": Kind((6, 2, 3, 3), Where((1, 1), (1, 1), (1, 1), 3, (0, 0)), True, 2, (9, 7), True, True, 1),
    "transposed": Kind(
        (6, 4, 4, 4), Where((2, 2), (1, 1), (1, 1), 2, (1, 0), True), True, 2, (5, 4), True, True, 1
    ),
    "volumes": Kind(
        (4, 6, 3, 3, 3), Where((1,) * 3, (1,) * 3, (1,) * 3, 1, (0,) * 3), True, 1, (2, 4, 5), True, True, 1
    ),
    "one channel": Kind(
        (1, 1, 1, 1), Where((1, 1), (0, 0), (1, 1), 1, (0, 0)), True, 1, (5, 5), True, True, 1
    ),
}
Compute = Callable[[Tensor, Tensor, Tensor | None, Where], Tensor]


def in_float32(x: Tensor, weight: Tensor, bias: Tensor | None, where: Where) -> Tensor:
    """A kernel that is right."""
    return WAYS[SURE](x, weight, bias, where)


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

    def compute(x: Tensor, weight: Tensor, bias: Tensor | None, where: Where) -> Tensor:
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
        y = in_float32(x, weight, bias, where)
        return torch.cat([y[:, :-1], y[:, -1:] * 0.5], 1) if tensor == "y" else y

    return compute


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_right_kernel_is_found_right(kind: Kind) -> None:
    assert is_right(kind, SURE)


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
    if fits(way, kind):
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
        where = Where((1,) * dims, (dilation,) * dims, (dilation,) * dims, 1, (0,) * dims)
        weight = (channels, channels, *(3,) * dims)
        return Kind(weight, where, True, 8, size, True, learns, 1).reduced()

    assert cut((64, 48)).size == (64, 48)
    assert cut((64, 48)).images == 2
    assert cut((4096, 4100)).size == (8, 4100)  # the innermost stays
    assert cut((4096, 4100), dilation=5).size == (16, 4100)  # 5 beside the kernel's reach of 11
    assert cut((2, 512, 512)).size == (2, 8, 512)  # thin ones stay
    assert cut((2048, 70), learns=False).size == (48, 54)


class Asked:
    """A checker for which some ways are wrong; it remembers what it was asked."""

    def __init__(self, *wrong_ways: str) -> None:
        self.wrong_ways, self.questions = wrong_ways, list[tuple[str, str]]()

    def ask(self, kind: Kind, way: str) -> bool:
        self.questions.append((kind.form, way))
        return way not in self.wrong_ways


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """As a new process would begin, with a checker and a cache."""

    def begin(asks: Any, cache: Path = tmp_path / "cache" / "kernels.jsonl") -> None:
        known = Known(cache)
        monkeypatch.setattr(choice, "of_this_machine", lambda: known)
        monkeypatch.setattr(choice, "_checker", asks)
        monkeypatch.setattr(choice, "_found", FOUND)
        monkeypatch.setattr(choice, "_by_call", {})
        monkeypatch.setattr(choice, "_by_kind", {})
        monkeypatch.setattr(choice, "_unable", False)
        choice.kernel_remarks()

    return begin


def example() -> tuple[Tensor, Conv2d]:
    """A map of 6 channels, channels-last, and a layer for it."""
    torch.manual_seed(0)
    layer = Conv2d(6, 8, 3, padding=1).to(memory_format=torch.channels_last)
    return torch.randn(2, 6, 9, 7).contiguous(memory_format=torch.channels_last), layer


def gradients(layer: nn.Module, x: Tensor) -> list[Tensor]:
    """Output and all gradients of a step."""
    x = x.clone().requires_grad_()
    y = layer(x)
    y.backward((torch.sin(torch.arange(y.numel())) + 1).view(y.shape).to(y.dtype))
    return [y.detach(), x.grad, *(parameter.grad for parameter in layer.parameters())]


def near(found: Tensor, expected: Tensor, share: float = 0.01) -> bool:
    found, expected = found.detach().double(), expected.detach().double()
    return float((found - expected).norm()) <= share * float(expected.norm())


@pytest.mark.parametrize(
    ("wrong_ways", "taken"),
    [
        ((), NATIVE),
        ((NATIVE,), BORDER),
        ((NATIVE, BORDER), VECTORS),
        ((NATIVE, BORDER, VECTORS), CONTIGUOUS),
        ((NATIVE, BORDER, VECTORS, CONTIGUOUS), SURE),
    ],
)
def test_the_first_right_way_is_taken_and_said(
    wrong_ways: tuple[str, ...], taken: str, begin: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(Asked(*wrong_ways))
    calls: list[str] = []
    for way, compute in list(WAYS.items()):
        monkeypatch.setitem(WAYS, way, lambda *given, w=way, c=compute: calls.append(w) or c(*given))
    x, layer = example()
    expected = gradients(layer.double(), x.double())
    layer.float().zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        found = gradients(layer, x)
    assert all(near(one, other) for one, other in zip(found, expected, strict=True))
    assert calls == ([] if taken == NATIVE else [taken])  # as it is, the layer is the framework's
    lines = choice.kernel_remarks()
    assert lines == [] or (taken != NATIVE and lines[0].endswith(f"another way: 1 {taken}"))
    assert bool(lines) == (taken != NATIVE)
    assert choice.kernel_remarks() == []


def test_a_machine_is_asked_once(begin: Callable[..., None]) -> None:
    x, layer = example()
    for number, questions in enumerate((2, 0)):
        asks = Asked(NATIVE)
        begin(asks)
        for _ in range(3):
            with torch.autocast("cpu", torch.bfloat16):
                layer(x)
        assert len(asks.questions) == questions
        assert len(choice.kernel_remarks()) == 1, number  # every process says it


def test_float32_is_left_alone(begin: Callable[..., None]) -> None:
    asks = Asked(NATIVE)
    begin(asks)
    x, layer = example()
    layer(x)
    layer.double()(x.double())
    assert asks.questions == []


DAMAGES = [b"", b"\xff\xfe\x00garbage", b'{"question": 3', b"[1]\n7\nnull\n{}", b"[" * 9999]


@pytest.mark.parametrize("damage", DAMAGES, ids=range(len(DAMAGES)))
def test_a_damaged_cache_is_done_again(damage: bytes, begin: Callable[..., None], tmp_path: Path) -> None:
    cache = tmp_path / "kernels.jsonl"
    cache.write_bytes(damage)
    x, layer = example()
    for questions in (2, 0):
        asks = Asked(NATIVE)
        begin(asks, cache)
        with torch.autocast("cpu", torch.bfloat16):
            layer(x)
        assert len(asks.questions) == questions


def test_processes_go_by_the_first_answer(tmp_path: Path) -> None:
    one, other = (Known(tmp_path / "kernels.jsonl") for _ in range(2))
    assert one.add("speedup", 1.2) == 1.2
    assert other.add("speedup", 0.9) == 1.2
    assert Known(one.path).answers == {"speedup": 1.2}


def test_an_answer_that_means_nothing_is_asked_again(begin: Callable[..., None], tmp_path: Path) -> None:
    x, layer = example()
    cache = tmp_path / "kernels.jsonl"
    begin(Asked(NATIVE), cache)
    with torch.autocast("cpu", torch.bfloat16):
        layer(x)
    cache.write_text(cache.read_text().replace(BORDER, "by magic"))
    asks = Asked()
    begin(asks, cache)
    with torch.autocast("cpu", torch.bfloat16):
        layer(x)
    assert asks.questions == [("plain", NATIVE)]


def test_a_cache_that_cannot_be_written_stops_nothing(begin: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    begin(Asked(), tmp_path / "file" / "kernels.jsonl")
    x, layer = example()
    with torch.autocast("cpu", torch.bfloat16):
        layer(x)
        layer(x[:1])
    (line,) = choice.kernel_remarks()
    assert "cannot be written" in line
    assert "\n" not in line


def test_without_a_process_float32_is_safe(begin: Callable[..., None], tmp_path: Path) -> None:
    class Unable:
        def ask(self, *_: Any) -> bool:
            raise CannotCheck("no Python")

    begin(Unable())
    x, layer = example()
    with torch.autocast("cpu", torch.bfloat16):
        expected = layer(x)
        assert near(layer(x), expected)
        layer(x[:1])
    lines = choice.kernel_remarks()
    assert lines[0].endswith("another way: 2 in float32")
    (trouble,) = lines[1:]
    assert trouble.startswith("bfloat16 cannot be checked here (no Python)")
    assert not (tmp_path / "cache").exists()  # what was not found out is not kept


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


@pytest.mark.skipif(not available(), reason="this build of the framework has no oneDNN")
def test_branches_are_layers_where_their_sum_is_wrong(begin: Callable[..., None], tmp_path: Path) -> None:
    torch.manual_seed(0)
    layers = nn.ModuleList(Conv2d(6, 8, 3, padding=d, dilation=d) for d in (1, 2))
    x = torch.randn(2, 6, 9, 7).bfloat16().contiguous(memory_format=torch.channels_last).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        for wrong_ways, worthwhile in (((), True), ((NATIVE,), False)):
            asks = Asked(*wrong_ways)
            begin(asks, tmp_path / f"{worthwhile}.jsonl")
            if branches.onednn.computes(x.dtype):
                assert branches.worthwhile(x, x.new_zeros(2, 8, 9, 7), layers) is worthwhile
                assert {form for form, _ in asks.questions} == {"summed"}
        assert all(line.endswith(f"1 {APART}") for line in choice.kernel_remarks())


@pytest.mark.skipif(not available(), reason="this build of the framework has no oneDNN")
@pytest.mark.parametrize("wrong_ways", [(), (NATIVE,)])
def test_prediction_is_right(wrong_ways: tuple[str, ...], begin: Callable[..., None]) -> None:
    begin(Asked(*wrong_ways))
    x, layer = example()
    made = Convolution(layer, None, torch.bfloat16)
    other = torch.randn(2, 8, 9, 7).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        expected = F.conv2d(x.double(), layer.weight.double(), layer.bias.double(), padding=1)
        assert near(made(x), expected)
        assert near(made(x, relu=True), expected.relu())
        assert near(made.plus(x, other, relu=True), (expected + other).relu())
        total = other.bfloat16()
        assert made.onto(total, x) is total
        assert near(total, expected + other)


def test_networks_of_others_are_made_right() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.ConvTranspose2d(2, 1, 2), Conv2d(1, 1, 1))
    state = network.state_dict()
    assert made_right(network) is network
    assert [type(layer) for layer in network] == [Conv2d, nn.ReLU, ConvTranspose2d, Conv2d]
    assert list(network.state_dict()) == list(state)


def test_what_is_not_ours_to_check_is_the_framework_s(begin: Callable[..., None]) -> None:
    asks = Asked(NATIVE)
    begin(asks)
    with torch.autocast("cpu", torch.bfloat16):
        Conv2d(2, 2, 3, padding="same")(torch.zeros(1, 2, 4, 4))
        Conv2d(2, 2, 3, padding=1, padding_mode="reflect")(torch.zeros(1, 2, 4, 4))
        Conv2d(2, 2, 3)(torch.zeros(2, 4, 4))
        up = ConvTranspose2d(2, 2, 2, stride=2)(torch.zeros(1, 2, 4, 4), [8, 8])
    assert up.shape == (1, 2, 8, 8)
    assert asks.questions == []


@pytest.mark.slow
def test_a_process_that_checks() -> None:
    asks = Checker()
    assert asks.ask(KIND, SURE)
    assert asks.ask(KINDS["volumes"], SURE)
    asks.close()
