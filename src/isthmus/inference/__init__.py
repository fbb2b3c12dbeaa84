"""A trained network on new images."""

from isthmus.inference.predictor import Predictor

__all__ = ["Predictor"]
