"""The receptive field, by exact interval arithmetic on the operations that a network really runs.

The network runs on the meta device, where tensors have shapes and no values. Each tensor is accompanied, for every
position along one axis, by the first and the last input position that it depends on. Each operation has a rule that
computes these intervals for its result. Weights play no part, so the answer holds for any that are not zero.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from isthmus.networks.description.measure import WithoutNorms

_AXIS = 2  # the first spatial axis of (N, C, *spatial)
_NOTHING = 1 << 40  # an empty interval starts here and ends at the negative
Span = Tensor  # (2, n): first and last input position for each of n positions


def receptive_field(network: nn.Module) -> int:
    """Returns the side, in pixels, of the input square on which an output pixel can depend at most.

    Operations that read the whole image (the statistics of instance normalisation, a global mean) are left out; `reach`
    tells whether there are any.

    Args:
        network: a network with ``spatial_dims`` and ``in_channels``, which does not change.

    >>> from isthmus.networks import create_model
    >>> receptive_field(create_model("unet", depth=2))
    18
    """
    return reach(network)[0]


def reach(network: nn.Module) -> tuple[int, bool]:
    """Returns the receptive field, and whether some operation mixes all pixels (instance normalisation, a mean)."""
    length = 2304  # 256 * 9 is a multiple of every divisor
    while True:
        spans, mixes = output_spans(network, length)
        n = spans.shape[1]  # the middle third is far from both borders
        middle = spans[:, n // 3 : 2 * n // 3]
        low, high = middle[0], middle[1]
        if int(low.min()) > 0 and int(high.max()) < length - 1:
            return int((high - low).max()) + 1, mixes
        if length > 200_000:
            return length, mixes
        length *= 4


def output_spans(network: nn.Module, length: int) -> tuple[Span, bool]:
    """Returns the first and last input position along one axis for each output position, and whether pixels are mixed.

    Args:
        network: as in `receptive_field`.
        length: length of that axis; every other axis has 1152.
    """
    if any(p.device.type != "meta" for p in network.parameters()):
        network = copy.deepcopy(network).to("meta")
    dims, channels = int(network.spatial_dims), int(network.in_channels)  # type: ignore[arg-type]
    dtype = next((p.dtype for p in network.parameters()), torch.float32)
    image = torch.empty(1, channels, length, *(1152,) * (dims - 1), device="meta", dtype=dtype)
    training = network.training
    with torch.no_grad(), WithoutNorms() as norms, _Spans() as mode:
        mode.set(image, torch.arange(length).repeat(2, 1))
        output = network.eval()(image)
        network.train(training)
    logits = output["logits"] if isinstance(output, dict) else output
    return mode.get(logits), mode.mixes or norms.mixes


class _Spans(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Computes the spans of every result while operations run."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.spans: Any = WeakTensorKeyDictionary()
        self.mixes = False

    def get(self, x: Tensor) -> Span:
        known = self.spans.get(x)
        if known is None:
            return _empty(x.shape[_AXIS] if x.ndim > _AXIS else 1)
        return known  # type: ignore[no-any-return]

    def set(self, x: Tensor, span: Span) -> None:
        self.spans[x] = span

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        inputs = [a for a in _flat(args) if isinstance(a, Tensor)]
        if not any(x in self.spans for x in inputs):
            return out
        name = func.overloadpacket.__name__
        rule = _RULES.get(name)
        first = out[0] if isinstance(out, tuple | list) else out
        if rule is not None:
            given = {a.name: v for a, v in zip(func._schema.arguments, args, strict=False)} | (kwargs or {})
            self._store(out, rule(self, given, first))
        elif torch.Tag.pointwise in func.tags or name in _SAME:
            self._store(out, _broadcast([self.get(x) for x in inputs], first.shape[_AXIS]))
        else:
            raise NotImplementedError(f"the receptive field has no rule for the operation {name}")
        return out

    def _store(self, out: Any, span: Span | list[Span]) -> None:
        if isinstance(span, list):
            for x, s in zip(out, span, strict=True):
                self.set(x, s)
        else:
            self.set(out[0] if isinstance(out, tuple | list) else out, span)


Rule = Callable[[_Spans, dict[str, Any], Tensor], Span | list[Span]]
_SAME = {
    "clone",
    "_to_copy",
    "detach",
    "alias",
    "contiguous",
    "copy_",
    "empty_like",
    "zeros_like",
    "lift_fresh",
    "_prelu_kernel",
    "leaky_relu_",  # marked as pointwise since PyTorch 2.10 only
}


def _flat(values: Any) -> list[Any]:
    if isinstance(values, tuple | list):
        return [leaf for value in values for leaf in _flat(value)]
    return [values]


def _empty(n: int) -> Span:
    return torch.tensor([[_NOTHING], [-_NOTHING]]).repeat(1, n)


def _broadcast(spans: Sequence[Span], n: int) -> Span:
    wide = [span.expand(2, n) for span in spans]
    return torch.stack([torch.stack([s[0] for s in wide]).amin(0), torch.stack([s[1] for s in wide]).amax(0)])


def _gather(span: Span, index: Tensor) -> Span:
    """Returns the union over the last axis of ``index`` (n, k); indices outside the axis are zero padding."""
    outside = (index < 0) | (index >= span.shape[1])
    low, high = (side[index.clamp(0, span.shape[1] - 1)] for side in span)
    return torch.stack(
        [low.masked_fill(outside, _NOTHING).amin(1), high.masked_fill(outside, -_NOTHING).amax(1)]
    )


def _along(value: Any, default: int) -> int:
    """Returns the entry of a per-axis option (kernel, stride, …) for the axis."""
    if isinstance(value, int):
        return value
    return int(value[0]) if value else default


def _window(span: Span, n: int, kernel: int, stride: int, padding: int, dilation: int) -> Span:
    starts = torch.arange(n)[:, None] * stride - padding
    return _gather(span, starts + torch.arange(kernel) * dilation)


def _convolution(mode: _Spans, given: dict[str, Any], out: Tensor) -> Span:
    span, kernel = mode.get(given["input"]), given["weight"].shape[_AXIS]
    stride, padding, dilation = (
        _along(given[k], d) for k, d in (("stride", 1), ("padding", 0), ("dilation", 1))
    )
    n = out.shape[_AXIS]
    if not given["transposed"]:
        return _window(span, n, kernel, stride, padding, dilation)
    reached = (
        torch.arange(n)[:, None] + padding - torch.arange(kernel) * dilation
    )  # = stride * input position
    return _gather(span, torch.where(reached % stride == 0, reached // stride, -1))


def _pool(mode: _Spans, given: dict[str, Any], out: Tensor) -> Span:
    kernel = _along(given["kernel_size"], 1)
    stride = _along(given.get("stride"), kernel)
    padding, dilation = _along(given.get("padding"), 0), _along(given.get("dilation"), 1)
    return _window(mode.get(_image(given)), out.shape[_AXIS], kernel, stride, padding, dilation)


def _image(given: dict[str, Any]) -> Tensor:
    return cast(Tensor, given["self"] if "self" in given else given["input"])


def _nearest(mode: _Spans, given: dict[str, Any], out: Tensor) -> Span:
    span, n = mode.get(_image(given)), out.shape[_AXIS]
    return _gather(span, (torch.arange(n) * span.shape[1] // n)[:, None])


def _linear(mode: _Spans, given: dict[str, Any], out: Tensor) -> Span:
    span, n = mode.get(_image(given)), out.shape[_AXIS]
    size = span.shape[1]
    if given["align_corners"]:
        twice, unit = torch.arange(n) * (size - 1), max(n - 1, 1)
    else:
        twice, unit = ((2 * torch.arange(n) + 1) * size - n).clamp(min=0), 2 * n
    low = twice // unit
    high = torch.where(twice % unit > 0, (low + 1).clamp(max=size - 1), low)
    return _gather(span, torch.stack([low, high], 1))


def _cat(mode: _Spans, given: dict[str, Any], out: Tensor) -> Span:
    spans = [mode.get(x) for x in given["tensors"]]
    if given.get("dim", 0) % out.ndim == _AXIS:
        return torch.cat(spans, 1)
    return _broadcast(spans, out.shape[_AXIS])


def _slice(mode: _Spans, given: dict[str, Any], _out: Tensor) -> Span:
    span = mode.get(given["self"])
    if given.get("dim", 0) % given["self"].ndim != _AXIS:
        return span
    return span[:, slice(given.get("start"), given.get("end"), given.get("step", 1))]


def _split(mode: _Spans, given: dict[str, Any], _out: Tensor) -> list[Span]:
    whole, span = given["self"], mode.get(given["self"])
    sizes = given["split_sizes"] if "split_sizes" in given else given["split_size"]
    along = given.get("dim", 0) % whole.ndim == _AXIS
    if isinstance(sizes, int):
        total = whole.shape[given.get("dim", 0)]
        sizes = [min(sizes, total - start) for start in range(0, total, sizes)]
    return list(torch.split(span, sizes, 1)) if along else [span] * len(sizes)


def _pad(mode: _Spans, given: dict[str, Any], out: Tensor) -> Span:
    span, pad = mode.get(given["self"]), given["pad" if "pad" in given else "padding"]
    place = 2 * (given["self"].ndim - 1 - _AXIS)  # pads are listed from the last axis on
    before = pad[place] if len(pad) > place else 0
    return _gather(span, (torch.arange(out.shape[_AXIS]) - before)[:, None])


def _reflect(mode: _Spans, given: dict[str, Any], out: Tensor) -> Span:
    span = mode.get(given["self"])
    before = given["padding"][2 * (given["self"].ndim - 1 - _AXIS)]
    index = (torch.arange(out.shape[_AXIS]) - before).abs()
    return _gather(span, torch.minimum(index, 2 * (span.shape[1] - 1) - index)[:, None])


def _mean(mode: _Spans, given: dict[str, Any], out: Tensor) -> Span:
    image = _image(given)
    if out.ndim > _AXIS and out.shape[_AXIS] == image.shape[_AXIS]:
        return mode.get(image)
    mode.mixes = True
    return _empty(out.shape[_AXIS] if out.ndim > _AXIS else 1)


def _view(mode: _Spans, given: dict[str, Any], out: Tensor) -> Span:
    image = _image(given)
    n = out.shape[_AXIS] if out.ndim > _AXIS else 1
    if out.ndim == image.ndim and n == image.shape[_AXIS]:
        return mode.get(image)
    if bool((mode.get(image)[0] == _NOTHING).all()):
        return _empty(n)
    raise NotImplementedError(f"the receptive field cannot follow {tuple(image.shape)} to {tuple(out.shape)}")


_RULES: dict[str, Rule] = {
    "convolution": _convolution,
    **dict.fromkeys(
        ("max_pool2d_with_indices", "max_pool3d_with_indices", "avg_pool2d", "avg_pool3d"), _pool
    ),
    **dict.fromkeys(("upsample_nearest2d", "upsample_nearest3d"), _nearest),
    **dict.fromkeys(("upsample_bilinear2d", "upsample_trilinear3d"), _linear),
    "cat": _cat,
    "slice": _slice,
    **dict.fromkeys(("split", "split_with_sizes"), _split),
    "constant_pad_nd": _pad,
    **dict.fromkeys(("reflection_pad2d", "reflection_pad3d"), _reflect),
    **dict.fromkeys(("mean", "sum", "_adaptive_avg_pool2d", "_adaptive_avg_pool3d"), _mean),
    **dict.fromkeys(
        ("view", "_unsafe_view", "reshape", "expand", "unsqueeze", "squeeze", "t", "addmm"), _view
    ),
}
