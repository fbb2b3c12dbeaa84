"""What recipes start from."""

from __future__ import annotations

from typing import Any

# What `isthmus train` starts from: its own recipe when no network is named, the papers' when one is; "bare" is the
# keys' own defaults, for recipes that say everything.
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

# Found by a search for the default preset's own network (docs/results/accuracy.md), and laid under that alone.
FOUND: dict[str, dict[str, Any]] = {
    "input": {"normalise": "auto"},
    "network": {"initialisation": "default", "depth": "auto"},
    "training": {"learning_rate": 0.003},
}
