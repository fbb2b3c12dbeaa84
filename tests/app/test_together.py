"""Batches are joined where that changes no bit, and nobody gets the maps of another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from isthmus.app import together as module
from isthmus.app.together import Stopped, Together

Engine = Callable[[np.ndarray], dict[str, np.ndarray]]


class Counting:
    """Doubles its input; the first call waits until it is let."""

    def __init__(self, added: Callable[[int], float] = lambda _: 0.0, refuses: int = 99) -> None:
        self.added, self.refuses = added, refuses
        self.sizes: list[int] = []
        self.entered, self.let = threading.Event(), threading.Event()

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        self.sizes.append(len(batch))
        self.entered.set()
        self.let.wait()
        if len(batch) >= self.refuses:
            raise MemoryError
        doubled = batch[:, :1] * 2 + self.added(len(batch))
        return {"logits": doubled, "contour": -doubled}


@pytest.fixture
def network() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as thread:
        yield thread


def all_at_once(
    engine: Counting, network: ThreadPoolExecutor, batches: Sequence[np.ndarray], stopped: Sequence[int] = ()
) -> list[Future[dict[str, np.ndarray]]]:
    """What becomes of batches that wait, in this order, while the first is computed."""
    local = threading.local()
    shared = Together(engine, network, lambda: local.stopped)

    def ask(index: int) -> dict[str, np.ndarray]:
        local.stopped = lambda: index in stopped
        return shared(batches[index])

    with ThreadPoolExecutor(len(batches)) as workers:
        futures = [workers.submit(ask, 0)]
        engine.entered.wait()
        for index in range(1, len(batches)):
            futures.append(workers.submit(ask, index))
            while len(shared._waiting) < index:
                pass
        engine.let.set()
    return futures


def batch(value: float, number: int = 1, side: int = 4) -> np.ndarray:
    return np.full((number, 3, side, side), value, np.float32)


def values(futures: Sequence[Future[dict[str, np.ndarray]]]) -> list[tuple[tuple[int, ...], float]]:
    for future in futures:
        np.testing.assert_array_equal(future.result()["contour"], -future.result()["logits"])
    return [(future.result()["logits"].shape, float(future.result()["logits"].max())) for future in futures]


def test_what_waits_is_joined_by_size_and_split_again(network: ThreadPoolExecutor) -> None:
    engine = Counting()
    batches = [batch(1), batch(2, 2), batch(3, side=8), batch(4), batch(5, side=8)]
    found = all_at_once(engine, network, batches)
    assert values(found) == [
        ((1, 1, 4, 4), 2),
        ((2, 1, 4, 4), 4),
        ((1, 1, 8, 8), 6),
        ((1, 1, 4, 4), 8),
        ((1, 1, 8, 8), 10),
    ]
    proof = [2, 1, 3], [1, 1, 2]
    assert engine.sizes == [1, *proof[0], 3, *proof[1], 2]


@pytest.mark.parametrize(
    "engine", [Counting(lambda size: size * 1e-6), Counting(refuses=2)], ids=["a last bit", "no memory"]
)
def test_what_changes_a_bit_or_does_not_fit_is_never_joined(
    engine: Counting, network: ThreadPoolExecutor
) -> None:
    found = all_at_once(engine, network, [batch(1), batch(2), batch(3), batch(4)])
    for future, given in zip(found, (1, 2, 3, 4), strict=True):
        assert (future.result()["logits"] == 2 * np.float32(given) + np.float32(engine.added(1))).all()
    assert engine.sizes == [1, 1, 1, 1, 3, 1, 1, 1]  # the first, the proof, and one by one


def test_what_fails_joined_after_the_proof_is_computed_one_by_one(network: ThreadPoolExecutor) -> None:
    engine = Counting()
    proof = [1, 1, 1, 1, 3]

    def added(_: int) -> float:
        if len(engine.sizes) == len(proof) + 1:
            raise MemoryError
        return 0.0

    engine.added = added
    found = all_at_once(engine, network, [batch(1), batch(2), batch(3), batch(4)])
    assert [value for _, value in values(found)] == [2, 4, 6, 8]
    assert engine.sizes == [*proof, 3, 1, 1, 1]


def test_no_more_is_joined_than_there_is_room_for(
    network: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROOM", 3 * 16)
    engine = Counting()
    found = all_at_once(engine, network, [batch(0, 5), batch(1, 2), batch(2, 2), batch(3), batch(4)])
    assert [value for _, value in values(found)] == [0, 2, 4, 6, 8]
    assert max(engine.sizes[1:]) == 3


def test_an_error_is_that_of_its_own_batch(network: ThreadPoolExecutor) -> None:
    engine = Counting(refuses=2)
    found = all_at_once(engine, network, [batch(1), batch(2, 2), batch(3)])
    assert isinstance(found[1].exception(), MemoryError)
    assert [value for _, value in values([found[0], found[2]])] == [2, 6]


def test_what_nobody_waits_for_is_not_computed(network: ThreadPoolExecutor) -> None:
    engine = Counting()
    found = all_at_once(engine, network, [batch(1), batch(2), batch(3)], stopped=[1])
    assert isinstance(found[1].exception(), Stopped)
    assert [value for _, value in values([found[0], found[2]])] == [2, 6]
    assert engine.sizes == [1, 1]
