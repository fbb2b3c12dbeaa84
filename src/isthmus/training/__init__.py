"""Trains one run: recipe in, run folder out."""

from isthmus.training.loop.expected import expected_seconds
from isthmus.training.loop.stop import Stopped
from isthmus.training.run import finish, resume, train
from isthmus.watch import Silent, Watch

__all__ = ["Silent", "Stopped", "Watch", "expected_seconds", "finish", "resume", "train"]
