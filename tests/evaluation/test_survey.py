"""Masks are read pair by pair, and never all at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isthmus.evaluation import scorer, survey
from isthmus.evaluation.evaluate import evaluate_folder

from ..masks import save
from ..notes import Notes


def test_masks_are_never_all_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty cases, three threads: at no time are more masks alive than the workers hold."""
    import weakref

    rng = np.random.default_rng(0)
    masks = {f"c{i:02d}": (rng.random((40, 50)) < 0.5).astype(np.uint8) * 255 for i in range(20)}
    truth, ours = save(tmp_path / "t", **masks), save(tmp_path / "p", **masks)
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0
    read = survey.read_mask

    def counted(source):
        nonlocal most
        mask = read(source)
        alive.append(weakref.ref(mask))
        most = max(most, sum(ref() is not None for ref in list(alive)))
        return mask

    for module in (survey, scorer):
        monkeypatch.setattr(module, "read_mask", counted)
    monkeypatch.setattr(survey, "cores", lambda: 3)
    watch = Notes()
    found = evaluate_folder(ours, truth, watch=watch)
    assert len(alive) == 40  # each predicted mask is read twice
    assert most <= 6
    assert watch.stages == {"reading masks": [20, 20], "scoring": [20, 20]}
    assert found.means()["foreground"]["dice"] == 1
