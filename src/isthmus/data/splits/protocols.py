"""The papers' ways to divide a data set, by name, and the guard that every split has to pass.

The papers divide images; here all divide groups (patients, slides), which is the same where each image is a
group of its own. What a paper did that makes its scores optimistic stays as it was and is told in the notes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from isthmus.data.cases import Case
from isthmus.data.checks.duplicates import NEAR, near_between
from isthmus.data.checks.problems import SHOWN
from isthmus.data.rng import stable_hash
from isthmus.data.splits.files import assign, beside, read_splits
from isthmus.data.splits.folds import Split, consecutive, holdout, kfold
from isthmus.errors import IsthmusError, few, nearest

PROTOCOLS = {
    "holdout": "one split, a share of the groups validates",
    "kfold": "k folds, each validates once",
    "mildnet": "70/30 train and test, 5 folds of the 70; each network is scored on the same test set",
    "multiresunet": "5 folds, the best epoch chosen on the scored fold",
    "sharp": "5 folds, repeated five times with other folds (as the paper says)",
    "sharp-code": "one 80/20 split for all five repeats (as the paper's code does)",
    "hmedn": "fixed shares for training, validation and test",
    "within-case": "runs of neighbours in data of one group; not independent",
    "nnunet": "the folds in nnU-Net's splits_final.json, in the folder of the data set",
}
"""Name -> what it does, in a phrase."""

EPOCH = "the best epoch is chosen on the scored cases, so scores are optimistic"
SAME_TEST = "the networks of all folds are scored on one test set: their spread is not that of the data"
ONE_SPLIT = "one split for all repeats: their spread is that of training alone, not of the data"
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
"""What has to be said about the groups of a data set, whatever the protocol."""


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
    """All splits of a protocol, by repeat and fold; each says which it is and what a report has to note.

    Args:
        protocol: one of `PROTOCOLS`.
        folds: of `kfold`, `mildnet`, `multiresunet`, `sharp` and `within-case`; the papers take 5.
        repeats: of `sharp` and `sharp-code`; the papers take 5.
        fraction: of the cases that validate in `holdout`; `sharp-code` takes a fifth, `mildnet` tests 30 %.
        shares: training, validation and test of `hmedn`, in any unit (`SHARES` has the paper's).
        foreground: share of the foreground by case id, to stratify; None: not stratified.
        listed: the file of `nnunet`; None: `splits_final.json` in the folder of the data set.

    Raises:
        IsthmusError: no such protocol, or too few groups for it; no such file.

    >>> from isthmus.data.splits.protocols import images
    >>> [len(split.validation) for split in splits("mildnet", images(30))]
    [5, 4, 4, 4, 4]
    """
    if protocol == "holdout":
        return [holdout(cases, fraction, seed, foreground=foreground)]
    if protocol == "kfold":
        return kfold(cases, folds, seed, foreground)
    if protocol == "within-case":
        return consecutive(cases, folds)
    if protocol == "mildnet":
        aside = holdout(cases, _share(0.3, len(cases)), seed, foreground=foreground)
        inner = kfold(_only(cases, aside.train), folds, seed, foreground)
        return [replace(split, test=aside.validation, notes=(SAME_TEST,)) for split in inner]
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


def check_split(
    split: Split,
    cases: Sequence[Case],
    hashes: Mapping[str, str] | None = None,
    perceptual: Mapping[str, int] | None = None,
    *,
    distance: int = NEAR,
    allow_leak: bool = False,
) -> tuple[str, ...]:
    """The guard: nothing may stand on two sides of a split. Returns the notes that a report has to carry.

    Args:
        hashes: of the decoded pixels, by case id (`isthmus.data.checks.duplicates.pixel_hash`); None: not compared.
        perceptual: hashes by case id (`perceptual_hash`); None: no search for near-duplicates.
        distance: bits in which near-duplicates differ at most; they are a note, never refused.
        allow_leak: what would be refused becomes a note; to be set only where the recipe says so.

    Returns:
        The notes of the split, then those of leaks that were allowed, then of near-duplicates.

    Raises:
        IsthmusError: a case, a group or an exact duplicate on two sides, with the names of the cases.
    """
    leaks: list[str] = []
    warnings: list[str] = []
    group = {case.id: case.group for case in cases}
    for (one, left), (other, right) in combinations(split.sides().items(), 2):
        both = sorted(set(left) & set(right))
        if both:
            leaks.append(f"{few(both)} in {one} and in {other}")
        if split.independent:
            leaks += _groups_on_both(group, (one, left), (other, right))
        if hashes is not None:
            leaks += _copies_on_both(hashes, (one, left), (other, right))
        if perceptual is not None and split.independent:
            near = near_between(left, right, perceptual, distance)
            pairs = [f"{a} and {b} ({bits})" for a, b, bits in near if not hashes or hashes[a] != hashes[b]]
            if pairs:
                warnings.append(
                    f"near-duplicates in {one} and {other} (bits of 64 that differ): {few(pairs)}"
                )
    if leaks and not allow_leak:
        listing = leaks[:SHOWN] + ([f"… and {len(leaks) - SHOWN} more"] if len(leaks) > SHOWN else [])
        raise IsthmusError(
            f"the split leaks: {'; '.join(listing)}; give copies one group, or leave them out "
            "(protocol.allow_leak=true trains all the same, and the report says so)"
        )
    return (*split.notes, *(f"leak, allowed by the recipe: {leak}" for leak in leaks), *warnings)


Side = tuple[str, Sequence[str]]


def _groups_on_both(group: Mapping[str, str], first: Side, second: Side) -> list[str]:
    (one, left), (other, right) = first, second
    held: dict[str, list[str]] = {}
    for name in left:
        held.setdefault(group[name], []).append(name)
    strays: dict[str, list[str]] = {}
    for name in right:
        if group[name] in held and name not in held[group[name]]:
            strays.setdefault(group[name], []).append(name)
    return [
        f"group '{name}' in {one} ({few(held[name])}) and in {other} ({few(ids)})"
        for name, ids in strays.items()
    ]


def _copies_on_both(hashes: Mapping[str, str], first: Side, second: Side) -> list[str]:
    (one, left), (other, right) = first, second
    held = {hashes[name]: name for name in reversed(left)}
    return [
        f"{held[hashes[name]]} in {one} and {name} in {other} are the same picture"
        for name in right
        if hashes[name] in held and held[hashes[name]] != name
    ]


def _share(fraction: float, n: int) -> float:
    """A share of `n` cases, as whole cases: a half is rounded up, as it must have been in the papers."""
    return math.floor(fraction * n + 0.5) / n if n else fraction


def _only(cases: Sequence[Case], ids: Sequence[str]) -> list[Case]:
    wanted = set(ids)
    return [case for case in cases if case.id in wanted]


def _fixed(
    cases: Sequence[Case], shares: Sequence[float], seed: int, foreground: Mapping[str, float] | None
) -> Split:
    if len(shares) != 3 or not all(share > 0 and math.isfinite(share) for share in shares):
        raise IsthmusError(
            f"the shares {list(shares)} are not three numbers above 0; give training, validation and test, "
            "such as 60, 15, 25"
        )
    training, validation, test = shares
    aside = holdout(cases, test / sum(shares), seed, foreground=foreground)
    rest = _only(cases, aside.train)
    inner = holdout(rest, validation / (training + validation), seed, foreground=foreground)
    return replace(inner, test=aside.validation)


# the papers' tables of data and splits


@dataclass(frozen=True)
class PaperData:
    """A row of a paper's table of data.

    Attributes:
        images: their number in the paper.
        size: of most images, width x height (x depth), as printed.
        input: size the paper trains at.
        pieces: patches that each image is cut into.
    """

    name: str
    title: str
    images: int
    size: str
    input: str
    pieces: int = 1


PAPER_DATA: dict[str, tuple[PaperData, ...]] = {
    "mildnet": (
        PaperData("isic-2018", "ISIC-2018", 2594, "1022x767", "256x256"),
        PaperData("isbi-2012", "ISBI-2012", 30, "512x512", "256x256", 4),
        PaperData("lgg-mri", "MRI", 1144, "256x256", "256x256"),
        PaperData("glas-2015", "GlaS-2015", 165, "775x522", "256x256", 11),
        PaperData("dsb-2018", "DSB-2018", 670, "320x256", "256x256"),
    ),
    "multiresunet": (
        PaperData("murphy-lab", "Murphy Lab", 97, "variable", "256x256"),
        PaperData("isbi-2012", "ISBI-2012", 30, "512x512", "256x256"),
        PaperData("isic-2018", "ISIC-2018", 2594, "variable", "256x192"),
        PaperData("cvc-clinicdb", "CVC-ClinicDB", 612, "384x288", "256x192"),
        PaperData("brats", "BraTS17", 285, "240x240x155", "80x80x48"),
    ),
}
"""Table 1 of MILDNet and table 2 of MultiResUNet."""


def images(n: int) -> list[Case]:
    """`n` cases without files, each a group of its own: to see how a protocol divides so many images."""
    return [Case(f"image-{i:05d}", (), (), f"image-{i:05d}") for i in range(n)]
