"""Pure maths: ratings of votes, their intervals, the ranks they leave open, exact shares, quantiles of
durations, whether answers are still of one kind.

Everything works on counts per pair, so a refit costs the number of distinct pairs, never the number of votes.
Needs numpy only, except `clopper_pearson`, which takes one function of scipy when it is called.
"""

from fieldmark.statistics._bootstrap import Bootstrap, bootstrap
from fieldmark.statistics._counts import OUTCOMES, BothBad, FloatArray, IntArray, PairCounts, Tally, Winner
from fieldmark.statistics._drift import WINDOWS, Answers, DriftTest, drift_test
from fieldmark.statistics._errors import ClusterScores
from fieldmark.statistics._existence import Unrated
from fieldmark.statistics._histogram import RELATIVE_ERROR, bucket, quantile
from fieldmark.statistics._intervals import (
    Interval,
    clopper_pearson,
    newcombe,
    normal_critical,
    votes_to_decide,
    wilson,
)
from fieldmark.statistics._ranks import rank_sets, tukey_critical
from fieldmark.statistics._rate import rate
from fieldmark.statistics._ratings import ELO, Component, Difference, IntervalKind, Model, Ratings

__all__ = [
    "ELO",
    "OUTCOMES",
    "RELATIVE_ERROR",
    "WINDOWS",
    "Answers",
    "Bootstrap",
    "BothBad",
    "ClusterScores",
    "Component",
    "Difference",
    "DriftTest",
    "FloatArray",
    "IntArray",
    "Interval",
    "IntervalKind",
    "Model",
    "PairCounts",
    "Ratings",
    "Tally",
    "Unrated",
    "Winner",
    "bootstrap",
    "bucket",
    "clopper_pearson",
    "drift_test",
    "newcombe",
    "normal_critical",
    "quantile",
    "rank_sets",
    "rate",
    "tukey_critical",
    "votes_to_decide",
    "wilson",
]
