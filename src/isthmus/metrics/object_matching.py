"""Overlaps between predicted and true objects, matches between them, and the scores of matches."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.metrics.empty import Presence, presence, score_if_empty
from isthmus.metrics.input_checks import Mask, as_number, as_pair, is_within
from isthmus.metrics.objects import Indices, Instances, Objects, as_instances

SideName: TypeAlias = Literal["prediction", "truth"]


class Overlaps:
    """All pairs of a predicted and a true object that share points.

    Attributes:
        prediction, truth: the objects of both masks.
        p, t: places of the two objects of each pair, int `(pairs,)`.
        shared: number of points that each pair shares, int `(pairs,)`.
    """

    def __init__(self, prediction: Instances, truth: Instances) -> None:
        self.prediction, self.truth = Objects(prediction), Objects(truth)
        both = np.flatnonzero((prediction > 0) & (truth > 0))
        p, t = self.prediction.index(prediction.ravel()[both]), self.truth.index(truth.ravel()[both])
        pairs, self.shared = np.unique(p * max(1, len(self.truth)) + t, return_counts=True)
        self.p, self.t = np.divmod(pairs, max(1, len(self.truth)))

    @classmethod
    def of(cls, prediction: Mask, truth: Mask, ignore: int | None = None) -> Overlaps:
        """Checks two masks of object numbers `(*spatial)` and finds their overlaps."""
        p, t, _ = as_pair(prediction, truth, ignore)
        return cls(as_instances(p, "prediction"), as_instances(t, "truth"))

    @property
    def sides(self) -> tuple[tuple[SideName, Objects], tuple[SideName, Objects]]:
        return ("prediction", self.prediction), ("truth", self.truth)

    @property
    def presence(self) -> Presence:
        return presence(len(self.prediction), len(self.truth))

    @property
    def n_false(self) -> int:
        """Number of predicted objects that share no point with any true one."""
        return len(self.prediction) - np.unique(self.p).size

    @cached_property
    def united(self) -> NDArray[np.int64]:
        """Number of points in the union of every pair, int `(pairs,)`."""
        united: NDArray[np.int64] = self.prediction.areas[self.p] + self.truth.areas[self.t] - self.shared
        return united

    @cached_property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of every pair, float64 `(pairs,)`."""
        iou: NDArray[np.float64] = self.shared / self.united
        return iou

    def best(self, side: SideName, value: NDArray[Any]) -> Indices:
        """Finds for each object of one side the pair with the largest value; -1 for an object without a pair.

        Of equal values the one with the lowest object number is taken, as in the challenges' own code.
        """
        own, other, count = (
            (self.p, self.t, len(self.prediction))
            if side == "prediction"
            else (self.t, self.p, len(self.truth))
        )
        order = np.lexsort((other, -value, own))
        first = order[np.unique(own[order], return_index=True)[1]]
        found = np.full(count, -1, dtype=np.intp)
        found[own[first]] = first
        return found

    def matched_above(self, iou: float) -> Indices:
        """Matches as many pairs as possible with a larger IoU, one-to-one."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import maximum_bipartite_matching

        good = np.flatnonzero(self.iou > iou)
        if iou >= 0.5 or good.size == 0:  # then no object can be in two
            return good
        shape = (len(self.prediction), len(self.truth))
        graph = csr_array((np.ones(good.size), (self.p[good], self.t[good])), shape=shape)
        partner = maximum_bipartite_matching(graph, perm_type="column")
        matched: Indices = good[partner[self.p[good]] == self.t[good]]
        return matched

    def matched_best(self) -> Indices:
        """Matches pairs one-to-one with the largest sum of IoU."""
        from scipy.optimize import linear_sum_assignment
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        if self.p.size == 0:
            return np.zeros(0, dtype=np.intp)
        n = len(self.prediction) + len(self.truth)
        graph = csr_array((np.ones(self.p.size), (self.p, self.t + len(self.prediction))), shape=(n, n))
        cluster = connected_components(graph, directed=False)[1][self.p]
        order = np.argsort(cluster, kind="stable")
        chosen = []
        for pairs in np.split(order, np.flatnonzero(np.diff(cluster[order])) + 1):
            rows, row = np.unique(self.p[pairs], return_inverse=True)
            columns, column = np.unique(self.t[pairs], return_inverse=True)
            if rows.size == 1 or columns.size == 1:
                chosen.append(pairs[[np.argmax(self.iou[pairs])]])
                continue
            gain, which = np.zeros((rows.size, columns.size)), np.full((rows.size, columns.size), -1)
            gain[row, column], which[row, column] = self.iou[pairs], pairs
            picked = which[linear_sum_assignment(gain, maximize=True)]
            chosen.append(picked[picked >= 0])
        return np.concatenate(chosen)

    def found(self, overlap: float, one_to_one: bool) -> tuple[int, int]:
        """Counts the predicted objects that are right, and the true objects that are found."""
        overlap = as_share(overlap, "overlap")
        if one_to_one:
            n = self.matched_above(overlap).size
            return n, n
        best = self.best("prediction", self.shared)
        best = best[best >= 0]
        right = best[self.shared[best] / self.truth.areas[self.t[best]] >= overlap]
        return right.size, np.unique(self.t[right]).size

    def precision(self, overlap: float = 0.5, one_to_one: bool = False) -> float:
        right, by_rule = self.found(overlap, one_to_one)[0], score_if_empty(self.presence)
        return right / len(self.prediction) if by_rule is None else by_rule

    def recall(self, overlap: float = 0.5, one_to_one: bool = False) -> float:
        hit, by_rule = self.found(overlap, one_to_one)[1], score_if_empty(self.presence)
        return hit / len(self.truth) if by_rule is None else by_rule

    def f1(self, overlap: float = 0.5, one_to_one: bool = False) -> float:
        precision, recall = self.precision(overlap, one_to_one), self.recall(overlap, one_to_one)
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

    def dice(self) -> float:
        by_rule = score_if_empty(self.presence)
        if by_rule is not None:
            return by_rule
        scores = np.append(2 * self.shared / (self.shared + self.united), 0.0)  # the last: of no partner
        return sum(
            float(scores[self.best(side, self.shared)] @ objects.areas / objects.areas.sum()) / 2
            for side, objects in self.sides
        )

    def average_precision(self, thresholds: tuple[float, ...]) -> float:
        shares = [as_share(threshold, "threshold") for threshold in thresholds]
        by_rule = score_if_empty(self.presence)
        if by_rule is not None:
            return by_rule
        n_all = len(self.prediction) + len(self.truth)
        hits = [self.found(threshold, one_to_one=True)[0] for threshold in shares]
        return sum(n / (n_all - n) for n in hits) / len(hits)

    def panoptic_quality(self) -> tuple[float, float, float]:
        """Computes panoptic quality and its factors, segmentation quality and recognition quality."""
        by_rule = score_if_empty(self.presence)
        if by_rule is not None:
            return by_rule, by_rule, by_rule
        matched = self.matched_above(0.5)
        recognition = 2 * matched.size / (len(self.prediction) + len(self.truth))
        segmentation = float(self.iou[matched].mean()) if matched.size else 0.0
        return segmentation * recognition, segmentation, recognition

    def aggregated_jaccard(self, one_to_one: bool = False) -> float:
        by_rule = score_if_empty(self.presence)
        if by_rule is not None:
            return by_rule
        if one_to_one:
            pairs = self.matched_best()
        else:
            pairs = self.best("truth", self.iou)
            pairs = pairs[pairs >= 0]
        unmatched = self.truth.areas.sum() - self.truth.areas[self.t[pairs]].sum()
        unused = self.prediction.areas.sum() - self.prediction.areas[np.unique(self.p[pairs])].sum()
        return float(self.shared[pairs].sum() / (self.united[pairs].sum() + unmatched + unused))


def as_share(value: float, name: str) -> float:
    """Returns a number from 0 to 1; refuses any other."""
    value = as_number(value)
    if not is_within(value, 0, 1):
        raise IsthmusError(f"{name} is {value}; give a share from 0 to 1")
    return value
