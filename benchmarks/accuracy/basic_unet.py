"""MONAI's BasicUNet as a network of the registry: the anchor from outside, trained by the same code on the same folds.

It needs the extra `peers`; `register` registers it as ``monai_basic_unet``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor

from isthmus.errors import IsthmusError
from isthmus.networks.base import Network
from isthmus.networks.registry import Card, list_models, register_model

FEATURES = (32, 32, 64, 128, 256, 32)
"""The widths that MONAI takes where none are given."""


class BasicUNet(Network):
    """`monai.networks.nets.BasicUNet`, which brings its own initialisation, normalisation and activation.

    Shapes:
        ``(N, in_channels, *spatial)`` to logits ``(N, classes, *spatial)``, any size of 32 or more.
    """

    def __init__(
        self,
        *,
        spatial_dims: int = 2,
        in_channels: int = 1,
        classes: int = 1,
        widths: Sequence[int] = FEATURES,
    ) -> None:
        super().__init__(spatial_dims, in_channels, classes, widths)
        try:
            from monai.networks.nets import BasicUNet as Outside  # type: ignore[attr-defined, unused-ignore]
        except ModuleNotFoundError as error:
            raise IsthmusError(
                "MONAI is not installed: `pip install 'isthmus[peers]'` brings the network to compare with"
            ) from error
        self.network = Outside(spatial_dims, in_channels, classes, features=tuple(widths))

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.network(self.accepted(x)))


def register() -> None:
    """Registers the network, unless that is done already."""
    if "monai_basic_unet" not in list_models():
        card = Card(
            paper="none: MONAI", source="monai.networks.nets.BasicUNet", note="as it is out of the box"
        )
        register_model("monai_basic_unet", BasicUNet, card)
