"""Which network is better, by how much, and whether the data show it, from scores of the same cases.

Numbers in, numbers out; needs only NumPy and SciPy. `compare`, `compare_all` and `not_different_from_best` take
scores by case, everything else takes plain lists.
"""

from isthmus.statistics.bootstrap import Interval, bootstrap
from isthmus.statistics.comparison import (
    Comparison,
    as_good_as_best,
    compare,
    compare_all,
    not_different_from_best,
)
from isthmus.statistics.effects import cohens_dz, probability_of_superiority, rank_biserial, rank_correlation
from isthmus.statistics.hypotheses import Outcome, corrected_resampled_t, holm, paired_t, wilcoxon
from isthmus.statistics.margins import Verdict, non_inferiority
from isthmus.statistics.optimism import Optimism, optimism_across_folds, optimism_of_selection
from isthmus.statistics.pairs import Paired, Scores, differences, pair
from isthmus.statistics.power import cases_needed, detectable_difference, power, sd_of_difference
from isthmus.statistics.spread import Spread, fold_means, over_cases, over_folds, over_repeats

__all__ = [
    "Comparison",
    "Interval",
    "Optimism",
    "Outcome",
    "Paired",
    "Scores",
    "Spread",
    "Verdict",
    "as_good_as_best",
    "bootstrap",
    "cases_needed",
    "cohens_dz",
    "compare",
    "compare_all",
    "corrected_resampled_t",
    "detectable_difference",
    "differences",
    "fold_means",
    "holm",
    "non_inferiority",
    "not_different_from_best",
    "optimism_across_folds",
    "optimism_of_selection",
    "over_cases",
    "over_folds",
    "over_repeats",
    "pair",
    "paired_t",
    "power",
    "probability_of_superiority",
    "rank_biserial",
    "rank_correlation",
    "sd_of_difference",
    "wilcoxon",
]
