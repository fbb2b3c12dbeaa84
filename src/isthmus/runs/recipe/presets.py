"""Presets: the values that a recipe starts from."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "default": {},
    "paper": {
        "input": {"normalise": "scale"},
        "training": {
            "epochs": 100,
            "schedule": "plateau",
            "early_stopping": 20,
            "augment": "none",
        },
    },
    "bare": {},
}
"""Values by section of each preset.

``isthmus train`` starts from ``"default"``, or from ``"paper"`` if a network is named; ``"bare"`` is the keys' own
defaults, for recipes that say everything.
"""

TUNED: dict[str, dict[str, Any]] = {
    "input": {"normalise": "auto"},
    "network": {"initialisation": "default", "depth": "auto"},
    "training": {"learning_rate": 0.003},
}
"""Values found by a search for our own network (docs/results/accuracy.md), for which ``"default"`` adds them."""
