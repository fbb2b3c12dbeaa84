"""Saliency and Grad-CAM of one image.

Saliency of decoder stages: MILDNet (2021), figure 7, after Simonyan, Vedaldi, Zisserman: Deep inside
convolutional networks, arXiv:1312.6034 (2013). Grad-CAM at the concatenations: Sharp U-Net (2021), section 4.6,
figure 9, after Selvaraju et al.: Grad-CAM. ICCV 2017, doi:10.1109/ICCV.2017.74.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.data.sampling.grid import pad_to
from isthmus.errors import IsthmusError
from isthmus.explain.stages import decoder_stages

Floats = NDArray[np.float32]
Method = Literal["saliency", "input", "grad-cam"]
METHODS: tuple[Method, ...] = ("saliency", "input", "grad-cam")
VERSION = 1
"""Version of the formulas below; it changes whenever they give other maps, so that stored maps are computed anew."""
_FLAT = 1e-5
"""A range below this share of the largest value is rounding: the map is constant."""


def saliency(
    network: nn.Module,
    image: NDArray[Any] | Tensor,
    target: Literal["decoder", "input"] = "decoder",
    *,
    classes: Sequence[int] | None = None,
    multilabel: bool = False,
) -> Floats:
    """Returns how much the foreground's logits depend on each place.

    S is the sum of the foreground's logits over all pixels. For each decoder stage with output A, the largest |dS/dA|
    over its channels is enlarged to the image by linear interpolation and stretched to 0..1; the result is the mean
    over the stages. A stage whose gradient is the same everywhere counts as 0, such as the last one before a 1x1
    convolution, which has the same weights at each pixel. ``target="input"`` gives |dS/dx| of the image itself.

    Args:
        network: any network of 2 or 3 spatial dimensions; it is left as it was (mode, gradients, hooks).
        image: ``(channels, *spatial)``, normalised, of any size: it is padded by reflection to a size that the network
            takes.
        target: ``"decoder"`` or ``"input"``.
        classes: class indices whose logits are summed; None: all but the background. With one map, the foreground is
            class 1.
        multilabel: whether every map is a region of its own, the first being class 1, and none is the background.

    Returns:
        ``(*spatial)`` float32 from 0 to 1.

    Raises:
        IsthmusError: no decoder stages, no such class, an image of the wrong shape or with NaN.

    >>> from isthmus.networks import create_model
    >>> network = create_model("unet", widths=(2, 4, 8))
    >>> saliency(network, np.random.default_rng(0).normal(size=(1, 9, 14))).shape
    (9, 14)
    """
    if target not in ("decoder", "input"):
        raise IsthmusError(f"the target is {target!r}; choose 'decoder' or 'input'")
    method: Method = "saliency" if target == "decoder" else "input"
    found: Floats = combined(_of_image(network, image, method, classes, multilabel), method)[0]
    return found


def grad_cam(
    network: nn.Module,
    image: NDArray[Any] | Tensor,
    classes: Sequence[int] | None = None,
    *,
    multilabel: bool = False,
) -> Floats:
    """Returns Grad-CAM at each concatenation of encoder and decoder.

    For concatenated maps A and the mean foreground logit s it is ReLU(sum over channels k of w_k A_k), where w_k is the
    mean of ds/dA_k over the image, enlarged to the image by linear interpolation and divided by its largest value.
    0 means that nothing there supports the classes; a map may be 0 everywhere.

    Args:
        network, image, classes, multilabel: as `saliency`.

    Returns:
        ``(concatenations, *spatial)`` float32 from 0 to 1, the deepest first.

    Raises:
        IsthmusError: as `saliency`, and for a network without such a concatenation.

    >>> from isthmus.networks import create_model
    >>> network = create_model("sharp_unet", widths=(2, 4, 8), classes=3)
    >>> grad_cam(network, np.zeros((1, 8, 12)), classes=[2]).shape
    (2, 8, 12)
    """
    return combined(_of_image(network, image, "grad-cam", classes, multilabel), "grad-cam")


def combined(raw: Floats, method: Method) -> Floats:
    """Returns raw maps ``(maps, *spatial)`` stretched to 0..1; saliency and input gradients are averaged to one map."""
    if method == "grad-cam":
        return np.stack([_by_largest(one) for one in raw])
    stretched = np.stack([_stretched(one) for one in raw])
    return np.asarray(stretched.mean(axis=0, keepdims=True), np.float32)


def raw_maps(
    network: nn.Module, images: Tensor, method: Method, maps: Sequence[int] | None = None
) -> tuple[Tensor, Tensor]:
    """Returns the input of `combined` for a batch: maps that are not stretched yet, so that tiles can be joined.

    Args:
        network: the network to explain.
        images: ``(N, channels, *spatial)`` on the network's device, of a size that it takes.
        method: one of `METHODS`.
        maps: indices of the logits to explain; None: all but the first if there are several.

    Returns:
        ``(N, maps, *spatial)`` of the images' size, and the logits.
    """
    with _still(network), torch.enable_grad(), torch.autocast(images.device.type, enabled=False):
        images = images.detach().float().clone().requires_grad_(True)
        places, hooks = _watch(network, method)
        try:
            out = network(images)
        finally:
            for hook in hooks:
                hook.remove()
        logits: Tensor = out["logits"] if isinstance(out, dict) else out
        chosen = logits[:, list(maps)] if maps is not None else logits[:, 1 if logits.shape[1] > 1 else 0 :]
        score = chosen.flatten(1).mean(1).sum() if method == "grad-cam" else chosen.sum()
        found = [images] if method == "input" else places
        gradients = torch.autograd.grad(score, found)
    size = images.shape[2:]
    cell = _grad_cam_of if method == "grad-cam" else _saliency_of
    with torch.no_grad():
        pairs = zip(found, gradients, strict=True)
        return torch.cat([_enlarged(cell(a.detach(), g), size) for a, g in pairs], 1), logits.detach()


def chosen_maps(count: int, classes: Sequence[int] | None, multilabel: bool = False) -> list[int]:
    """Returns the indices of the maps that belong to classes; for None, of all but the background.

    >>> chosen_maps(1, None), chosen_maps(1, [1]), chosen_maps(4, None), chosen_maps(4, [2]), chosen_maps(2, [2], True)
    ([0], [0], [1, 2, 3], [2], [1])
    """
    first = 1 if multilabel or count == 1 else 0  # the class of map 0
    if classes is None:
        return list(range(1 - first, count))
    if len(classes) == 0:
        raise IsthmusError("classes is empty; leave it out to explain all classes but the background")
    for index in classes:
        if isinstance(index, bool) or not isinstance(index, int | np.integer):
            raise IsthmusError(f"classes are whole numbers, found {index!r}")
        if not first <= index < count + first:
            raise IsthmusError(
                f"there is no class {index} among {count} maps; name {first} to {count + first - 1}"
            )
    return [int(index) - first for index in classes]


def _of_image(
    network: nn.Module,
    image: NDArray[Any] | Tensor,
    method: Method,
    classes: Sequence[int] | None,
    multilabel: bool,
) -> Floats:
    pixels = image.detach().cpu().numpy() if isinstance(image, Tensor) else np.asarray(image)
    dims = getattr(network, "spatial_dims", None)
    if pixels.ndim not in (3, 4) or (dims is not None and pixels.ndim != dims + 1):
        axes = {2: "(channels, H, W)", 3: "(channels, D, H, W)"}.get(dims or 2)
        raise IsthmusError(f"the network explains one image {axes}, found shape {pixels.shape}")
    if not np.isfinite(pixels).all():
        raise IsthmusError("the image holds NaN or infinity; replace them")
    divisor = int(getattr(network, "divisor", 1))
    size = [-(-side // divisor) * divisor for side in pixels.shape[1:]]
    padded, inside = pad_to(pixels.astype(np.float32), size)
    weight = next(network.parameters(), None)
    batch = torch.from_numpy(padded[None]).to(weight.device if weight is not None else "cpu")
    maps = None
    if classes is not None or multilabel:
        count = getattr(network, "classes", None)
        if count is None:
            with _still(network), torch.no_grad():
                out = network(batch)
            count = (out["logits"] if isinstance(out, dict) else out).shape[1]
        maps = chosen_maps(int(count), classes, multilabel)
    raw = raw_maps(network, batch, method, maps)[0]
    whole: Floats = raw[0].cpu().numpy()
    return whole[(slice(None), *inside)]


def _watch(network: nn.Module, method: Method) -> tuple[list[Tensor], list[Any]]:
    """Returns a list that the next pass through the network fills with the tensors to explain, and the hooks for it.

    The network continues with copies of these tensors, so that no later operation changes them in place.
    """
    if method == "input":
        return [], []
    found: list[Tensor] = []

    def output(module: nn.Module, given: Any, result: Tensor) -> Tensor:  # noqa: ARG001
        found.append(result)
        return result.clone()

    def input_(module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:  # noqa: ARG001
        found.append(given[0])
        return (given[0].clone(), *given[1:])

    stages = decoder_stages(network)
    if method == "saliency":
        return found, [stage.module.register_forward_hook(output) for stage in stages]
    joined = [stage.joined for stage in stages if stage.joined is not None]
    if not joined:
        raise IsthmusError(
            f"{type(network).__name__} does not concatenate features of its encoder; use --method saliency"
        )
    return found, [module.register_forward_pre_hook(input_) for module in joined]


@contextmanager
def _still(network: nn.Module) -> Iterator[None]:
    """Sets the network to evaluation mode within the context; afterwards every module has its mode back."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _saliency_of(_: Tensor, gradient: Tensor) -> Tensor:
    return gradient.abs().amax(1, keepdim=True)


def _grad_cam_of(features: Tensor, gradient: Tensor) -> Tensor:
    weights = gradient.mean(tuple(range(2, gradient.ndim)), keepdim=True)
    return torch.relu((weights * features).sum(1, keepdim=True))


def _enlarged(maps: Tensor, size: Sequence[int]) -> Tensor:
    if maps.shape[2:] == tuple(size):
        return maps
    mode = "bilinear" if len(size) == 2 else "trilinear"
    return F.interpolate(maps, tuple(size), mode=mode, align_corners=False)


def _stretched(values: Floats) -> Floats:
    """Returns values stretched to 0..1 by their range; 0 if they are constant."""
    low, high = float(values.min()), float(values.max())
    if high - low <= _FLAT * max(abs(low), abs(high)):
        return np.zeros(values.shape, np.float32)
    return np.asarray((values - low) / (high - low), np.float32).clip(0, 1)


def _by_largest(values: Floats) -> Floats:
    """Returns values divided by the largest; 0 if none is above 0."""
    high = float(values.max())
    return np.asarray(values / high, np.float32) if high > 0 else np.zeros(values.shape, np.float32)
