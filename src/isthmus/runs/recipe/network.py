"""The section ``network``: a network of the registry and the options it is made with."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from isthmus.runs.recipe.section import Section
from isthmus.settings import POSITIVE


class Network(Section):
    """A network of the registry and the options it is made with."""

    model: Annotated[str, "A name listed by `isthmus models`."] = "unet_instance"
    version: Annotated[
        int,
        POSITIVE,
        "Version of the network, as its card says; the presets other than `bare` choose the newest. A run keeps its "
        "own.",
    ] = 1
    options: Annotated[
        dict[str, Any],
        "Options of the network, as `{widths: [16, 32, 64]}` ([the networks](networks.md)).",
    ] = {}
    depth: Annotated[
        Literal["auto"] | None,
        "`auto`: our own network gets three to five levels, as many as keep the coarsest map of a flat image at least "
        "16 pixels a side, unless the options name `depth`, `widths` or `encoder`. Open: the levels of the network.",
    ] = None
    heads: Annotated[
        list[Literal["distance", "contour", "marker"]] | None,
        "Additional maps of the last layer, for networks that have no such heads: `distance`, how deep a pixel lies in "
        "its object; or `contour` and `marker`, as in HMEDN. Open: `distance` with `data.instances`, else none.",
    ] = None
    start: Annotated[
        str | None,
        "Where the weights come from with which training starts: a run folder, or a name of `isthmus models "
        "--trained`. Parts that the data shapes otherwise (channels of images, maps of classes) are fitted, or start "
        "at random. Open: all start at random.",
    ] = None
    start_weights: Annotated[
        str | None, "SHA-256 of these weights, so that a resumed run starts with the same; filled in."
    ] = None
    initialisation: Annotated[
        Literal["xavier", "glorot", "default"],
        "How weights are drawn: `xavier` (Glorot and Bengio, normal), `glorot` (theirs, uniform, with zero biases in "
        "every layer, transposed convolutions included, as in Keras), or `default`, as the framework does.",
    ] = "xavier"
