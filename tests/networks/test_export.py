"""Compiled and exported networks against eager ones: slow, so run by ``make test-slow``.

What a card says that its network cannot do is tested as well: it must really fail.
"""

from __future__ import annotations

import importlib.util
import warnings

import pytest
import torch
from torch import Tensor, nn

from isthmus.networks import list_models, model_card
from isthmus.networks.registry import dimensions

from .variants import VARIANTS, every_network, good_size, image, outputs, tiny

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # what the tools say of themselves

NO_ONNX = [tool for tool in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(tool) is None]


class _AsTuple(nn.Module):
    """The heads as a tuple, which is what a file of ONNX can give."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(outputs(self.network(x)).values())


def _prepare(name: str, dims: int) -> tuple[nn.Module, Tensor, tuple[Tensor, ...]]:
    network = _AsTuple(tiny(name, dims)).eval()
    x = image(2, 3, *good_size(network.network))
    with torch.no_grad():
        return network, x, network(x)


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory):
    """Keeps compiled code of this run separate: what a killed run left in the machine's cache may be half written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("compiled")))
        yield


def _hold(name: str, capability: str, attempt) -> None:
    """The attempt gives what eager gives, or fails as the card says."""
    if capability in model_card(name).cannot:
        with pytest.raises(Exception):  # noqa: B017  (every tool raises errors of its own)
            attempt()
    else:
        attempt()


def _agree(found, expected) -> None:
    for one, other in zip(found, expected, strict=True):
        scale = float(other.abs().max().clamp(min=1))
        torch.testing.assert_close(torch.as_tensor(one), other, rtol=0, atol=1e-4 * scale)


@every_network
def test_captured_in_one_graph(name, dims):
    """The graph that the compiler sees, forwards and backwards, run without generating code."""

    def attempt():
        torch.compiler.reset()
        network = tiny(name, dims).train()
        x = image(2, 3, *good_size(network))
        torch.manual_seed(0)
        expected = outputs(network(x))
        sum(y.square().mean() for y in expected.values()).backward()
        gradients = [p.grad.clone() for p in network.parameters()]
        other = tiny(name, dims).train()
        torch.manual_seed(0)
        found = outputs(torch.compile(other, fullgraph=True, backend="aot_eager")(x))
        sum(y.square().mean() for y in found.values()).backward()
        if any(isinstance(m, nn.Dropout | nn.Dropout3d | nn.Dropout2d) and m.p for m in network.modules()):
            return  # compiled code draws other masks
        _agree(found.values(), expected.values())
        _agree([p.grad for p in other.parameters()], gradients)

    _hold(name, "compile", attempt)


@pytest.mark.parametrize("name", list_models())
def test_compiled_code_agrees(name):
    network, x, expected = _prepare(name, dimensions(name)[0])

    def attempt():
        torch.compiler.reset()
        with torch.no_grad():
            _agree(torch.compile(network, fullgraph=True)(x), expected)

    _hold(name, "compile", attempt)


@every_network
def test_exported_program_agrees_at_another_batch_size(name, dims):
    network, x, expected = _prepare(name, dims)

    def attempt():
        program = torch.export.export(network, (x,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
        _agree(program.module()(x), expected)
        more = torch.cat([x, x[:1]])
        _agree(program.module()(more), network(more))

    _hold(name, "export", attempt)


@pytest.mark.skipif(bool(NO_ONNX), reason=f"needs {', '.join(NO_ONNX)}: pip install 'isthmus[export]'")
@pytest.mark.parametrize(("name", "dims"), VARIANTS, ids=[f"{n}-{d}d" for n, d in VARIANTS])
def test_onnx_runtime_agrees(name, dims, tmp_path):
    import onnxruntime

    network, x, expected = _prepare(name, dims)

    def attempt():
        path = tmp_path / "network.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(network, (x,), path, dynamo=True, verbose=False, input_names=["image"])
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        _agree(session.run(None, {"image": x.numpy()}), expected)

    _hold(name, "onnx", attempt)
