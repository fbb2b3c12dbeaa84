"""Convolutions in bfloat16 are right whatever the framework's kernels do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.inference.engines.fused import Convolution
from isthmus.networks.kernels import summed_convolutions
from isthmus.networks.kernels.bfloat16 import choice
from isthmus.networks.kernels.bfloat16.check_process import CannotCheck
from isthmus.networks.kernels.bfloat16.kinds import Kind
from isthmus.networks.kernels.bfloat16.layers import Conv2d, ConvTranspose2d, check_convolutions
from isthmus.networks.kernels.bfloat16.machine_cache import Known
from isthmus.networks.kernels.bfloat16.ways import (
    BORDER,
    CONTIGUOUS,
    FLOAT32,
    NATIVE,
    SEPARATE,
    VECTORS,
    WAYS,
)
from isthmus.networks.kernels.onednn import available

FOUND = choice._found  # in other tests all kernels are trusted


class FakeChecker:
    """A checker for which some ways are wrong; it remembers what it was asked."""

    def __init__(self, *wrong_ways: str) -> None:
        self.wrong_ways, self.questions = wrong_ways, list[tuple[str, str]]()

    def ask(self, kind: Kind, way: str) -> bool:
        self.questions.append((kind.form, way))
        return way not in self.wrong_ways


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Begins as a new process would, with a checker and a cache."""

    def begin(checker: Any, cache: Path = tmp_path / "cache" / "kernels.jsonl") -> None:
        known = Known(cache)
        monkeypatch.setattr(choice, "of_this_machine", lambda: known)
        monkeypatch.setattr(choice, "_checker", checker)
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
        ((NATIVE, BORDER, VECTORS, CONTIGUOUS), FLOAT32),
    ],
)
def test_the_first_right_way_is_taken_and_said(
    wrong_ways: tuple[str, ...], taken: str, begin: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(FakeChecker(*wrong_ways))
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
        checker = FakeChecker(NATIVE)
        begin(checker)
        for _ in range(3):
            with torch.autocast("cpu", torch.bfloat16):
                layer(x)
        assert len(checker.questions) == questions
        assert len(choice.kernel_remarks()) == 1, number  # every process says it


def test_float32_is_left_alone(begin: Callable[..., None]) -> None:
    checker = FakeChecker(NATIVE)
    begin(checker)
    x, layer = example()
    layer(x)
    layer.double()(x.double())
    assert checker.questions == []


DAMAGES = [b"", b"\xff\xfe\x00garbage", b'{"question": 3', b"[1]\n7\nnull\n{}", b"[" * 9999]


@pytest.mark.parametrize("damage", DAMAGES, ids=range(len(DAMAGES)))
def test_a_damaged_cache_is_done_again(damage: bytes, begin: Callable[..., None], tmp_path: Path) -> None:
    cache = tmp_path / "kernels.jsonl"
    cache.write_bytes(damage)
    x, layer = example()
    for questions in (2, 0):
        checker = FakeChecker(NATIVE)
        begin(checker, cache)
        with torch.autocast("cpu", torch.bfloat16):
            layer(x)
        assert len(checker.questions) == questions


@pytest.mark.parametrize("answer", [SEPARATE, [NATIVE], 7, None, "no way"])
def test_a_way_that_fits_no_layer_is_not_believed(
    answer: Any, begin: Callable[..., None], tmp_path: Path
) -> None:
    cache = tmp_path / "kernels.jsonl"
    x, layer = example()
    begin(FakeChecker(), cache)
    with torch.autocast("cpu", torch.bfloat16):
        expected = layer(x)
        cache.write_text(json.dumps({"question": next(iter(choice._by_kind)), "answer": answer}))
        begin(FakeChecker(NATIVE), cache)
        assert near(layer(x), expected)
    assert choice.kernel_remarks()[0].endswith(f"another way: 1 {BORDER}")


def test_an_answer_that_means_nothing_is_asked_again(begin: Callable[..., None], tmp_path: Path) -> None:
    x, layer = example()
    cache = tmp_path / "kernels.jsonl"
    begin(FakeChecker(NATIVE), cache)
    with torch.autocast("cpu", torch.bfloat16):
        layer(x)
    cache.write_text(cache.read_text().replace(BORDER, "by magic"))
    checker = FakeChecker()
    begin(checker, cache)
    with torch.autocast("cpu", torch.bfloat16):
        layer(x)
    assert checker.questions == [("plain", NATIVE)]


def test_a_cache_that_cannot_be_written_stops_nothing(begin: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    begin(FakeChecker(), tmp_path / "file" / "kernels.jsonl")
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
    (trouble,) = choice.kernel_remarks()
    assert trouble.startswith("bfloat16 cannot be checked here (no Python)")
    assert not (tmp_path / "cache").exists()  # what was not found out is not kept


@pytest.mark.skipif(not available(), reason="this build of the framework has no oneDNN")
def test_branches_are_layers_where_their_sum_is_wrong(begin: Callable[..., None], tmp_path: Path) -> None:
    torch.manual_seed(0)
    layers = nn.ModuleList(Conv2d(6, 8, 3, padding=d, dilation=d) for d in (1, 2))
    x = torch.randn(2, 6, 9, 7).bfloat16().contiguous(memory_format=torch.channels_last).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        for wrong_ways, faster in (((), True), ((NATIVE,), False)):
            checker = FakeChecker(*wrong_ways)
            begin(checker, tmp_path / f"{faster}.jsonl")
            if summed_convolutions.onednn.computes(x.dtype):
                assert summed_convolutions.is_faster(x, x.new_zeros(2, 8, 9, 7), layers) is faster
                assert {form for form, _ in checker.questions} == {"summed"}
        assert all(line.endswith(f"1 {SEPARATE}") for line in choice.kernel_remarks())


@pytest.mark.skipif(not available(), reason="this build of the framework has no oneDNN")
@pytest.mark.parametrize("wrong_ways", [(), (NATIVE,)])
def test_prediction_is_right(wrong_ways: tuple[str, ...], begin: Callable[..., None]) -> None:
    begin(FakeChecker(*wrong_ways))
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


def test_convolutions_of_other_networks_are_checked() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.ConvTranspose2d(2, 1, 2), Conv2d(1, 1, 1))
    state = network.state_dict()
    assert check_convolutions(network) is network
    assert [type(layer) for layer in network] == [Conv2d, nn.ReLU, ConvTranspose2d, Conv2d]
    assert list(network.state_dict()) == list(state)


def test_what_is_not_ours_to_check_is_the_framework_s(begin: Callable[..., None]) -> None:
    checker = FakeChecker(NATIVE)
    begin(checker)
    with torch.autocast("cpu", torch.bfloat16):
        Conv2d(2, 2, 3, padding="same")(torch.zeros(1, 2, 4, 4))
        Conv2d(2, 2, 3, padding=1, padding_mode="reflect")(torch.zeros(1, 2, 4, 4))
        Conv2d(2, 2, 3)(torch.zeros(2, 4, 4))
        up = ConvTranspose2d(2, 2, 2, stride=2)(torch.zeros(1, 2, 4, 4), [8, 8])
    assert up.shape == (1, 2, 8, 8)
    assert checker.questions == []
