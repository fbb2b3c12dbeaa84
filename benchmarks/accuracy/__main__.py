"""Run a study of this folder: ``python -m benchmarks.accuracy NAME ROOT --out FOLDER [--jobs N]``.

ROOT holds the data sets, each in a folder of its name. A study that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import benchmarks.accuracy.basic_unet  # noqa: F401
from isthmus.cli.progress import Display
from isthmus.studies.planning import find_data
from isthmus.studies.run import RunOptions, run_study
from isthmus.studies.running.execute import launch
from isthmus.studies.study import read_study

HERE = Path(__file__).parent


def main() -> None:
    """Parse, run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(path.stem for path in HERE.glob("*.yaml")))
    parser.add_argument("root", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--jobs", type=int)
    asked = parser.parse_args()
    study = read_study(HERE / f"{asked.name}.yaml")
    own = partial(launch, module="benchmarks.accuracy.worker")
    with Display() as display:
        data = find_data(study, asked.root).complete()
        run_study(study, data, asked.out, display, options=RunOptions(jobs=asked.jobs, launch=own))


if __name__ == "__main__":
    main()
