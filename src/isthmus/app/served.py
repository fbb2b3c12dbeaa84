"""The runs that a service offers, by name."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.app.refusals import Refused
from isthmus.app.together import Together
from isthmus.app.uploads import SentImage
from isthmus.errors import IsthmusError, nearest
from isthmus.inference.predictor import Prediction, Predictor
from isthmus.inference.unfamiliar import Unfamiliar
from isthmus.runs.recipe import Data
from isthmus.runs.trained import list_trained


class Served:
    """A run under its name, for several threads.

    Args:
        name: name of the run.
        predictor: its networks.

    Raises:
        IsthmusError: the run is not for pictures, or needs the size of their pixels.
    """

    def __init__(self, name: str, predictor: Predictor) -> None:
        recipe = predictor.recipe
        if recipe.spatial_dims != 2 or recipe.input.slices or recipe.input.spacing:
            raise IsthmusError(
                f"the run '{name}' was trained on volumes or on pixels of one size, and the service is for "
                "pictures, whose pixels have none; use isthmus predict"
            )
        self.name, self.predictor = name, predictor
        self._thread = threading.local()
        noise = np.random.default_rng(0).integers(0, 256, (recipe.data.channels or 1, 32, 32), np.uint8)
        self._fresh().predict(noise)  # what is found out once, is before threads come

    @property
    def data(self) -> Data:
        """What the run was trained on."""
        return self.predictor.recipe.data

    def share(self, thread: Executor) -> None:
        """Makes the networks compute in a thread, for all threads that call `predict`."""
        network = self.predictor.network
        engine = Together(network.engine, thread, lambda: self._thread.stopped)
        self.predictor.network = replace(network, engine=engine)

    def predict(self, image: SentImage, stopped: Callable[[], bool]) -> Prediction:
        """Segments an image as `isthmus.predict` does; the notes also say how it differs from the images of training.

        Raises:
            Stopped: `stopped` became true.
            IsthmusError: the image does not suit the run.
        """
        self._thread.stopped = stopped
        predictor = self._fresh()
        found = predictor.predict(image.pixels)
        return replace(found, notes=[*found.notes, *predictor.unfamiliar.lines()])

    def _fresh(self) -> Predictor:
        """Returns the predictor as if it had seen no image."""
        predictor, seen = copy.copy(self.predictor), self.predictor.unfamiliar
        predictor.unfamiliar = Unfamiliar(seen.known, seen.resized, seen.resampled)
        return predictor


def load_runs(words: Sequence[str], **how: Any) -> list[Served]:
    """Loads runs, which are called after their folders, or as in ``NAME=RUN``.

    Args:
        words: folders of runs or of cross-validations, or names of trained networks.
        how: how they compute; arguments of `Predictor.load`.

    Raises:
        IsthmusError: two runs have one name; a run cannot be loaded, or is not for pictures.
    """
    named: dict[str, str] = {}
    for word in words:
        name, run = _named(word)
        if name in named:
            raise IsthmusError(
                f"two runs are called '{name}', {named[name]} and {run}; name one of them, as other={run}"
            )
        named[name] = run
    return [Served(name, Predictor.load(run, **how)) for name, run in named.items()]


def find_run(runs: Iterable[Served], name: str | None) -> Served:
    """Returns the run of a name; None: the only one.

    Raises:
        Refused: there is no such run, or there are several to choose from.
    """
    by_name = {run.name: run for run in runs}
    if name is None and len(by_name) == 1:
        return next(iter(by_name.values()))
    if name is None:
        raise Refused(422, f"several runs are served; add ?run=NAME to the address ({', '.join(by_name)})")
    if name not in by_name:
        raise Refused(404, f"no run '{name:.80}' is served: {nearest(name[:80], by_name)}")
    return by_name[name]


def _named(word: str) -> tuple[str, str]:
    name, equals, run = word.partition("=")
    if equals and name and run and not Path(word).exists():
        return name, run
    return (word if word in list_trained() else Path(word).resolve().name), word
