"""Pure maths: ratings of votes, their intervals, the ranks they leave open, exact shares, quantiles of
durations, whether answers are still of one kind; how reliably tasks are passed, and who passes more of them.

Ratings work on counts per pair, so a refit costs the number of distinct pairs, never the number of votes. Scores work
on counts per task. Needs numpy only, except for functions of scipy, which are taken when something calls for them.
"""

from fieldmark.statistics._agreement import Consistency, consistency
from fieldmark.statistics._bootstrap import Bootstrap, bootstrap
from fieldmark.statistics._bounded import mean_interval
from fieldmark.statistics._counts import OUTCOMES, BothBad, FloatArray, IntArray, PairCounts, Tally, Winner
from fieldmark.statistics._course import Change, change_over_trials, intraclass_correlation
from fieldmark.statistics._drift import WINDOWS, Answers, DriftTest, drift_test
from fieldmark.statistics._errors import ClusterScores
from fieldmark.statistics._existence import Unrated
from fieldmark.statistics._gap import GoodhartGap, goodhart_gap
from fieldmark.statistics._histogram import RELATIVE_ERROR, bucket, quantile
from fieldmark.statistics._intervals import (
    Interval,
    clopper_pearson,
    newcombe,
    normal_critical,
    votes_to_decide,
    wilson,
)
from fieldmark.statistics._pairs import mcnemar, paired_difference
from fieldmark.statistics._passk import CurvePoint, pass_all_k, pass_at_k, pass_curve
from fieldmark.statistics._power import (
    detectable_difference,
    more_tasks_needed,
    tasks_needed,
    trials_needed,
)
from fieldmark.statistics._ranks import rank_sets, tukey_critical
from fieldmark.statistics._rate import rate
from fieldmark.statistics._ratings import ELO, Component, Difference, IntervalKind, Model, Ratings
from fieldmark.statistics._sequential import AnytimeDifference, AnytimeMean, anytime_interval
from fieldmark.statistics._variance import VarianceSplit, difference_split, variance_split

__all__ = [
    "ELO",
    "OUTCOMES",
    "RELATIVE_ERROR",
    "WINDOWS",
    "Answers",
    "AnytimeDifference",
    "AnytimeMean",
    "Bootstrap",
    "BothBad",
    "Change",
    "ClusterScores",
    "Component",
    "Consistency",
    "CurvePoint",
    "Difference",
    "DriftTest",
    "FloatArray",
    "GoodhartGap",
    "IntArray",
    "Interval",
    "IntervalKind",
    "Model",
    "PairCounts",
    "Ratings",
    "Tally",
    "Unrated",
    "VarianceSplit",
    "Winner",
    "anytime_interval",
    "bootstrap",
    "bucket",
    "change_over_trials",
    "clopper_pearson",
    "consistency",
    "detectable_difference",
    "difference_split",
    "drift_test",
    "goodhart_gap",
    "intraclass_correlation",
    "mcnemar",
    "mean_interval",
    "more_tasks_needed",
    "newcombe",
    "normal_critical",
    "paired_difference",
    "pass_all_k",
    "pass_at_k",
    "pass_curve",
    "quantile",
    "rank_sets",
    "rate",
    "tasks_needed",
    "trials_needed",
    "tukey_critical",
    "variance_split",
    "votes_to_decide",
    "wilson",
]
