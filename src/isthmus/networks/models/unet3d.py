"""U-Nets of other sizes with which the papers compare: 3D ones, and the pelvic U-Net of HMEDN.

Çiçek, Abdulkadir, Lienkamp, Brox, Ronneberger: 3D U-Net: learning dense volumetric segmentation from sparse
annotation. MICCAI 2016, doi:10.1007/978-3-319-46723-8_49. Ronneberger, Fischer, Brox: U-Net. MICCAI 2015,
doi:10.1007/978-3-319-24574-4_28.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from isthmus.errors import IsthmusError
from isthmus.networks.blocks.base import Block, register_block
from isthmus.networks.blocks.layers import activation as make_activation
from isthmus.networks.blocks.layers import conv
from isthmus.networks.blocks.layers import norm as make_norm
from isthmus.networks.checks import require_dims, require_flag, require_share, whole_numbers
from isthmus.networks.models.unet import UNet
from isthmus.networks.registry import Card, register_model


@register_block("volumetric")
@dataclass(frozen=True)
class Volumetric(Block):
    """The two 3x3x3 convolutions of the 3D U-Nets, each with norm and activation; dropout after both.

    With ``widen``, a block that gets no more channels than its width, as on the way down, has half its width in the
    first convolution: widths double before a pooling, not after it (Çiçek et al., figure 2).
    """

    norm: str = "batch"
    activation: str = "relu"
    bias: bool = False
    widen: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require_share("dropout of the volumetric block", self.dropout)
        for name, value in (("bias", self.bias), ("widen", self.widen)):
            require_flag(f"{name} of the volumetric block", value)

    def build(self, dims: int, in_channels: int, width: int) -> nn.Module:
        first = max(1, width // 2) if self.widen and in_channels <= width else width
        layers: list[nn.Module] = []
        for given, channels in ((in_channels, first), (first, width)):
            layers.append(conv(dims, given, channels, bias=self.bias or self.norm == "none"))
            if self.norm != "none":
                layers.append(make_norm(dims, channels, self.norm))
            layers.append(make_activation(self.activation))
        if self.dropout:
            layers.append(nn.Dropout(self.dropout))
        return nn.Sequential(*layers)


def unet3d(
    *,
    spatial_dims: int = 3,
    in_channels: int = 1,
    classes: int = 1,
    widths: Sequence[int] = (64, 128, 256, 512),
    norm: str = "batch",
    bias: bool = False,
    widen: bool = True,
    dropout: float = 0.0,
    checkpoint: bool = False,
) -> UNet:
    """Makes a 3D U-Net of `Volumetric` blocks, with transposed convolutions that keep the number of channels.

    Args:
        spatial_dims: 3 (for 2D use ``create_model("unet", block="volumetric")``).
        in_channels, classes: channels of the image, maps of logits.
        widths: channels of the levels from full resolution down.
        norm, bias, widen, dropout: see `Volumetric`.
        checkpoint: see `UNet`.

    >>> import torch
    >>> unet3d(classes=2, widths=(2, 4))(torch.zeros(1, 1, 4, 6, 8)).shape
    torch.Size([1, 2, 4, 6, 8])
    """
    require_dims(spatial_dims)
    if spatial_dims != 3:
        raise IsthmusError(
            f"the 3D U-Nets exist in 3D only, found spatial_dims={spatial_dims} (use 'unet' with "
            "block='volumetric')"
        )
    block = Volumetric(norm=norm, bias=bias, widen=widen, dropout=dropout)
    widths = whole_numbers("widths", widths, 2)
    return UNet(
        spatial_dims=3,
        in_channels=in_channels,
        classes=classes,
        widths=widths,
        up_widths=widths[:0:-1],
        block=block,
        checkpoint=checkpoint,
    )


register_model(
    "unet3d_cicek",
    unet3d,
    Card(
        paper="MultiResUNet (comparison): Çiçek et al. 2016",
        source="MultiResUNet (2019), table 3",
        parameters_3d=19_078_593,
        counted_3d=(4, "keras"),
        note=(
            "widths double before each pooling; every 3x3x3 convolution has batch normalisation and no bias"
        ),
    ),
)
register_model(
    "unet3d_hmedn",
    unet3d,
    Card(
        paper="HMEDN (comparison): Çiçek et al. 2016",
        source="HMEDN (2020), table VI",
        parameters_3d=6.53e6,
        counted_3d=(4, "trainable", 4),
        note="half the widths of the 3D U-Net, and equally wide convolutions on a level",
        decisions=(
            "dropout of 0.2 after each level; the paper adds dropout to all compared networks, but gives no rate",
        ),
    ),
    widths=(32, 64, 128, 256),
    bias=True,
    widen=False,
    dropout=0.2,
    tiny={"widths": (4, 5, 6), "dropout": 0.0},
)
register_model(
    "unet_pelvic",
    UNet,
    Card(
        paper="HMEDN (comparison): Ronneberger 2015",
        source="HMEDN (2020), table V",
        parameters=20.54e6,
        counted=(1, "trainable", 4),
        note=(
            "64 to 512 channels, and 512 at the bottom; the printed count is for one channel and four classes"
        ),
        difference="with five slices as channels it is 20,546,308, which rounds to 20.55M",
    ),
    widths=(64, 128, 256, 512, 512),
    up_widths=(512, 256, 128, 64),
    tiny={"widths": (4, 5, 5), "up_widths": (5, 4)},
)
