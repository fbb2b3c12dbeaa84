"""Trains one run: recipe in, run folder out."""

from isthmus.training.loop.stop import Stopped
from isthmus.training.run import finish, resume, train
from isthmus.watch import Silent, Watch

__all__ = ["Silent", "Stopped", "Watch", "finish", "resume", "train"]
