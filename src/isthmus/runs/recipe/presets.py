"""Presets: the values that a recipe starts from."""

from __future__ import annotations

from typing import Any

_PAPER: dict[str, dict[str, Any]] = {
    "input": {"normalise": "scale"},
    "training": {
        "epochs": 100,
        "schedule": "plateau",
        "early_stopping": 20,
        "augment": "none",
    },
}

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "default": {},
    "paper": _PAPER,
    "keras": _PAPER
    | {
        "network": {"initialisation": "glorot"},
        "training": _PAPER["training"] | {"epsilon": 1e-7, "plateau_rule": "keras"},
    },
    "bare": {},
}
"""Values by section of each preset.

``isthmus train`` starts from the `preset_of` the network; ``"bare"`` is the keys' own defaults, for recipes that say
everything.
"""

TUNED: dict[str, dict[str, Any]] = {
    "input": {"normalise": "auto"},
    "network": {"initialisation": "default", "depth": "auto"},
    "training": {"learning_rate": 0.003, "augment": "light", "keep": "latest"},
}
"""Values found by a search for our own network (docs/results/accuracy.md), for which ``"default"`` adds them."""

KERAS_NETWORKS = (
    "multiresunet",
    "sharp_unet",
    "wide_unet",
    "wide_sharp_unet",
    "unet_vgg16",
    "unet_resnet50",
    "sharp_unet_vgg16",
    "sharp_unet_resnet50",
)
"""Networks whose authors trained them in Keras."""


def preset_of(model: str | None) -> str:
    """Returns the preset that a named network implies; None if the user names none.

    >>> preset_of(None), preset_of("mildnet"), preset_of("multiresunet")
    ('default', 'paper', 'keras')
    """
    if model is None:
        return "default"
    return "keras" if model in KERAS_NETWORKS else "paper"
