"""HMEDN's method end to end: touching nuclei, blurry organs, a CT with its organs, a brain in two modalities.

    python -m benchmarks boundaries --data DATA --out RUNS

DATA holds `dsb-2018`, `ct-totalsegmentator` and `brats-2015-deepmedic`; the organs of the ablation are phantoms. Every
run is a run folder below RUNS; a finished one stays as it is, and a stopped one resumes. `--only NAME` takes one row,
so that two processes can share the work.
"""

from pathlib import Path

PICTURES = Path(__file__).parents[2] / "docs" / "results" / "boundaries"
