"""The section ``roi``: a first network that finds the part of the image that matters."""

from __future__ import annotations

from typing import Annotated

from isthmus.runs.recipe.input import SIDE, Size
from isthmus.runs.recipe.section import Section
from isthmus.settings import POSITIVE


class Roi(Section):
    """A first, light network at low resolution finds where the organs are; the network sees only that part."""

    size: Annotated[
        Size, SIDE, "Size, in pixels, of the part that the network sees; axes as in `input.patch`."
    ] = (144, 208)
    resize: Annotated[Size, SIDE, "Size, in pixels, to which images are resized for the first network."] = (
        64,
        64,
    )
    model: Annotated[
        str, "The first network, a name of `isthmus models`; it is trained as a run in `RUN/localiser`."
    ] = "unet_instance"
    version: Annotated[int, POSITIVE, "Version of the first network, as `network.version`."] = 1
    widths: Annotated[list[int], POSITIVE, "Channels of the first network's levels."] = [8, 16, 32]
    epochs: Annotated[int, POSITIVE, "Epochs for which the first network is trained."] = 20
