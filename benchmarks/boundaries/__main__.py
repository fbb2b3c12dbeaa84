"""The command: parts to run, then the page."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

PARTS = ("nuclei", "organs", "ct", "brain")


def main() -> None:
    """Parse, run the parts, write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.boundaries", description=__doc__)
    parser.add_argument("parts", nargs="+", choices=(*PARTS, "page"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--out", type=Path, default=Path("runs/boundaries"), help="run folders")
    parser.add_argument("--only", help="one run of the part; writes no results")
    asked = parser.parse_args()
    for part in asked.parts:
        if part != "page":
            import_module(f"benchmarks.boundaries.{part}").run(asked.data, asked.out, asked.only)
    if asked.only is None:
        from benchmarks.boundaries.page import write

        print(write())


if __name__ == "__main__":
    main()
