"""The U-Net skeleton, and the networks that consist of nothing else.

Ronneberger, Fischer, Brox: U-Net: convolutional networks for biomedical image segmentation. MICCAI 2015,
doi:10.1007/978-3-319-24574-4_28. The widths are 32 to 512, as in the four papers that this project implements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn

from isthmus.errors import IsthmusError
from isthmus.networks.base import Network
from isthmus.networks.blocks import plain  # noqa: F401  (registers its parts)
from isthmus.networks.blocks.base import BLOCKS, SKIPS, Block, Bridge, Skip, resolve
from isthmus.networks.blocks.layers import conv, max_pool, norm, up_conv
from isthmus.networks.blocks.upsampling import upsample_by_two
from isthmus.networks.checks import require_name, require_whole, require_wholes
from isthmus.networks.encoders.base import Encoder
from isthmus.networks.encoders.registry import ENCODERS, create_encoder
from isthmus.networks.kernels.checkpointing import checkpointed
from isthmus.networks.kernels.concatenation import concatenate
from isthmus.networks.registry import Card, register_model

UPS = ("transposed", "nearest", "linear")
HEADS = ("conv", "conv3", "conv_bn")


class UNet(Network):
    """An encoder and a decoder of blocks, joined on every level by a skip.

    There is a block on each level, a 2x2 max-pooling between the levels of the encoder, a 2x2 transposed convolution
    between the levels of the decoder, and a convolution to the classes at the end. The output of the transposed
    convolution is concatenated with that of the skip (in this order) before the next block. With ``encoder=`` a
    pre-trained encoder takes the place of the network's own levels: each of its taps is a bridge, the coarsest is the
    bottom, and on a level without a tap (a ResNet at full resolution) the block of the decoder reads only
    what comes up.

    Args:
        spatial_dims: 2 or 3.
        in_channels: number of channels of the image.
        classes: number of maps of logits: 1 for one foreground class (sigmoid), K for K classes with background
            (softmax).
        widths: channels of the levels from full resolution down; their number is the depth. With an encoder, those of
            the decoder, by default 256 on its deepest level and half as many on each level above.
        depth: number of levels, in place of ``widths``: the first has 32 channels, each other twice as many as the one
            above.
        up_widths: channels after each transposed convolution, from the deepest up; None for those of the levels.
        block: name, mapping ``{"name": …, option: …}`` or `Block`; with an encoder, that of the decoder.
        skip: name, mapping or `Skip`.
        norm, activation, levels, dilations: options of the block; None stands for its own default, and
            ``norm="none"`` switches normalisation off.
        encoder: name of a pre-trained encoder (`isthmus.networks.create_encoder`).
        encoder_weights: file or URL of its weights (`isthmus.networks.load_encoder_weights`), in 2D only; None for
            random weights.
        up: ``"transposed"``, or without weights ``"nearest"`` (each pixel is repeated) or ``"linear"``.
        head: ``"conv"`` (1x1), ``"conv3"`` (3x3), or ``"conv_bn"``, a 1x1 convolution without bias and a batch
            normalisation without scale (MultiResUNet).
        checkpoint: whether levels are computed again in the backward pass of training instead of kept in memory.

    Shapes:
        ``(N, in_channels, *spatial)`` to logits ``(N, classes, *spatial)``; every side is a multiple of ``divisor``,
        which is ``2 ** (depth - 1)``, or the largest stride of the encoder.

    Raises:
        IsthmusError: options are unknown or impossible, or an input has the wrong shape.

    >>> import torch
    >>> network = UNet(in_channels=3, classes=2, widths=(4, 8), block="residual")
    >>> network(torch.zeros(1, 3, 6, 10)).shape
    torch.Size([1, 2, 6, 10])
    """

    def __init__(
        self,
        *,
        spatial_dims: int = 2,
        in_channels: int = 1,
        classes: int = 1,
        widths: Sequence[int] | None = None,
        depth: int | None = None,
        up_widths: Sequence[int] | None = None,
        block: str | Mapping[str, Any] | Block = "plain",
        skip: str | Mapping[str, Any] | Skip = "identity",
        norm: str | None = None,
        activation: str | None = None,
        levels: int | None = None,
        dilations: Sequence[int] | None = None,
        encoder: str | None = None,
        encoder_weights: Path | str | None = None,
        up: str = "transposed",
        head: str = "conv",
        checkpoint: bool = False,
    ) -> None:
        super().__init__(spatial_dims, in_channels, classes, checkpoint=checkpoint)
        require_name("up", up, UPS)
        require_name("head", head, HEADS)
        options = {"norm": norm, "activation": activation, "levels": levels, "dilations": dilations}
        block = resolve(block, BLOCKS, options)
        skip = resolve(skip, SKIPS, {})
        if encoder is None:
            if encoder_weights is not None:
                raise IsthmusError(f"encoder_weights needs an encoder, one of {', '.join(ENCODERS)}")
            own_widths = level_widths(widths, depth)
            self.encoder: Levels | Encoder = Levels(spatial_dims, in_channels, own_widths, block)
            decoder_widths = own_widths[:-1]
        else:
            self.encoder = create_encoder(
                encoder, in_channels=in_channels, weights=encoder_weights, spatial_dims=spatial_dims
            )
            decoder_widths = _decoder_widths(encoder, self.encoder.strides, widths, depth)
        self.divisor = self.encoder.strides[-1]
        self.encoder.checkpoint = checkpoint
        channels = self._add_decoder(block, skip, decoder_widths, up, up_widths)
        self.head = _head(head, spatial_dims, channels, classes)

    def _add_decoder(
        self, block: Block, skip: Skip, widths: Sequence[int], up: str, up_widths: Sequence[int] | None
    ) -> int:
        """Adds up-sampling, skip and block for each level, the deepest first; returns the channels of the last."""
        dims, depth = self.spatial_dims, len(widths)
        taps = dict(zip(self.encoder.strides, self.encoder.channels, strict=True))
        bridges = {
            level: Bridge(dims, taps[2**level], width, level + 1, depth - level)
            for level, width in enumerate(widths)
            if 2**level in taps
        }
        skip.check(list(bridges.values()))
        self.ups, self.skips, self.decoder = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        channels = self.encoder.channels[-1]
        for rise, level in zip(_rises(up, up_widths, widths), reversed(range(depth)), strict=True):
            if rise is None:
                self.ups.append(upsample_by_two(dims, up))
            else:
                self.ups.append(up_conv(dims, channels, rise))
                channels = rise
            if level in bridges:
                self.skips.append(skip.build(bridges[level]))
                channels += skip.out_channels(bridges[level])
            self.decoder.append(block.build(dims, channels, widths[level]))
            channels = block.out_channels(widths[level])
        return channels

    def forward(self, x: Tensor) -> Tensor:
        x = self.accepted(x)
        taps = self.encoder(x)
        x = taps.pop()
        for step in range(len(self.decoder)):
            bridged = self._cross(step, taps.pop()) if taps else None
            x = checkpointed(self, self._rise, step, x, bridged)
        return cast(Tensor, self.head(x))

    def _cross(self, step: int, tap: Tensor) -> Tensor:
        """Passes a tap through its skip, checkpointed if it learns, because it then saves as much as a block."""
        skip = self.skips[step]
        learns = any(p.requires_grad for p in skip.parameters())
        return cast(Tensor, checkpointed(self, skip, tap) if learns else skip(tap))

    def _rise(self, step: int, x: Tensor, bridged: Tensor | None) -> Tensor:
        """Goes one level up, from the level below and what the skip gives, if there is one."""
        x = self.ups[step](x)
        if bridged is not None:
            x = concatenate([x, bridged])
        return cast(Tensor, self.decoder[step](x))


class Levels(nn.Module):
    """The U-Net's own encoder: a block on each level, max-pooling between them, and a tap on every level."""

    def __init__(self, dims: int, in_channels: int, widths: Sequence[int], part: Block) -> None:
        super().__init__()
        self.channels = tuple(part.out_channels(width) for width in widths)
        self.strides = tuple(2**level for level in range(len(widths)))
        self.checkpoint = False
        self.pool = max_pool(dims)
        self.blocks = nn.ModuleList(
            part.build(dims, given, width)
            for given, width in zip((in_channels, *self.channels[:-1]), widths, strict=True)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        taps: list[Tensor] = []
        for level in range(len(self.blocks)):
            taps.append(checkpointed(self, self._sink, level, taps[-1] if taps else x))
        return taps

    def _sink(self, level: int, x: Tensor) -> Tensor:
        """Goes one level down, from the tap of the level above or from the image."""
        return cast(Tensor, self.blocks[level](self.pool(x) if level else x))


def level_widths(widths: Sequence[int] | None, depth: int | None) -> tuple[int, ...]:
    """Returns the channels of the levels from their widths or their number, both checked.

    >>> level_widths(None, 3), level_widths([8, 16], None)
    ((32, 64, 128), (8, 16))
    """
    if depth is not None:
        require_whole("depth (levels of resolution)", depth, 2, 8)
    if widths is None:
        return tuple(32 * 2**level for level in range(depth or 5))
    require_wholes("widths", widths)
    if depth is not None and len(widths) != depth:
        raise IsthmusError(f"depth is {depth} but widths has {len(widths)} levels; give only one of them")
    if len(widths) < 2:
        raise IsthmusError(f"widths needs at least two levels, found {list(widths)}")
    return tuple(widths)


def _decoder_widths(
    encoder: str, strides: Sequence[int], widths: Sequence[int] | None, depth: int | None
) -> tuple[int, ...]:
    count = strides[-1].bit_length() - 1
    if depth is not None:
        raise IsthmusError(f"the encoder '{encoder}' has its own depth ({count + 1} levels); leave depth out")
    if widths is None:
        return tuple(256 // 2 ** (count - 1 - level) for level in range(count))
    require_wholes("widths", widths)
    if len(widths) != count:
        raise IsthmusError(
            f"with the encoder '{encoder}' widths must be those of {count} decoder levels, found {list(widths)}"
        )
    return tuple(widths)


def _rises(up: str, up_widths: Sequence[int] | None, decoder_widths: Sequence[int]) -> Sequence[int | None]:
    """Returns the channels after each up-sampling, from the deepest; None for one without weights."""
    if up_widths is None:
        return decoder_widths[::-1] if up == "transposed" else [None] * len(decoder_widths)
    require_wholes("up_widths", up_widths)
    if up != "transposed":
        raise IsthmusError(f"up_widths belong to transposed convolutions; with up='{up}' leave them out")
    if len(up_widths) != len(decoder_widths):
        raise IsthmusError(
            f"up_widths needs {len(decoder_widths)} numbers, one for each up-sampling, found {list(up_widths)}"
        )
    return up_widths


def _head(kind: str, dims: int, in_channels: int, classes: int) -> nn.Module:
    if kind == "conv_bn":
        return nn.Sequential(
            conv(dims, in_channels, classes, 1, bias=False), norm(dims, classes, "batch_shift")
        )
    return conv(dims, in_channels, classes, 3 if kind == "conv3" else 1)


_MULTIRES_PAPER = "MultiResUNet (2019), table 3"
_SHARP_PAPER = "Sharp U-Net (2021), section 4.2"

register_model(
    "unet",
    UNet,
    Card(
        paper="Ronneberger 2015; widths of MultiResUNet, Sharp U-Net and MILDNet",
        source=_MULTIRES_PAPER,
        parameters=7_759_521,
        counted=(1, "trainable"),
        note="the form of the papers: no normalisation, biased convolutions, up-sampled maps before those of the skip",
        decisions=("'depth 5' of MILDNet means five levels of resolution, so four poolings",),
    ),
)
register_model(
    "wide_unet",
    UNet,
    Card(
        paper="Sharp U-Net (baseline)",
        source=_SHARP_PAPER,
        parameters=9.1e6,
        counted=(3, "trainable"),
        note="the U-Net with widths 35 to 560",
        decisions=(
            "transposed convolutions have 256, 128, 64 and 32 channels, as in the authors' code and in its count; "
            "the equal widths of the text (up_widths=(280, 140, 70, 35)) would give 9.28M",
        ),
    ),
    widths=(35, 70, 140, 280, 560),
    up_widths=(256, 128, 64, 32),
)
register_model(
    "residual_unet",
    UNet,
    Card(
        paper="MILDNet (baseline)",
        source="MILDNet (2021), Methods",
        note="the U-Net with a residual shortcut around each pair of convolutions",
        decisions=(
            "the wiring is in a figure only; here conv-BN-ReLU-conv-BN, plus the projected input, ReLU",
        ),
    ),
    block="residual",
)
register_model(
    "unet_instance",
    UNet,
    Card(
        paper="none: the default network of `isthmus train`",
        source="U-Net with instance normalisation and leaky ReLU",
        note="instance normalisation makes it independent of the batch size; the receptive field leaves it out",
    ),
    block={"name": "plain", "norm": "instance", "activation": "leaky_relu"},
)
