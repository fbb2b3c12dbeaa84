"""DilNet1 to DilNet3: nothing but residual dilated blocks at full resolution.

Zhou, Nie, Adeli, Yin, Lian, Shen: High-resolution encoder-decoder networks for low-contrast medical image
segmentation. IEEE Transactions on Image Processing 29:461-475 (2020), doi:10.1109/TIP.2019.2919937, section
IV-A2, figure 3, table I.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from isthmus.networks.base import Network
from isthmus.networks.blocks.dense import conv_unit
from isthmus.networks.blocks.layers import conv
from isthmus.networks.blocks.pathway import ResidualDilated
from isthmus.networks.checks import require_whole, whole_numbers
from isthmus.networks.kernels.checkpointing import checkpointed
from isthmus.networks.kernels.concatenation import concatenate
from isthmus.networks.registry import Card, register_model


class DilNet(Network):
    """Three 3x3 convolutions, residual dilated blocks, the concatenation of all of them, and three more convolutions.

    The layout of the blocks is in a figure only. Three undilated convolutions before and three after them give two of
    the paper's three receptive fields: 121 (the paper prints 133), 97 and 85. No regular layout of nine blocks gives
    all three.

    Args:
        spatial_dims: 2 or 3.
        in_channels, classes: channels of the image, maps of logits.
        width: channels of every convolution.
        dilations: dilations of the residual dilated blocks, one each.
        checkpoint: whether parts are computed again in the backward pass of training instead of kept in memory.

    Shapes:
        ``(N, in_channels, *spatial)`` to logits ``(N, classes, *spatial)``, any size.

    >>> import torch
    >>> DilNet(in_channels=5, classes=4, width=2)(torch.zeros(1, 5, 7, 11)).shape
    torch.Size([1, 4, 7, 11])
    """

    def __init__(
        self,
        *,
        spatial_dims: int = 2,
        in_channels: int = 1,
        classes: int = 1,
        width: int = 32,
        dilations: Sequence[int] = (1, 1, 1, 3, 3, 3, 5, 5, 5),
        checkpoint: bool = False,
    ) -> None:
        super().__init__(spatial_dims, in_channels, classes, checkpoint=checkpoint)
        require_whole("width", width, 1)
        self.dilations = whole_numbers("dilations", dilations)
        self.stem = self._convs(in_channels, width)
        self.blocks = nn.ModuleList(ResidualDilated(spatial_dims, width, width, d) for d in self.dilations)
        self.last = self._convs(width * (len(self.dilations) + 1), width)
        self.head = conv(spatial_dims, width, classes, 1)

    def _convs(self, in_channels: int, width: int) -> nn.Sequential:
        return nn.Sequential(*(conv_unit(self.spatial_dims, c, width) for c in (in_channels, width, width)))

    def forward(self, x: Tensor) -> Tensor:
        x = self.accepted(x)
        steps = [self.stem(x)]
        for block in self.blocks:
            steps.append(checkpointed(self, block, steps[-1]))
        y: Tensor = self.head(self.last(concatenate(steps)))
        return y

    def receptive_field(self) -> int:
        """Returns the side of the input square that an output pixel depends on: 1 + 2 (6 + 2 * sum of dilations).

        >>> [DilNet(width=1, dilations=d).receptive_field() for d in ((1, 1, 1, 3, 3, 3, 5, 5, 5), (1, 3))]
        [121, 29]
        """
        return 1 + 2 * (6 + 2 * sum(self.dilations))


_SOURCE = "HMEDN (2020), section IV-A2, figure 3, table I"
_LAYOUT = (
    "the layout is in a figure only; the width of 32 and the six convolutions around the blocks are ours"
)


def _card(note: str) -> Card:
    return Card(paper="HMEDN", source=_SOURCE, note=note, decisions=(_LAYOUT,))


_TINY = {"width": 3, "dilations": (1, 3)}
register_model(
    "dilnet1",
    DilNet,
    _card(
        "receptive field 121, while the paper prints 133; no regular layout of its blocks gives 133, 97 and 85"
    ),
    tiny=_TINY,
)
register_model(
    "dilnet2",
    DilNet,
    _card("receptive field 97, as the paper prints"),
    tiny=_TINY,
    dilations=(1, 1, 1, 2, 2, 2, 4, 4, 4),
)
register_model(
    "dilnet3",
    DilNet,
    _card("receptive field 85, as the paper prints; dilnet1 without its middle blocks"),
    tiny=_TINY,
    dilations=(1, 1, 1, 5, 5, 5),
)
