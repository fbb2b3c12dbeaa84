"""Reads and scores folders of masks, one for each program, beside the true masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isthmus.comparison.masks import CaseMasks, Rows, score_masks
from isthmus.comparison.scores import ProgramScores
from isthmus.data.cases import Case
from isthmus.errors import IsthmusError, few
from isthmus.evaluation.evaluate import named_truth, scorer_of
from isthmus.evaluation.mask_grids import in_one_unit, unit_of
from isthmus.evaluation.mask_pairs import Pair, matched, without_prediction
from isthmus.evaluation.options import EvaluateOptions
from isthmus.evaluation.scorer import Scorer
from isthmus.evaluation.survey import for_each
from isthmus.watch import Watch


@dataclass(frozen=True)
class Folders:
    """The masks of every program, matched with the true ones, and how they are read.

    Attributes:
        truth: the true cases.
        pairs: for each program, each true case with its prediction, in the order of the cases.
        scorers: what reads and scores the masks of each program.
        notes: lines about how masks are read.
    """

    truth: Sequence[Case]
    pairs: Mapping[str, Sequence[Pair]]
    scorers: Mapping[str, Scorer]
    notes: Sequence[str]

    @classmethod
    def open(
        cls,
        truth: Path | str,
        programs: Mapping[str, Path],
        options: EvaluateOptions,
        root: Path | None,
        watch: Watch,
    ) -> Folders:
        """Matches and reads all masks once.

        Raises:
            IsthmusError: as `isthmus.evaluation.evaluate.evaluate_folder`, but for true masks without a prediction.
        """
        dataset = named_truth(truth, options, root)
        own: dict[str, list[Pair]] = {}
        notes: list[str] = []
        for name, folder in programs.items():
            found = matched(folder, truth, dataset.cases)
            own[name] = [(case, found.masks.get(case.id, without_prediction(case))) for case in dataset.cases]
            notes += [f"{name}: {line}" for line in found.remarks()]
            if lacking := [case.id for case, mask in own[name] if not mask.images]:
                notes.append(f"{name}: lacks {len(lacking)} of {len(dataset.cases)} cases: {few(lacking)}")
        watch.stage("reading masks", sum(map(len, own.values())))
        every = in_one_unit([pair for pairs in own.values() for pair in pairs])
        scorers = {}
        for i, name in enumerate(own):
            own[name] = every[i * len(dataset.cases) : (i + 1) * len(dataset.cases)]
            scorers[name], lines = scorer_of(dataset, own[name], options, watch)
            notes += [line if line.startswith("truth:") else f"{name}: {line}" for line in lines]
        return cls([case for case, _ in next(iter(own.values()))], own, scorers, list(dict.fromkeys(notes)))

    @property
    def lacking(self) -> dict[str, list[str]]:
        """The cases that each program lacks, by program."""
        return {
            name: [case.id for case, mask in pairs if not mask.images] for name, pairs in self.pairs.items()
        }

    def read(self, place: int) -> CaseMasks:
        """Reads the masks of the case at a place."""
        case, scorer = self.truth[place], next(iter(self.scorers.values()))
        truth = scorer.truth(case)
        masks = {
            name: self.scorers[name].prediction(pairs[place], truth.shape)
            for name, pairs in self.pairs.items()
        }
        return CaseMasks(case.id, case.group, truth, masks, case.spacing, scorer.numbered)

    def score(self, groups: Mapping[str, str] | None, watch: Watch) -> ProgramScores:
        """Scores every case.

        Args:
            groups: the group of each case; None: as the data set states it.
            watch: receives the progress.
        """
        scorer, lacking = next(iter(self.scorers.values())), self.lacking

        def score(pair: Pair) -> tuple[Rows, Rows]:
            place = places[pair[0].id]
            absent = [name for name, cases in lacking.items() if pair[0].id in cases]
            return score_masks(self.read(place), scorer, absent)

        places = {case.id: place for place, case in enumerate(self.truth)}
        pairs = next(iter(self.pairs.values()))
        watch.stage("scoring", len(pairs))
        rows: list[Mapping[str, Any]] = []
        between: list[Mapping[str, Any]] = []
        for ours, others in for_each(score, pairs, watch):
            rows += ours
            between += others
        return ProgramScores(
            tuple(self.pairs),
            rows,
            between,
            groups or {case.id: case.group for case in self.truth},
            lacking,
            unit_of(pairs, scorer.options.spacing),
            scorer.objects,
            self.notes,
        )

    def without(self, left_out: Sequence[str]) -> Folders:
        """Returns the folders without some cases, which are not read again.

        Raises:
            IsthmusError: no case would be left.
        """
        kept = [case for case in self.truth if case.id not in left_out]
        if not kept:
            raise IsthmusError(
                "no case has a mask of every program; leave out --common to count these as misses"
            )
        pairs = {
            name: [pair for pair in own if pair[0].id not in left_out] for name, own in self.pairs.items()
        }
        return replace(self, truth=kept, pairs=pairs)
