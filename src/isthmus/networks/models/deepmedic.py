"""DeepMedic: parallel paths of convolutions at full and at a third of the resolution, without any pooling.

Kamnitsas, Ledig, Newcombe, Simpson, Kane, Menon, Rueckert, Glocker: Efficient multi-scale 3D CNN with fully
connected CRF for accurate brain lesion segmentation. Medical Image Analysis 36:61-78 (2017),
doi:10.1016/j.media.2016.10.004; residual connections after Kamnitsas et al., BrainLes 2016,
doi:10.1007/978-3-319-55524-9_14.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.errors import IsthmusError
from isthmus.networks.base import Network
from isthmus.networks.blocks.layers import conv
from isthmus.networks.blocks.upsampling import upsample
from isthmus.networks.checks import require_flag, require_share, whole_numbers
from isthmus.networks.kernels.checkpointing import checkpointed
from isthmus.networks.kernels.concatenation import concatenate
from isthmus.networks.registry import Card, register_model

_WIDTHS = (30, 30, 40, 40, 40, 40, 50, 50)


class DeepMedic(Network):
    """Two paths of 3x3x3 convolutions, the second on every third voxel; joined, then 1x1x1 convolutions.

    Normalisation and PReLU come before each convolution except the first of a path. From the fourth layer on, every
    second layer adds the input of the layer before it (missing channels are zero).

    Args:
        spatial_dims: 3.
        in_channels, classes: channels of the image, maps of logits.
        widths: channels of each layer of a path.
        fully_connected: channels of the 1x1x1 convolutions that read all paths.
        strides: strides of the paths, which read the middle one of so many voxels.
        dropout: rate of the dropout before the last two convolutions.
        valid: whether there is no padding, as in the paper, so that the output is smaller than the image.
        checkpoint: whether parts are computed again in the backward pass of training instead of kept in memory.

    Shapes:
        ``(N, in_channels, D, H, W)`` to logits of the same size. With ``valid`` the logits are ``margin``
        smaller on every side, 48 voxels altogether, so that an image of 57 gives the 9 of the paper.

    >>> import torch
    >>> network = DeepMedic(classes=2, widths=(2, 3), fully_connected=(4,))
    >>> network(torch.zeros(1, 1, 5, 7, 4)).shape
    torch.Size([1, 2, 5, 7, 4])
    >>> DeepMedic(widths=(2,), fully_connected=(4,), valid=True)(torch.zeros(1, 1, 9, 12, 15)).shape
    torch.Size([1, 1, 3, 6, 9])
    """

    only = (3,)

    def __init__(
        self,
        *,
        spatial_dims: int = 3,
        in_channels: int = 1,
        classes: int = 1,
        widths: Sequence[int] = _WIDTHS,
        fully_connected: Sequence[int] = (150, 150),
        strides: Sequence[int] = (1, 3),
        dropout: float = 0.5,
        valid: bool = False,
        checkpoint: bool = False,
    ) -> None:
        widths, strides = whole_numbers("widths", widths), whole_numbers("strides", strides)
        connected = whole_numbers("fully_connected", fully_connected)
        require_flag("valid", valid)
        require_share("dropout of DeepMedic", dropout)
        if any(stride % 2 == 0 for stride in strides):
            raise IsthmusError(
                f"strides must be odd, so that a voxel is in the middle, found {list(strides)}"
            )
        if valid and any(max(strides) % stride for stride in strides):
            raise IsthmusError(f"valid=True needs strides that divide the largest, found {list(strides)}")
        super().__init__(
            spatial_dims, in_channels, classes, divisor=max(strides) if valid else 1, checkpoint=checkpoint
        )
        self.strides, self.valid, self.layers = strides, valid, len(widths)
        self.margin = len(widths) * max(strides)
        self.paths = nn.ModuleList(_Path(in_channels, widths, valid) for _ in strides)
        steps = (widths[-1] * len(strides), *connected)
        last = len(connected)
        self.connected = nn.Sequential(
            *(
                _layer(given, channels, 1, dropout=dropout if i >= max(1, last - 1) else 0.0, bias=i == last)
                for i, (given, channels) in enumerate(zip(steps, (*connected, classes), strict=True))
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.accepted(x)
        size = x.shape[2:]
        if self.valid and min(size) <= 2 * self.margin:
            raise IsthmusError(
                f"DeepMedic with valid=True needs more than {2 * self.margin} voxels to a side, found "
                f"{tuple(size)}"
            )
        seen = [self._see(x, stride, path) for stride, path in zip(self.strides, self.paths, strict=True)]
        logits: Tensor = self.connected(concatenate(seen))
        return logits

    def _see(self, x: Tensor, stride: int, path: nn.Module) -> Tensor:
        """Returns the output of one path, at full size."""
        size = x.shape[2:]
        if self.valid:  # cut the image to the part that this path needs for the same output
            cut = self.margin - self.layers * stride
            x = _middle(x, cut)
        elif stride > 1:
            x = F.pad(x, [pad for side in reversed(size) for pad in (0, -side % stride)])
        if stride > 1:
            first = stride // 2
            x = x[:, :, first::stride, first::stride, first::stride]
        y = upsample(checkpointed(self, path, x), stride, "nearest")
        return y if self.valid else y[:, :, : size[0], : size[1], : size[2]]


class _Path(nn.Module):
    def __init__(self, in_channels: int, widths: Sequence[int], valid: bool) -> None:
        super().__init__()
        given = (in_channels, *widths[:-1])
        self.layers = nn.ModuleList(
            _layer(c, width, 3, valid=valid) if i else conv(3, c, width, 3, valid=valid, bias=False)
            for i, (c, width) in enumerate(zip(given, widths, strict=True))
        )

    def forward(self, x: Tensor) -> Tensor:
        before = x
        for i, layer in enumerate(self.layers):
            y = layer(x)
            if i >= 3 and i % 2:
                y = _add(y, before)
            before, x = x, y
        return x


def _add(y: Tensor, x: Tensor) -> Tensor:
    """Adds the middle of ``x`` to ``y``; channels that ``x`` lacks are zero."""
    x = _middle(x, (x.shape[2] - y.shape[2]) // 2)
    missing = y.shape[1] - x.shape[1]
    if missing > 0:
        x = F.pad(x, (0,) * 6 + (0, missing))
    return y + x[:, : y.shape[1]]


def _middle(x: Tensor, cut: int) -> Tensor:
    """Removes ``cut`` voxels on every side."""
    depth, height, width = (side - cut for side in x.shape[2:])
    return x[:, :, cut:depth, cut:height, cut:width]


def _layer(
    in_channels: int,
    channels: int,
    kernel: int,
    *,
    valid: bool = False,
    dropout: float = 0.0,
    bias: bool = False,
) -> nn.Module:
    layers: list[nn.Module] = [nn.BatchNorm3d(in_channels), nn.PReLU(in_channels, init=0.01)]
    if dropout:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, conv(3, in_channels, channels, kernel, valid=valid, bias=bias))


register_model(
    "deepmedic",
    DeepMedic,
    Card(
        paper="HMEDN (comparison): Kamnitsas et al. 2017",
        source="HMEDN (2020), table VI",
        parameters_3d=2.86e6,
        counted_3d=(4, "trainable", 4),
        note="two paths and two layers of 150 channels, padded to keep the size; valid=True is the paper's form",
        difference=(
            "not matched: the two paths of the published network have 663,004; three paths, 250 channels and a "
            "first joint layer of 3x3x3, the later default of its authors, would have 2.01M; neither gives 2.86M"
        ),
        decisions=(
            "the text says only that DeepMedic has inputs of 37x37x37",
            "the second path is centred on the middle one of the three voxels that share its output, as the paper "
            "describes it; in the authors' released code it is centred on the first of them",
        ),
    ),
    tiny={"widths": (3, 3, 4, 4), "fully_connected": (5, 5), "dropout": 0.0},
)
