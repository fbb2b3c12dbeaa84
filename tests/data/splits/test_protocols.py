"""What protocols promise: groups stay whole, every case validates once, shares are those of the papers."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.data.cases import Case
from isthmus.data.splits.leaks import check_split
from isthmus.data.splits.papers import placeholders
from isthmus.data.splits.protocols import EPOCH, ONE_SPLIT, PROTOCOLS, SHARES, splits
from isthmus.errors import IsthmusError


def named(*groups: str) -> list[Case]:
    return [Case(f"c{i:03d}", (), (), group) for i, group in enumerate(groups)]


# groups of 1 to 3 cases, enough of them that five folds can be made of what the test set leaves
many = st.lists(st.integers(1, 3), min_size=12, max_size=24).map(
    lambda sizes: [f"g{i}" for i, size in enumerate(sizes) for _ in range(size)]
)
dividing = st.sampled_from(sorted(set(PROTOCOLS) - {"within-case", "last-part", "nnunet"}))


@given(dividing, many, st.integers(0, 99), st.randoms(use_true_random=False), st.booleans())
def test_no_protocol_separates_a_group(
    protocol: str, groups: list[str], seed: int, random_: random.Random, stratified: bool
) -> None:
    data = named(*groups)
    share = {case.id: random_.random() for case in data} if stratified else None
    found = splits(protocol, data, seed=seed, foreground=share)
    for split in found:
        assert check_split(split, data) == split.notes
        sides = [name for ids in split.sides().values() for name in ids]
        assert sorted(sides) == [case.id for case in data]
        assert split.scored == (split.test or split.validation)
    assert splits(protocol, random_.sample(data, len(data)), seed=seed, foreground=share) == found
    assert len({(split.repeat, split.fold) for split in found}) == len(found)


@given(many, st.integers(0, 99))
def test_every_case_validates_once_per_repeat(groups: list[str], seed: int) -> None:
    data = named(*groups)
    everything = [case.id for case in data]
    for protocol in ("kfold", "multiresunet", "sharp"):
        validated = defaultdict(list)
        for split in splits(protocol, data, seed=seed):
            validated[split.repeat] += split.validation
        assert [sorted(ids) for ids in validated.values()] == [everything] * (5 if protocol == "sharp" else 1)
    inner = splits("mildnet", data, seed=seed)
    assert len({split.test for split in inner}) == 1
    assert sorted([i for split in inner for i in split.validation] + list(inner[0].test)) == everything


def test_names_and_notes() -> None:
    data = placeholders(40)
    sharp = splits("sharp", data)
    assert [(s.repeat, s.fold) for s in sharp] == [(r, f) for r in range(5) for f in range(5)]
    assert len({frozenset(s.validation for s in sharp if s.repeat == r) for r in range(5)}) == 5
    assert all(EPOCH in split.notes for split in sharp)
    code = splits("sharp-code", data, seed=3)
    assert len({(split.train, split.validation) for split in code}) == 1
    assert [split.repeat for split in code] == [0, 1, 2, 3, 4]
    assert len(code[0].validation) == 8
    assert all(ONE_SPLIT in split.notes for split in code)
    assert [split.fold for split in splits("multiresunet", data)] == [0, 1, 2, 3, 4]
    assert splits("multiresunet", data)[0].notes == (EPOCH,)
    assert "one test set" in splits("mildnet", data)[0].notes[0]
    assert [split.independent for split in splits("within-case", named(*"aaaaa"))] == [False] * 5
    (last,) = splits("last-part", named(*"aa"))
    assert (last.fold, last.independent, len(last.train), last.validation) == (
        0,
        False,
        1,
        (named(*"aa")[1].id,),
    )
    assert splits("holdout", data)[0].notes == ()
    with pytest.raises(IsthmusError, match="no protocol 'mildent'; did you mean 'mildnet'"):
        splits("mildent", data)
    with pytest.raises(IsthmusError, match="5 folds of 3 groups"):
        splits("mildnet", named(*"aabbccddd"))


def test_the_shares_of_hmedn() -> None:
    def counts(name: str, n: int) -> list[int]:
        (split,) = splits("hmedn", placeholders(n), shares=SHARES[name])
        return [len(ids) for ids in split.sides().values()]

    assert counts("multi-organ-ct", 339) == [180, 59, 100]
    assert counts("nuclei-3627", 3627) == [2000, 627, 1000]
    assert counts("brats", 285) == [171, 43, 71]  # 60, 15 and 25 % are 171, 42.75 and 71.25
    assert splits("hmedn", placeholders(100)) == splits("hmedn", placeholders(100), shares=(0.6, 0.15, 0.25))
    for shares in ([0.5, 0.5], [1, 0, 1], [1, 2, float("inf")], [1, 2, float("nan")]):
        with pytest.raises(IsthmusError, match="three numbers above 0"):
            splits("hmedn", placeholders(100), shares=shares)


# table 2 of MILDNet: images of each fold times the patches of an image, and those of the test set
