"""The peak of a piece of work is measured above what was held before it."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.frame.memory import RESET, peak_memory, resident

MIB = 2**20


@pytest.mark.skipif(not RESET.exists(), reason="needs another operating system: Linux tells the peak")
def test_the_peak_counts_what_the_work_takes_and_gives_back() -> None:
    held = np.ones(32 * MIB, np.uint8)
    peak = peak_memory(lambda: np.ones(64 * MIB, np.uint8).sum())
    assert peak is not None
    assert 64 * MIB <= peak + MIB < 96 * MIB
    assert held.all()


def test_a_process_that_is_not_there_holds_nothing() -> None:
    assert resident("VmRSS", process=2**30) == 0
