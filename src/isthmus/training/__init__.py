"""One run: recipe in, run folder out."""

from isthmus.training.run import resume, train
from isthmus.watch import Silent, Watch

__all__ = ["Silent", "Watch", "resume", "train"]
