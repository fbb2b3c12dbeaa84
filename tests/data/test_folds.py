"""Splits by group, seeded, independent of the order of files."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.data.cases import Case, Source
from isthmus.data.folds import holdout, kfold
from isthmus.errors import IsthmusError


def cases(*groups: str) -> list[Case]:
    return [Case(f"c{i:03d}", (Source(Path(f"{i}.png")),), (), group) for i, group in enumerate(groups)]


many = st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=40).filter(
    lambda names: len(set(names)) > 1
)


@given(many, st.floats(0.05, 0.95), st.integers(0, 99))
def test_holdout_keeps_groups_together_in_any_order(groups: list[str], fraction: float, seed: int) -> None:
    data = cases(*groups)
    split = holdout(data, fraction, seed)
    group = {case.id: case.group for case in data}
    assert sorted((*split.train, *split.validation)) == sorted(group)
    assert split.train
    assert split.validation
    assert not split.test
    assert {group[i] for i in split.train}.isdisjoint(group[i] for i in split.validation)
    shuffled = random.Random(seed).sample(data, len(data))
    assert holdout(shuffled, fraction, seed) == split


@given(many, st.integers(2, 8), st.integers(0, 99))
def test_kfold_partitions(groups: list[str], k: int, seed: int) -> None:
    data = cases(*groups)
    k = min(k, len(set(groups)))
    folds = kfold(data, k, seed)
    group = {case.id: case.group for case in data}
    assert sorted(i for fold in folds for i in fold.validation) == sorted(group)
    for fold in folds:
        assert fold.train
        assert fold.validation
        assert {group[i] for i in fold.train}.isdisjoint(group[i] for i in fold.validation)
    assert kfold(data[::-1], k, seed) == folds


@pytest.mark.parametrize(
    ("n", "fraction", "held"), [(30, 0.2, 6), (10, 0.25, 2), (5, 0.2, 1), (2, 0.2, 1), (4, 0.5, 2)]
)
def test_the_share_is_met_where_groups_are_single(n: int, fraction: float, held: int) -> None:
    assert len(holdout(cases(*map(str, range(n))), fraction).validation) == held


def test_a_huge_group_does_not_become_the_validation_set() -> None:
    data = cases(*["huge"] * 50, *"abcdefghij")
    for seed in range(20):
        assert len(holdout(data, 0.2, seed).validation) <= 12


def test_folds_are_equal_where_groups_are_single() -> None:
    assert sorted(len(fold.validation) for fold in kfold(cases(*map(str, range(23))), 5)) == [4, 4, 5, 5, 5]


def test_seeds_matter() -> None:
    data = cases(*map(str, range(30)))
    assert len({holdout(data, 0.2, seed) for seed in range(10)}) > 5
    assert len({tuple(kfold(data, 5, seed)) for seed in range(10)}) > 5


def test_the_split_of_a_seed_is_for_ever() -> None:
    split = holdout(cases(*map(str, range(10))), 0.3, seed=7)
    assert split.validation == EXPECTED  # a change here changes every published run


EXPECTED = ("c003", "c006", "c007")


def test_named_cases() -> None:
    data = cases("a", "b", "c", "c")
    split = holdout(data, validation=["c001"])
    assert split.validation == ("c001",)
    assert split.train == ("c000", "c002", "c003")
    assert holdout(data, validation=["c003", "c002"]).validation == ("c002", "c003")
    with pytest.raises(IsthmusError, match="no case 'c01' to set aside; did you mean 'c0"):
        holdout(data, validation=["c01"])
    with pytest.raises(
        IsthmusError, match="group 'c' would stand on both sides, with c002 set aside and c003"
    ):
        holdout(data, validation=["c002"])
    for ids in ([], ["c000", "c001", "c002", "c003"]):
        with pytest.raises(IsthmusError, match="leave some to train on"):
            holdout(data, validation=ids)


@pytest.mark.parametrize(
    ("groups", "says"), [("a", "one case cannot"), ("aaa", r"3 cases of one group \(a\) cannot")]
)
def test_too_few_groups(groups: str, says: str) -> None:
    for split in (holdout, lambda data: kfold(data, 2)):
        with pytest.raises(IsthmusError, match=says):
            split(cases(*groups))


@pytest.mark.parametrize("k", [0, 1, 4])
def test_too_many_or_too_few_folds(k: int) -> None:
    with pytest.raises(IsthmusError, match="of 3 groups; choose 2 to 3"):
        kfold(cases("a", "b", "c", "c"), k)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0])
def test_shares_outside(fraction: float) -> None:
    with pytest.raises(IsthmusError, match="between 0 and 1"):
        holdout(cases("a", "b"), fraction)
