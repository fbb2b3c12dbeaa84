"""What is said of an image that failed."""

from __future__ import annotations

import torch

from isthmus.data.cases import Case
from isthmus.errors import IsthmusError


def failure(case: Case, error: Exception) -> str:
    """Which image failed, and why."""
    if isinstance(error, IsthmusError):
        text = str(error)
    elif isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        text = "memory does not suffice; cut it into parts"
    else:
        text = f"cannot be segmented ({type(error).__name__}: {(str(error).splitlines() or [''])[0]})"
    name = str(case.images[0])
    return text if name in text else f"{name}: {text}"
