"""The ways in which the papers split a data set, by name.

The papers split images; here every protocol splits groups (patients, slides), which is the same where each image is a
group of its own. What a paper did that makes its scores optimistic is kept, and noted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from isthmus.data.cases import Case
from isthmus.data.rng import stable_hash
from isthmus.data.splits.files import assign, beside, read_splits
from isthmus.data.splits.folds import Split, consecutive, holdout, kfold
from isthmus.errors import IsthmusError, nearest

PROTOCOLS = {
    "holdout": "one split; a share of the groups validates",
    "kfold": "k folds, each validates once",
    "mildnet": "70/30 train and test, 5 folds of the 70; each network is scored on the same test set",
    "multiresunet": "5 folds, the best epoch chosen on the scored fold",
    "sharp": "5 folds, repeated five times with different folds (as the paper says)",
    "sharp-code": "one 80/20 split for all five repeats (as the paper's code does)",
    "hmedn": "fixed shares for training, validation and test",
    "within-case": "runs of neighbours in data of one group; not independent",
    "last-part": "the last rows of a single image, or slices of a volume, validate; not independent",
    "nnunet": "the folds in nnU-Net's splits_final.json, in the folder of the data set",
}
"""What each protocol does, by name."""

EPOCH = "the best epoch is chosen on the scored cases, so scores are optimistic"
SAME_TEST = "the networks of all folds are scored on one test set: their spread does not reflect the data"
ONE_SPLIT = "one split for all repeats: their spread reflects training only, not the data"
OVERLAPPING = "the repeats score the same cases again: they are not independent of one another"

SHARES = {
    "multi-organ-ct": (180.0, 59.0, 100.0),
    "brats": (60.0, 15.0, 25.0),
    "nuclei-3627": (2000.0, 627.0, 1000.0),
}
"""Training, validation and test shares of the HMEDN paper, by data set."""

GROUP_NOTES = {
    "isbi-2012": "groups are single slices of one stack, as in the papers: neighbours are alike, so scores "
    "are not independent of training",
}
"""What reports say about the groups of a data set, whatever the protocol."""


def splits(
    protocol: str,
    cases: Sequence[Case],
    *,
    seed: int = 0,
    folds: int = 5,
    repeats: int = 5,
    fraction: float = 0.2,
    shares: Sequence[float] | None = None,
    foreground: Mapping[str, float] | None = None,
    listed: Path | None = None,
) -> list[Split]:
    """Returns all splits of a protocol, by repeat and fold, with the notes that a report has to show.

    Args:
        protocol: one of `PROTOCOLS`.
        cases: cases of the data set.
        seed: seed of all random choices.
        folds: number of folds of `kfold`, `mildnet`, `multiresunet`, `sharp` and `within-case`; the papers use 5.
        repeats: number of repeats of `sharp` and `sharp-code`; the papers use 5.
        fraction: share of the cases that validate in `holdout`; it is a fifth in `sharp-code`, `mildnet` tests 30 %,
            and `last-part` has divided its case before (`isthmus.data.splits.single_volume.split_off`).
        shares: training, validation and test of `hmedn`, in any unit (`SHARES` has the paper's).
        foreground: share of foreground by case id, to stratify by; None for no stratification.
        listed: the file of `nnunet`; None for `splits_final.json` in the folder of the data set.

    Raises:
        IsthmusError: an unknown protocol, too few groups for it, or a missing file.

    >>> from isthmus.data.splits.papers import placeholders
    >>> [len(split.validation) for split in splits("mildnet", placeholders(30))]
    [5, 4, 4, 4, 4]
    """
    if protocol == "holdout":
        return [holdout(cases, fraction, seed, foreground=foreground)]
    if protocol == "kfold":
        return kfold(cases, folds, seed, foreground)
    if protocol == "within-case":
        return consecutive(cases, folds)
    if protocol == "last-part":
        return [replace(consecutive(cases, 2)[1], fold=0)]
    if protocol == "mildnet":
        tested = holdout(cases, _share(0.3, len(cases)), seed, foreground=foreground)
        inner = kfold(_only(cases, tested.train), folds, seed, foreground)
        return [replace(split, test=tested.validation, notes=(SAME_TEST,)) for split in inner]
    if protocol == "multiresunet":
        return [replace(split, notes=(EPOCH,)) for split in kfold(cases, folds, seed, foreground)]
    if protocol == "sharp":
        return [
            replace(split, repeat=repeat, notes=(EPOCH, OVERLAPPING))
            for repeat in range(repeats)
            for split in kfold(cases, folds, stable_hash(seed, "repeat", repeat), foreground)
        ]
    if protocol == "sharp-code":
        fifth = math.ceil(0.2 * len(cases)) / max(1, len(cases))  # rounded up, as in scikit-learn
        split = holdout(cases, fifth, seed, foreground=foreground)
        return [replace(split, repeat=repeat, notes=(EPOCH, ONE_SPLIT)) for repeat in range(repeats)]
    if protocol == "hmedn":
        return [_fixed(cases, SHARES["brats"] if shares is None else shares, seed, foreground)]
    if protocol == "nnunet":
        path = listed or beside(cases)
        return assign(read_splits(path), cases, path, strict=False)
    raise IsthmusError(f"no protocol '{protocol}'; {nearest(protocol, PROTOCOLS)}")


def _share(fraction: float, n: int) -> float:
    """Returns a share that is a whole number of `n` cases; a half is rounded up, as the papers must have done."""
    return math.floor(fraction * n + 0.5) / n if n else fraction


def _only(cases: Sequence[Case], ids: Sequence[str]) -> list[Case]:
    selected = set(ids)
    return [case for case in cases if case.id in selected]


def _fixed(
    cases: Sequence[Case], shares: Sequence[float], seed: int, foreground: Mapping[str, float] | None
) -> Split:
    if len(shares) != 3 or not all(share > 0 and math.isfinite(share) for share in shares):
        raise IsthmusError(
            f"the shares {list(shares)} are not three numbers above 0; give training, validation and test, "
            "such as 60, 15, 25"
        )
    training, validation, test = shares
    tested = holdout(cases, test / sum(shares), seed, foreground=foreground)
    rest = _only(cases, tested.train)
    inner = holdout(rest, validation / (training + validation), seed, foreground=foreground)
    return replace(inner, test=tested.validation)
