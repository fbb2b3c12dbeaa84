"""UNet++: a U-Net whose levels are refined in steps, each of which reads all earlier steps of its level.

Zhou, Siddiquee, Tajbakhsh, Liang: UNet++: a nested U-Net architecture for medical image segmentation. DLMIA
2018, doi:10.1007/978-3-030-00889-5_1. The layers are as in the authors' Keras code. It is a baseline of MILDNet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from isthmus.networks.base import Network
from isthmus.networks.blocks.base import BLOCKS, Block, resolve
from isthmus.networks.blocks.layers import conv, max_pool, up_conv
from isthmus.networks.checks import require_flag
from isthmus.networks.kernels.checkpointing import checkpointed
from isthmus.networks.kernels.concatenation import concatenate
from isthmus.networks.models.unet import level_widths
from isthmus.networks.registry import Card, register_model


class UNetPlusPlus(Network):
    """Nodes X(i, j) on level i: X(i, 0) is the encoder's, X(i, j) reads X(i+1, j-1), up-sampled, and X(i, 0..j-1).

    Args:
        spatial_dims: 2 or 3.
        in_channels, classes: channels of the image, maps of logits.
        widths: channels of the levels from full resolution down.
        depth: number of levels, in place of ``widths``: the first has 32 channels, each other twice as many as the one
            above.
        block: the layers of a node: name, mapping ``{"name": …, option: …}`` or `Block`.
        norm, activation, levels, dilations: options of the block; None stands for its own default.
        deep_supervision: whether each X(0, 1), X(0, 2), … has a head in training; the last one gives the logits.
        checkpoint: whether nodes are computed again in the backward pass of training instead of kept in memory.

    Shapes:
        ``(N, in_channels, *spatial)`` to logits ``(N, classes, *spatial)``; every side is a multiple of
        ``2 ** (depth - 1)``. In training with deep supervision to a dict: ``"logits"``, and ``"auxiliary_1"``, …, the
        heads of the earlier nodes, all of the same shape.

    >>> import torch
    >>> network = UNetPlusPlus(widths=(2, 3, 4), deep_supervision=True)
    >>> sorted(network(torch.zeros(1, 1, 8, 8)))
    ['auxiliary_1', 'logits']
    >>> network.eval()(torch.zeros(1, 1, 8, 8)).shape
    torch.Size([1, 1, 8, 8])
    """

    def __init__(
        self,
        *,
        spatial_dims: int = 2,
        in_channels: int = 1,
        classes: int = 1,
        widths: Sequence[int] | None = None,
        depth: int | None = None,
        block: str | Mapping[str, Any] | Block = "plain",
        norm: str | None = None,
        activation: str | None = None,
        levels: int | None = None,
        dilations: Sequence[int] | None = None,
        deep_supervision: bool = False,
        checkpoint: bool = False,
    ) -> None:
        super().__init__(spatial_dims, in_channels, classes, checkpoint=checkpoint)
        require_flag("deep_supervision", deep_supervision)
        widths = level_widths(widths, depth)
        own = {"norm": norm, "activation": activation, "levels": levels, "dilations": dilations}
        part = resolve(block, BLOCKS, own)
        self.depth, self.divisor = len(widths), 2 ** (len(widths) - 1)
        given = [part.out_channels(width) for width in widths]

        self.pool = max_pool(spatial_dims)
        self.nodes, self.ups = nn.ModuleDict(), nn.ModuleDict()
        for i, width in enumerate(widths):
            self.nodes[_name(i, 0)] = part.build(spatial_dims, given[i - 1] if i else in_channels, width)
        for j in range(1, self.depth):
            for i, width in enumerate(widths[: self.depth - j]):
                self.ups[_name(i, j)] = up_conv(spatial_dims, given[i + 1], width)
                self.nodes[_name(i, j)] = part.build(spatial_dims, width + j * given[i], width)
        self.heads = nn.ModuleList(
            conv(spatial_dims, given[0], classes, 1) for _ in range(self.depth - 1 if deep_supervision else 1)
        )

    def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:
        x = self.accepted(x)
        rows: list[list[Tensor]] = []  # the nodes of each level so far
        for i in range(self.depth):
            rows.append([checkpointed(self, self.nodes[_name(i, 0)], self.pool(rows[-1][0]) if i else x)])
            for j in range(1, i + 1):  # the diagonal that the new node completes
                rows[i - j].append(
                    checkpointed(self, self._node, i - j, rows[i - j + 1][j - 1], *rows[i - j])
                )
        final = rows[0][1:]
        logits: Tensor = self.heads[-1](final[-1])
        if not self.training or len(self.heads) == 1:
            return logits
        earlier = zip(self.heads, final[:-1], strict=False)
        return {"logits": logits} | {
            f"auxiliary_{j}": head(node) for j, (head, node) in enumerate(earlier, start=1)
        }

    def _node(self, level: int, below: Tensor, *before: Tensor) -> Tensor:
        name = _name(level, len(before))
        node: Tensor = self.nodes[name](concatenate([self.ups[name](below), *before]))
        return node


def _name(level: int, step: int) -> str:
    return f"{level}_{step}"


register_model(
    "unetpp",
    UNetPlusPlus,
    Card(
        paper="MILDNet (baseline)",
        source="MILDNet (2021), Methods; Zhou et al. 2018",
        note="the count printed in the UNet++ authors' code (one channel); MILDNet prints none",
        parameters=9_041_601,
        counted=(1, "trainable"),
        decisions=(
            "deep supervision is off, as MILDNet does not mention it; deep_supervision=True adds it, with four heads",
            "no dropout; the authors' code has 0.5 after each convolution",
        ),
    ),
)
