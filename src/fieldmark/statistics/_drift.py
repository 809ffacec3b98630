"""Do the newest answers to fixed prompts come from the same distribution as the baseline's?

Two permutation tests, with labels shuffled within each prompt: of the maximum mean discrepancy (Gretton et al., "A
kernel two-sample test", 2012, eq. 5, the biased estimate), which sees other texts; and of how typical answers are,
which sees another sampler, whose answers are rarer or more alike. P-values are never zero (Phipson and Smyth, 2010) and
exact: under exchangeability P(p <= a) <= a for every a and every number of answers.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from fieldmark.errors import StatisticsError

Floats = NDArray[np.float64]
Answers = Mapping[str, Sequence[str]]
"""One run: the answers to each prompt, by the prompt's id."""

WINDOWS = (1, 3, 10)
"""Numbers of newest runs that are compared with the baseline, each at an equal share of the level."""
By = Literal["texts", "typicality"]
"""What is compared: the texts themselves, or how much each has in common with the others."""
_BY: tuple[By, ...] = ("texts", "typicality")
_TESTS = len(WINDOWS) * len(_BY)
_GRAMS = (2, 3, 4)
_FIRST = 8  # a text is written from left to right: two that began apart stay apart
_WORD = re.compile(r"\w+|[^\w\s]")
_ENOUGH = 4
"""Shuffles at least as extreme as what was seen after which more would change nothing (Besag and Clifford, 1991)."""
_BATCH = 5000
_FIRST_BATCH = 200
_TIE = 1e-9
_Label = TypeVar("_Label", np.float64, np.bool_)


@dataclass(frozen=True)
class DriftTest:
    """What the newest runs say."""

    p: float
    """Of the test that says most, times the number of tests (Bonferroni), at most 1."""
    alpha: float
    """Level of the whole: at most this share of runs of an unchanged contender raise an alarm."""
    window: int
    """Newest runs in its window."""
    by: By
    """What it compared."""
    statistic: float
    """1 on average without a change."""
    baseline: int
    """Runs in the baseline."""
    runs_p: float | None
    """Share of all groupings of whole runs that are at least as extreme; None where `p` is above `alpha`."""

    @property
    def alarm(self) -> bool:
        """Whether answers and runs both say that something changed."""
        return self.runs_p is not None and self.runs_p <= self.runs_bound

    @property
    def runs_bound(self) -> float:
        """The least that so few runs can say, or the one test's level where that is more."""
        share = self.alpha / _TESTS
        return max(share, 1 / math.comb(self.baseline + self.window, self.window)) * (1 + _TIE)


def drift_test(
    baseline: Sequence[Answers], newest: Sequence[Answers], *, alpha: float, seed: int
) -> DriftTest:
    """Compare the newest runs (oldest first) with the baseline, in every window that they fill.

    Only texts are looked at, whatever the order of the answers. `seed` decides the shuffles, so that the same runs give
    the same p.

    Raises:
        StatisticsError: a run is missing, or `alpha` is not between 0 and 1.
    """
    if not (baseline and newest and 0 < alpha < 1):
        raise StatisticsError("a baseline, a newest run and a level between 0 and 1 are needed")
    newest = newest[-max(WINDOWS) :]
    runs = [*baseline, *newest]
    answered = [_Answered(runs, name) for name in sorted({name for run in runs for name in run})]
    tests: list[DriftTest] = []
    for window in (_Window(answered, len(baseline), len(newest), w) for w in WINDOWS if w <= len(newest)):
        for by in _BY:
            tests.append(window.test(by, alpha, seed + window.newest))
            if tests[-1].alarm:  # the shortest window that says so is enough
                return tests[-1]
    return min(tests, key=lambda each: each.p)


class _Answered:
    """All answers to one prompt, the run each came in, and how alike each two of them are."""

    def __init__(self, runs: Sequence[Answers], name: str) -> None:
        texts = [(place, text) for place, run in enumerate(runs) for text in run.get(name, ())]
        self.run = np.array([place for place, _ in texts], dtype=np.int64)
        self.views = _views([text for _, text in texts])


class _Window:
    """Baseline and newest runs side by side."""

    def __init__(self, answered: Sequence[_Answered], baseline: int, after: int, newest: int) -> None:
        kept = np.r_[:baseline, baseline + after - newest : baseline + after]
        prompts = (_Prompt(each, kept) for each in answered)
        self.prompts = [prompt for prompt in prompts if prompt.kernel.any()]
        self.newest = newest
        self.truth = np.arange(len(kept)) >= baseline

    def test(self, by: By, alpha: float, seed: int) -> DriftTest:
        """Shuffle the answers to each prompt; where that says something, also whole runs."""
        share, baseline = alpha / _TESTS, len(self.truth) - self.newest
        if not self.prompts:  # every answer to a prompt is the same: nothing can differ
            return DriftTest(1.0, alpha, self.newest, by, 0.0, baseline, None)
        seen = self._observed(by)
        p = self._answers_p(by, seen, share, seed)
        runs_p = self._runs_p(by, seen, share, seed) if p <= share else None
        return DriftTest(min(1.0, p * _TESTS), alpha, self.newest, by, seen, baseline, runs_p)

    def _observed(self, by: By) -> float:
        return float(self._statistic(by, [prompt.of_runs(self.truth[None]) for prompt in self.prompts])[0])

    def _statistic(self, by: By, labels: Sequence[Floats]) -> Floats:
        """For each row of the prompts' 0/1 labels; 1 on average over all shuffles."""
        each = zip(self.prompts, labels, strict=True)
        if by == "texts":
            means: Floats = np.mean([prompt.discrepancy(rows) for prompt, rows in each], axis=0)
            return means
        # Summed before it is squared: another sampler moves all prompts one way.
        together: Floats = np.sum([prompt.atypical(rows) for prompt, rows in each], axis=0)
        return together * together / len(self.prompts)

    def _answers_p(self, by: By, observed: float, level: float, seed: int) -> float:
        rng = np.random.default_rng(seed)
        seen = [prompt.of_runs(self.truth[None])[0] for prompt in self.prompts]

        def draw(count: int) -> Floats:
            return self._statistic(by, [_shuffled(rng, row, count) for row in seen])

        return _p_value(draw, observed, level)

    def _runs_p(self, by: By, observed: float, level: float, seed: int) -> float:
        """Of all groupings of whole runs where they are few, else of some."""
        size = len(self.truth)

        def of(labels: NDArray[np.bool_]) -> Floats:
            return self._statistic(by, [prompt.of_runs(labels) for prompt in self.prompts])

        if math.comb(size, self.newest) <= _BATCH:
            groups = np.array(list(combinations(range(size), self.newest)))
            labels = np.zeros((len(groups), size), dtype=bool)
            np.put_along_axis(labels, groups, values=True, axis=1)
            return float(np.mean(of(labels) >= _barely(observed)))
        rng = np.random.default_rng(seed)
        return _p_value(lambda count: of(_shuffled(rng, self.truth, count)), observed, level)


class _Prompt:
    """The answers to one prompt in the runs that are compared."""

    def __init__(self, answered: _Answered, kept: NDArray[np.int64]) -> None:
        chosen = np.flatnonzero(np.isin(answered.run, kept))
        self.run = np.searchsorted(kept, answered.run[chosen])
        views = [view[np.ix_(chosen, chosen)] for view in answered.views]
        self.kernel = _kernel(views, len(chosen))
        self.common = _in_common(views[:-1], len(chosen))

    def of_runs(self, labels: NDArray[np.bool_]) -> Floats:
        """Labels of answers, [rows, answers], from labels of runs, [rows, runs]."""
        return labels[:, self.run].astype(np.float64)

    def discrepancy(self, newest: Floats) -> Floats:
        """Squared distance of the two groups' mean embeddings, for each row of labels; 0 for an empty group."""
        weights, scale = _contrast(newest)
        squared: Floats = np.einsum("ij,ij->i", weights @ self.kernel, weights)
        return squared * scale

    def atypical(self, newest: Floats) -> Floats:
        """Difference of the groups' means of what answers have in common with the others, in its own error."""
        weights, scale = _contrast(newest)
        return (weights @ self.common) * np.sqrt(scale)


def _contrast(newest: Floats) -> tuple[Floats, Floats]:
    """Weights of answers in "mean of the newest minus mean of the rest", and 1 / (1/m + 1/n); 0 for an empty group."""
    count = newest.sum(axis=1, keepdims=True)
    rest = newest.shape[1] - count
    both = (count > 0) & (rest > 0)
    weights = np.where(both, newest / np.maximum(count, 1) - (1 - newest) / np.maximum(rest, 1), 0.0)
    return weights, (count * rest / np.maximum(count + rest, 1))[:, 0]


def _p_value(draw: Callable[[int], Floats], observed: float, level: float) -> float:
    """Sequential Monte Carlo p-value: (b + 1) / (B + 1), or h / L once the L-th shuffle is the h-th as extreme."""
    most = math.ceil(_ENOUGH / level)
    done = extreme = 0
    while done < most:
        batch = draw(min(_BATCH if done else _FIRST_BATCH, most - done)) >= _barely(observed)
        if extreme + batch.sum() >= _ENOUGH:
            last = int(np.flatnonzero(batch)[_ENOUGH - extreme - 1])
            return _ENOUGH / (done + last + 1)
        done, extreme = done + len(batch), extreme + int(batch.sum())
    return (extreme + 1) / (done + 1)


def _barely(observed: float) -> float:
    """Sums in another order may differ in the last digits and are ties all the same."""
    return observed - _TIE * (1 + abs(observed))


def _shuffled(rng: np.random.Generator, labels: NDArray[_Label], count: int) -> NDArray[_Label]:
    return rng.permuted(np.broadcast_to(labels, (count, len(labels))), axis=1)


def _views(texts: Sequence[str]) -> list[Floats]:
    """How alike texts are in several ways, each [N, N]."""
    words = [_WORD.findall(text.casefold()) for text in texts]
    views = [_cosine([Counter(_grams(text, n)) for text in texts]) for n in _GRAMS]
    views.append(_cosine([Counter(each) for each in words]))
    views.append(_cosine([Counter(pairwise(["", *each, ""])) for each in words]))
    views.append(_cosine([Counter(enumerate(each[:_FIRST])) for each in words]))
    lengths = np.log1p([len(text) for text in texts])
    return [*views, -np.abs(lengths[:, None] - lengths[None, :])]


def _kernel(views: Sequence[Floats], size: int) -> Floats:
    """The mean of the views, each centred and of trace N - 1; 0 where all texts are alike."""
    kernels = [kernel for kernel in map(_standard, views) if kernel is not None]
    return np.mean(kernels, axis=0) if kernels else np.zeros((size, size))


def _in_common(views: Sequence[Floats], size: int) -> Floats:
    """How much each text has in common with the others, of mean 0 and squares that add up to N - 1."""
    alike = np.mean(views, axis=0)
    common = alike.sum(axis=0) - np.diag(alike)
    common -= common.mean() if size else 0.0
    length = float(np.linalg.norm(common))
    return common * (math.sqrt(size - 1) / length) if length > _TIE * size else np.zeros(size)


def _standard(kernel: Floats) -> Floats | None:
    """Centred and scaled to trace N - 1; None if all texts are alike to it."""
    if not len(kernel):
        return None
    centred = kernel - kernel.mean(axis=0) - kernel.mean(axis=1)[:, None] + kernel.mean()
    trace = float(np.trace(centred))
    return None if trace <= _TIE * len(kernel) else centred * ((len(kernel) - 1) / trace)


def _grams(text: str, n: int) -> Iterator[str]:
    padded = f"\x02{text}\x03"
    return (padded[i : i + n] for i in range(len(padded) - n + 1))


def _cosine(profiles: Sequence[Mapping[Hashable, int]]) -> Floats:
    """Cosine of the profiles' square roots, which keeps a text that repeats itself from drowning the rest."""
    places = {gram: place for place, gram in enumerate(dict.fromkeys(g for p in profiles for g in p))}
    matrix = np.zeros((len(profiles), max(1, len(places))))
    for row, profile in enumerate(profiles):
        for gram, count in profile.items():
            matrix[row, places[gram]] = math.sqrt(count)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    matrix /= np.where(norms > 0, norms, 1.0)
    return matrix @ matrix.T
