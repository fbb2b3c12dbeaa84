"""Splits by group, seeded, independent of the order of files."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.data.cases import Case, Source
from isthmus.data.splits.folds import consecutive, holdout, kfold, natural
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


def test_folds_are_equal_where_a_group_is_large() -> None:
    for seed in range(10):
        folds = kfold(cases(*["large"] * 6, *"abcdef"), 2, seed)
        assert [len(fold.validation) for fold in folds] == [6, 6]


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
    with pytest.raises(IsthmusError, match="no case 'c01' to hold out; did you mean 'c0"):
        holdout(data, validation=["c01"])
    with pytest.raises(IsthmusError, match="group 'c' would be on both sides, with c002 held out and c003"):
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


def test_the_folds_of_a_seed_are_for_ever() -> None:
    folds = kfold(cases(*map(str, range(7))), 3, seed=7)
    assert [fold.validation for fold in folds] == [
        ("c002", "c004", "c006"),
        ("c003", "c005"),
        ("c000", "c001"),
    ]


@given(many, st.integers(2, 8), st.integers(0, 99))
def test_folds_differ_by_no_more_than_the_largest_group(groups: list[str], k: int, seed: int) -> None:
    data = cases(*groups)
    sizes = [len(fold.validation) for fold in kfold(data, min(k, len(set(groups))), seed)]
    assert max(sizes) - min(sizes) <= max(groups.count(name) for name in groups)


def test_seeds_matter_where_every_group_has_another_size() -> None:
    data = cases(*(name for size, name in enumerate("abcdefghijkl", 8) for _ in range(size)))
    assert len({tuple(kfold(data, 4, seed)) for seed in range(10)}) > 5


# stratified


@given(many, st.integers(2, 6), st.integers(0, 99), st.randoms(use_true_random=False))
def test_stratified_splits_keep_every_promise_of_the_others(
    groups: list[str], k: int, seed: int, random_: random.Random
) -> None:
    data = cases(*groups)
    share = {case.id: random_.choice([0.0, 0.1, random_.random()]) for case in data}
    group = {case.id: case.group for case in data}
    k = min(k, len(set(groups)))
    folds = kfold(data, k, seed, share)
    assert sorted(i for fold in folds for i in fold.validation) == sorted(group)
    for split in [*folds, holdout(data, 0.3, seed, foreground=share)]:
        assert split.train
        assert split.validation
        assert {group[i] for i in split.train}.isdisjoint(group[i] for i in split.validation)
    shuffled = random_.sample(data, len(data))
    assert kfold(shuffled, k, seed, share) == folds
    assert holdout(shuffled, 0.3, seed, foreground=share) == holdout(data, 0.3, seed, foreground=share)


@given(st.integers(10, 60), st.integers(2, 5), st.integers(0, 99), st.randoms(use_true_random=False))
def test_means_of_stratified_folds_lie_close(n: int, k: int, seed: int, random_: random.Random) -> None:
    n -= n % k
    data = cases(*map(str, range(n)))
    share = {case.id: random_.random() ** 3 for case in data}
    means = [sum(share[i] for i in fold.validation) / (n // k) for fold in kfold(data, k, seed, share)]
    # each fold has one of every k neighbours in order of share: the differences telescope
    assert max(means) - min(means) <= (max(share.values()) - min(share.values())) / (n // k) + 1e-12


def test_stratifying_balances_what_chance_does_not() -> None:
    data = cases(*map(str, range(100)))
    share = {case.id: 0.8 if i % 10 == 0 else 0.01 for i, case in enumerate(data)}

    def full(ids: tuple[str, ...]) -> int:
        return sum(share[i] > 0.5 for i in ids)

    for seed in range(10):
        assert [full(fold.validation) for fold in kfold(data, 5, seed, share)] == [2] * 5
        split = holdout(data, 0.3, seed, foreground=share)
        assert (len(split.validation), full(split.validation)) == (30, 3)
    assert any([full(fold.validation) for fold in kfold(data, 5, seed)] != [2] * 5 for seed in range(10))
    assert len({tuple(kfold(data, 5, seed, share)) for seed in range(10)}) == 10


# runs of neighbours in one group


def test_consecutive_runs_of_one_group() -> None:
    data = [Case(f"slice-{i}", (Source(Path("s.tif"), i),), (), "stack") for i in range(12)]
    splits = consecutive(data[::-1], 5)
    runs = [sorted(split.validation, key=natural) for split in splits]
    assert [name for run in runs for name in run] == [f"slice-{i}" for i in range(12)]
    assert sorted(map(len, runs)) == [2, 2, 2, 3, 3]
    assert [split.fold for split in splits] == [0, 1, 2, 3, 4]
    for split in splits:
        assert set(split.train) == {case.id for case in data} - set(split.validation)
        assert not split.independent
        assert "not independent: all cases belong to one group (stack)" in split.notes[0]
    assert len(consecutive(data[:3], 5)) == 3


def test_within_case_is_for_one_group_only() -> None:
    with pytest.raises(IsthmusError, match="this data has 2; use holdout or kfold"):
        consecutive(cases("a", "a", "b"), 2)
    with pytest.raises(IsthmusError, match="one case cannot be split; cut the volume"):
        consecutive(cases("a"), 2)


def test_each_stratum_gives_every_fold_one_group_however_large() -> None:
    data = cases(*(name for name in "abcdefghijkl" for _ in range(20 if name in "aei" else 1)))
    group = {case.id: case.group for case in data}
    share = {case.id: ord(case.group) / 200 for case in data}
    for seed in range(5):
        for fold in kfold(data, 4, seed, share):
            held = {group[i] for i in fold.validation}
            assert [len(held & set(part)) for part in ("abcd", "efgh", "ijkl")] == [1, 1, 1]


def test_seeds_matter_within_strata() -> None:
    data = cases(*map(str, range(30)))
    share = {case.id: i / 30 for i, case in enumerate(data)}
    assert len({tuple(kfold(data, 5, seed, share)) for seed in range(10)}) == 10
    assert len({holdout(data, 0.2, seed, foreground=share) for seed in range(10)}) > 5
