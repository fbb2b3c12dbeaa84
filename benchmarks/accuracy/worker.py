"""A cell of these studies: what `isthmus.studies.running.worker` does, with the network from outside known."""

from __future__ import annotations

import sys

import benchmarks.accuracy.basic_unet  # noqa: F401
from isthmus.studies.running.worker import main

if __name__ == "__main__":
    sys.exit(main())
