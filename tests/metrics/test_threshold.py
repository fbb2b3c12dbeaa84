"""Where probabilities become masks: 0.5 is background, for metrics of probabilities, too."""

from __future__ import annotations

import numpy as np

from isthmus.metrics import Metric, register_metric, score_probabilities
from isthmus.metrics.case import METRICS
from isthmus.metrics.threshold import is_foreground


def test_equal_is_background_as_rounding_has_it():
    p = np.linspace(0, 1, 41, dtype=np.float32)
    assert (is_foreground(p) == np.round(p).astype(bool)).all()
    assert not is_foreground(np.array([0.3], np.float32), 0.3).any()


def test_metrics_of_probabilities_see_the_same_mask(monkeypatch):
    monkeypatch.setattr(METRICS, "_things", dict(METRICS))
    register_metric(Metric("found", "count", "neither", lambda of: of.counts.prediction, probabilities=True))
    assert score_probabilities([[0.25, 0.5, 0.75]], [[True, True, True]]) == {"found": 1.0}
