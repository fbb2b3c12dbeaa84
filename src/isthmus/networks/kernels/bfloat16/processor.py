"""What the processor or device can compute in bfloat16."""

from __future__ import annotations

import torch


def has_bfloat16(device: str) -> bool:
    """Returns whether a device has instructions for bfloat16.

    >>> has_bfloat16("mps")
    False
    """
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False
