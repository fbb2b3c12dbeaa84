"""Trains one run: recipe in, run folder out."""

from isthmus.training.run import finish, resume, train
from isthmus.training.stop import Stopped
from isthmus.watch import Silent, Watch

__all__ = ["Silent", "Stopped", "Watch", "finish", "resume", "train"]
