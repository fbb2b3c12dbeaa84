"""Losses, and the targets they need."""

from isthmus.objectives.losses import binary_cross_entropy, cross_entropy, make_loss

__all__ = ["binary_cross_entropy", "cross_entropy", "make_loss"]
