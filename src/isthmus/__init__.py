"""isthmus: biomedical image segmentation.

The networks of MILDNet, MultiResUNet, HMEDN and Sharp U-Net as one skeleton with exchangeable parts, and everything
needed to train, apply, score and compare them.

>>> import isthmus
>>> network = isthmus.create_model("mildnet", in_channels=3)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isthmus.api import (
        Evaluation,
        Exported,
        Measurements,
        Predictor,
        ProgramComparison,
        RunFolder,
        compare,
        evaluate,
        export,
        finish,
        measure,
        predict,
        report,
        resume,
        train,
    )
    from isthmus.errors import IsthmusError
    from isthmus.networks import create_model, list_models
    from isthmus.runs.trained import list_trained

# loaded when first used, so that `isthmus --help` and `import isthmus.metrics` do not wait for torch
_HOMES = {
    "Evaluation": "isthmus.api",
    "Exported": "isthmus.api",
    "IsthmusError": "isthmus.errors",
    "Measurements": "isthmus.api",
    "Predictor": "isthmus.api",
    "ProgramComparison": "isthmus.api",
    "RunFolder": "isthmus.api",
    "compare": "isthmus.api",
    "create_model": "isthmus.networks",
    "evaluate": "isthmus.api",
    "export": "isthmus.api",
    "finish": "isthmus.api",
    "list_models": "isthmus.networks",
    "list_trained": "isthmus.runs.trained",
    "measure": "isthmus.api",
    "predict": "isthmus.api",
    "report": "isthmus.api",
    "resume": "isthmus.api",
    "train": "isthmus.api",
}

__version__ = "0.1.0"
__all__ = [
    "Evaluation",
    "Exported",
    "IsthmusError",
    "Measurements",
    "Predictor",
    "ProgramComparison",
    "RunFolder",
    "compare",
    "create_model",
    "evaluate",
    "export",
    "finish",
    "list_models",
    "list_trained",
    "measure",
    "predict",
    "report",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'isthmus' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
