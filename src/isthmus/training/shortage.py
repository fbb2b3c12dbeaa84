"""Words a shortage of memory in training as one line that says what to reduce."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from isthmus.errors import IsthmusError
from isthmus.memory import is_shortage


@contextmanager
def naming_what_to_reduce() -> Iterator[None]:
    """Turns errors of the block that say that memory does not suffice into one that says what to do.

    Raises:
        IsthmusError: there is not enough memory.
    """
    try:
        yield
    except Exception as error:
        if not is_shortage(error):
            raise
        raise IsthmusError(
            "not enough memory for a step of training; reduce training.batch (as training.batch=1), the side of "
            "input.patch or input.resize, or the width of the network (network.options.widths), in another run"
        ) from error
