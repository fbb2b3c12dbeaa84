"""Makes sure that only one training at a time uses a run folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from isthmus.errors import IsthmusError
from isthmus.locks import NoLocks, taken
from isthmus.runs.folder import RunFolder
from isthmus.runs.standing import standing
from isthmus.training.loop.distributed import world
from isthmus.training.loop.stop import Stopped
from isthmus.watch import Watch


@contextmanager
def alone(folder: RunFolder, watch: Watch) -> Iterator[None]:
    """Keeps other processes from training in this folder while the block runs; they can still read it.

    The first of several processes that train together holds the lock. A block that fails before the folder has become a
    run leaves nothing behind.

    Raises:
        IsthmusError: another process trains in the folder; nothing was written.
        Stopped: the block was stopped; the message says how far the run has come.
    """
    if not world().first:
        yield
        return
    made = [path for path in (folder.path, *folder.path.parents) if not path.exists()]
    with ExitStack() as stack:
        try:
            mine = stack.enter_context(taken(folder.lock))
        except NoLocks as error:
            watch.say(f"note: {error}; here, two trainings in one folder would not notice each other")
            mine = True
        if not mine:
            raise busy(folder)
        try:
            yield
        except Stopped as stopped:
            raise Stopped(stopped.number, standing(folder, running=False).how_to_continue()) from None
        finally:
            with suppress(OSError):  # a waiting process looks at the folder before it writes anything
                folder.lock.unlink()
                for path in () if folder.recipe_path.is_file() else made:
                    path.rmdir()


def busy(folder: RunFolder) -> IsthmusError:
    """Returns the error for a folder in which another process trains."""
    return IsthmusError(
        f"{folder.path} is being trained by another process; wait for it, stop it, or choose another --out"
    )
