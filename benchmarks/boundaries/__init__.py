"""HMEDN's method end to end: touching nuclei, blurry organs, a CT with its organs, a brain in two modalities.

    python -m benchmarks.boundaries nuclei organs ct brain --data DATA --out RUNS    everything, then the page
    python -m benchmarks.boundaries page                                             the page from committed JSON

DATA holds `dsb-2018`, `ct-totalsegmentator` and `brats-2015-deepmedic`; the organs of the ablation are phantoms. What
is done already is not done again: every run is a run folder below RUNS, and one that was stopped goes on. `--only NAME`
takes one run of a part, so that two processes can share the work.
"""
