"""Named random streams."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isthmus.data.rng import rng, stable_hash

names = st.lists(st.one_of(st.text(max_size=5), st.integers(-5, 5)), max_size=4)


@given(names, names, st.integers(0, 2**32), st.integers(0, 2**32))
def test_other_names_and_seeds_give_other_streams(
    one: list[str | int], two: list[str | int], a: int, b: int
) -> None:
    first, second = rng(a, *one).integers(2**62, size=2), rng(b, *two).integers(2**62, size=2)
    assert np.array_equal(first, second) == ((a, one) == (b, two))


def test_names_do_not_run_together() -> None:
    assert (
        len(
            {
                stable_hash(*name)
                for name in (("ab",), ("a", "b"), ("a\0b",), (1,), ("1",), (), ("",), ("", ""))
            }
        )
        == 8
    )


def test_another_process_draws_the_same() -> None:
    code = "from isthmus.data.rng import rng; print(rng(3, 'sample', 4, 5).integers(10**9))"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(out.stdout) == int(rng(3, "sample", 4, 5).integers(10**9))


def test_the_stream_of_a_name_is_for_ever() -> None:
    assert rng(0, "sample", 1, 2).integers(1000, size=4).tolist() == EXPECTED  # else no run can be repeated


EXPECTED = [27, 628, 766, 576]
