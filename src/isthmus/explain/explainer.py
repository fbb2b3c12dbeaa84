"""Explains a trained run, with the same scale, normalisation, region, slices and tiles as its predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from isthmus.data.cases import to_channels
from isthmus.errors import IsthmusError, nearest
from isthmus.explain.maps import METHODS, Floats, Method, chosen_maps, combined, raw_maps
from isthmus.inference.predictor import Predictor
from isthmus.inference.settings import refuse_other_axes


class Explainer:
    """Explains the answers of a predictor.

    Args:
        predictor: predictor of one run, or of several folds, whose maps are averaged.
        method: ``"saliency"`` (of the decoder stages), ``"input"`` (gradient of the image) or ``"grad-cam"``.
        classes: names of the classes (or of the regions, if the network learned these) to explain; None: all but the
            background.

    Raises:
        IsthmusError: no such method or class.
    """

    def __init__(
        self, predictor: Predictor, method: str = "saliency", classes: Sequence[str] | None = None
    ) -> None:
        for each in METHODS:
            if each == method:
                self.method: Method = each
                break
        else:
            raise IsthmusError(f"unknown method '{method}': {nearest(method, METHODS)}")
        self.predictor = predictor
        found = predictor.decision.classes
        names = ["", *found.regions] if found.multilabel else list(found.names)
        for name in classes or ():
            if name not in names[1:]:
                raise IsthmusError(f"no class '{name}' in this run: {nearest(name, names[1:])}")
        indices = None if classes is None else [names.index(name) for name in classes]
        maps = chosen_maps(found.map_count, indices, found.multilabel)
        self._maps = predictor.with_networks(lambda network: _Explained(network, self.method, maps))

    def __call__(self, image: NDArray[Any], spacing: Sequence[float] | None = None) -> Floats:
        """Returns maps ``(n, *spatial)`` on the image's own grid, float32 from 0 to 1; Grad-CAM gives one for each
        concatenation, the others give a single one.

        Args:
            image: ``(channels, *spatial)`` in the numbers of the file, any size.
            spacing: as in `Predictor.predict`.

        Raises:
            IsthmusError: a picture if the run learned volumes, or the other way round.
        """
        recipe = self.predictor.recipe
        refuse_other_axes(image.shape, recipe)
        if recipe.data.channels is not None:
            image = to_channels(image, recipe.data.channels)
        return combined(self._maps.raw(image, spacing)["explained"], self.method)


class _Explained(nn.Module):
    """A network that returns its raw maps as one more head, so that anything that runs networks can explain them."""

    def __init__(self, network: nn.Module, method: Method, maps: Sequence[int]) -> None:
        super().__init__()
        self.network, self.method, self.maps = network, method, maps
        self.divisor = int(getattr(network, "divisor", 1))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        with torch.inference_mode(False):
            raw, logits = raw_maps(self.network, images.clone(), self.method, self.maps)
        return {"logits": logits, "explained": raw}
