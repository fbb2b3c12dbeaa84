"""Additional heads for any network, such as a distance, or a contour and a marker, by more maps of its last layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from isthmus.networks.registry import create_model


class Heads(nn.Module):
    """A network with additional heads, such as the contour and marker of HMEDN (III-C), for networks without them.

    The last layer gets one more map for each head, so the heads read the same features as the masks.

    Args:
        name: name of the network in the registry.
        heads: names of the additional heads, one map each.
        classes: number of maps of ``"logits"``.
        options: options of the network.

    Shapes:
        the input of the network to a dict: ``"logits"`` ``(N, classes, *spatial)``, and each head
        ``(N, 1, *spatial)``. Heads that the network has itself in training (``"auxiliary"``, …) have the maps of the
        logits only.

    >>> import torch
    >>> maps = Heads("unet", ["contour", "marker"], classes=2, widths=[4, 8])(torch.zeros(1, 1, 8, 8))
    >>> {name: tuple(values.shape) for name, values in maps.items()}
    {'logits': (1, 2, 8, 8), 'contour': (1, 1, 8, 8), 'marker': (1, 1, 8, 8)}
    """

    def __init__(self, name: str, heads: Sequence[str], *, classes: int = 1, **options: Any) -> None:
        super().__init__()
        self.network = create_model(name, classes=classes + len(heads), **options)
        self.heads, self.classes = tuple(heads), classes
        self.divisor = getattr(self.network, "divisor", 1)
        for name in ("in_channels", "spatial_dims"):
            setattr(self, name, getattr(self.network, name, None))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        out = self.network(x)
        given = out if isinstance(out, dict) else {"logits": out}
        maps = {name: values[:, : self.classes] for name, values in given.items()}
        last = given["logits"]
        return maps | {
            name: last[:, self.classes + index : self.classes + index + 1]
            for index, name in enumerate(self.heads)
        }


def build(name: str, heads: Sequence[str] = (), **options: Any) -> nn.Module:
    """Makes a network of the registry, with additional heads if any are named; options as `create_model`."""
    return Heads(name, heads, **options) if heads else create_model(name, **options)
