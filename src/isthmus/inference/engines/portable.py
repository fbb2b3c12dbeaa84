"""Writes a network as a file that runs without this library: ONNX, OpenVINO's IR, or a program of torch.export.

All three are made from one capture of the network, with batch and sides of any size if the network allows it.
"""

from __future__ import annotations

import copy
import importlib
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from isthmus.errors import IsthmusError
from isthmus.inference.tiling.tiles import Floats, on_grid

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml", "torch": ".pt2"}
NEEDS = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "openvino": ("openvino",), "torch": ()}
OPSET = 18
INPUT = "image"
SIDE = {2: 64, 3: 32}
"""The smallest side of the image that a network is captured on, by dimensions."""


class AllHeads(nn.Module):
    """A network that returns its maps as a tuple, those of ``"logits"`` first."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(by_head(self.network(image)).values())


def by_head(out: Tensor | dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns the output of a network by head, ``"logits"`` first."""
    if isinstance(out, Tensor):
        return {"logits": out}
    return {"logits": out["logits"]} | out


@dataclass(frozen=True)
class Captured:
    """The operations of a network in evaluation, on the CPU and in float32.

    Attributes:
        program: the captured program.
        heads: names of the outputs, in order.
        free: the axes that may have any size: 0, the batch; 2 and up, the sides, at multiples of the divisor.
        shape: shape of the image it was captured on, which fixes the size of all other axes.
    """

    program: torch.export.ExportedProgram
    heads: tuple[str, ...]
    free: tuple[int, ...]
    shape: tuple[int, ...]


def example(channels: int, sides: Sequence[int], divisor: int, batch: int = 2, seed: int = 0) -> Tensor:
    """Returns random images ``(batch, channels, *sides)``, standard normal; sides are rounded up to the divisor."""
    size = (batch, channels, *(on_grid(side, divisor) for side in sides))
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


def capture(network: nn.Module, channels: int, dims: int, divisor: int) -> Captured:
    """Captures the operations of a network, with as many free axes as possible.

    Args:
        network: is copied, and stays as it is.
        channels: number of channels of the images that it sees.
        dims: spatial dimensions, 2 or 3.
        divisor: every side of a batch is a multiple of it.

    Raises:
        IsthmusError: it cannot be captured at all.
    """
    own = copy.deepcopy(network).cpu().float().to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    whole = AllHeads(own)
    image = example(channels, [max(SIDE[dims], 2 * divisor)] * dims, divisor)
    with torch.no_grad(), quiet():
        heads = tuple(by_head(own(image)))
        problem = ""
        for free in ((0, *range(2, 2 + dims)), (0,), ()):
            axes = dict.fromkeys(free, torch.export.Dim.DYNAMIC)
            try:
                program = torch.export.export(whole, (image,), dynamic_shapes=(axes,) if axes else None)
            except Exception as error:  # the framework raises errors of many kinds
                problem = problem or _first_line(error)
                continue
            _forget_sources(program)
            return Captured(program, heads, free, tuple(image.shape))
    raise IsthmusError(f"this network cannot be exported: {problem}")


def _forget_sources(program: torch.export.ExportedProgram) -> None:
    """Removes the stack traces of the operations, whose paths would tell where this machine keeps its files."""
    for module in program.graph_module.modules():
        for node in module.graph.nodes if isinstance(module, torch.fx.GraphModule) else ():
            node.meta.pop("stack_trace", None)


def write(captured: Captured, to: str, path: Path) -> None:
    """Writes one file (for OpenVINO two, with the weights in ``.bin`` beside it).

    Args:
        captured: the network.
        to: ``"onnx"``, ``"openvino"`` or ``"torch"``.
        path: the file to write, with the suffix of the format.

    Raises:
        IsthmusError: a package is missing, or the format cannot hold the network.
    """
    require(to)
    try:
        with torch.no_grad(), quiet():
            {"onnx": _write_onnx, "openvino": _write_openvino, "torch": _write_torch}[to](captured, path)
    except (IsthmusError, OSError):
        raise
    except Exception as error:
        raise IsthmusError(f"this network cannot be written as {to}: {_first_line(error)}") from error


def require(to: str) -> None:
    """Refuses, in one line, a format that needs a package which is not installed."""
    for name in NEEDS[to]:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise IsthmusError(
                f"{to} needs the package {name}, which is not installed; pip install 'isthmus[export]'"
            ) from error


def _write_onnx(captured: Captured, path: Path) -> None:
    import onnx

    torch.onnx.export(
        captured.program,
        (),
        path,
        dynamo=True,
        verbose=False,
        opset_version=OPSET,
        external_data=False,
        input_names=[INPUT],
        output_names=list(captured.heads),
    )
    model = onnx.load(path)
    graph = model.graph
    del graph.value_info[:]
    names = axis_names(len(captured.shape) - 2)
    for value in (*graph.input, *graph.output):
        for index in captured.free:
            value.type.tensor_type.shape.dim[index].dim_param = names[index]
    onnx.checker.check_model(model)
    onnx.save(model, path)


def axis_names(dims: int) -> tuple[str, ...]:
    """Returns the names of the axes of a batch."""
    return ("batch", "channel", *("depth", "height", "width")[3 - dims :])


def _write_openvino(captured: Captured, path: Path) -> None:
    import openvino

    model = openvino.convert_model(captured.program)
    model.inputs[0].get_tensor().set_names({INPUT})
    for output, name in zip(model.outputs, captured.heads, strict=True):
        output.get_tensor().set_names({name})
    openvino.save_model(model, path, compress_to_fp16=False)


def _write_torch(captured: Captured, path: Path) -> None:
    torch.export.save(captured.program, path)


class Opened:
    """Runs a written file with the runtime of its format: a batch ``(N, channels, *spatial)`` to the maps by head.

    Args:
        path: the file.
        to: its format.
        heads: names of the outputs, in order.
        threads: number of threads that the runtime may use.
        precision: ``"float32"``, or, for OpenVINO only, ``"bfloat16"``.
    """

    def __init__(
        self, path: Path, to: str, heads: Sequence[str], threads: int, precision: str = "float32"
    ) -> None:
        require(to)
        self.heads = tuple(heads)
        self._run: Callable[[Floats], Sequence[Floats]]
        if to == "onnx":
            self._run = _run_onnx(path, threads)
        elif to == "openvino":
            self._run = _run_openvino(path, threads, precision)
        else:
            self._run = _run_torch(path)

    def __call__(self, batch: Floats) -> dict[str, Floats]:
        return dict(zip(self.heads, self._run(np.ascontiguousarray(batch, np.float32)), strict=True))


def _run_onnx(path: Path, threads: int) -> Callable[[Floats], Sequence[Floats]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(None, {INPUT: batch})


def _run_openvino(path: Path, threads: int, precision: str) -> Callable[[Floats], Sequence[Floats]]:
    import openvino

    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    core = openvino.Core()
    request = core.compile_model(core.read_model(path), "CPU", settings).create_infer_request()
    outputs = range(len(request.model_outputs))

    def run(batch: Floats) -> list[Floats]:
        request.infer({0: batch}, share_inputs=True)
        return [np.array(request.get_output_tensor(index).data, np.float32) for index in outputs]

    return run


def _run_torch(path: Path) -> Callable[[Floats], Sequence[Floats]]:
    module = torch.export.load(path).module()

    def run(batch: Floats) -> list[Floats]:
        with torch.no_grad():
            return [maps.numpy() for maps in module(torch.from_numpy(batch))]

    return run


@contextmanager
def quiet() -> Iterator[None]:
    """Silences the logs and warnings of the export tools within the context."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{lines[0] if lines else type(error).__name__:.200}"
