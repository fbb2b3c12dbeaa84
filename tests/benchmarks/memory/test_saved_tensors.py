"""What the backward pass needs is counted by kind."""

from __future__ import annotations

from benchmarks.memory import saved_tensors


def test_ours_keeps_less_than_the_plain_layers_in_the_same_number_type() -> None:
    variants = (saved_tensors.PLAIN, saved_tensors.HALF, saved_tensors.OURS)
    found = {variant: saved_tensors.saved(variant, 64, 2, (16, 32)) for variant in variants}
    full, half, ours = (sum(kinds.values()) for kinds in found.values())
    assert half < 0.6 * full
    assert ours < 0.7 * half
    assert found[saved_tensors.OURS][saved_tensors.OTHER] < 0.1 * ours  # nothing large without a name
