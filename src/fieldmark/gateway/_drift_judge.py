"""Judges canary runs, from the ledger alone: the same records give the same p."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from fieldmark.fields import Drift
from fieldmark.gateway._drift_tables import Run, comparable_runs
from fieldmark.ledger import Snapshot
from fieldmark.statistics import WINDOWS, DriftTest, drift_test


def judge(snapshot: Snapshot, contender: str, canaries: str, rules: Drift) -> DriftTest | None:
    """Compare the newest runs of a contender with its baseline; None while there are too few."""
    runs = [run for run in comparable_runs(snapshot, contender, canaries) if run.answers is not None]
    runs = [*runs[: rules.baseline], *runs[rules.baseline :][-max(WINDOWS) :]]
    texts = [_answers(snapshot, run) for run in runs]
    baseline, newest = texts[: rules.baseline], texts[rules.baseline :]
    if not newest:
        return None
    return drift_test(baseline, newest, alpha=rules.alpha, seed=_seed(runs))


def _answers(snapshot: Snapshot, run: Run) -> Mapping[str, Sequence[str]]:
    """A run whose text is not held (left out of an import) has no answers, and decides nothing."""
    text = snapshot.text(run.answers) if run.answers else None
    found: dict[str, list[str]] = json.loads(text) if text is not None else {}
    return found


def _seed(runs: Sequence[Run]) -> int:
    """Nobody who asks or answers can choose it: the records' ids are random."""
    return int.from_bytes(hashlib.sha256("\0".join(run.id for run in runs).encode()).digest()[:8])
