"""Computes `data/golden.json` from `data/votes.csv`: `python -m tests.statistics.golden`.

Nothing of Fieldmark is used. The log-likelihood is written vote by vote from the models' published formulas
with the first contender as anchor, maximised by scipy, differentiated numerically (complex steps for scores,
central differences of them for the information), and carried to "sum zero" at the very end.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

DATA = Path(__file__).parent / "data"
ELO = 400 / np.log(10)


def read() -> tuple[list[str], list[dict[str, str]]]:
    with (DATA / "votes.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return sorted({row[side] for row in rows for side in ("model_a", "model_b")}), rows


def log_likelihoods(free: Any, model: str, k: int, votes: Any) -> Any:
    """One number per vote; `free` holds the strengths of all but the first contender and, for ties, log ν."""
    a, b, winner = votes
    pi = np.exp(np.concatenate(([0.0], free[: k - 1])))
    if model == "bradley-terry":
        p = pi[a] / (pi[a] + pi[b])
        y = np.array([1.0, 0.0, 0.5])[winner]
        return y * np.log(p) + (1 - y) * np.log(1 - p)
    tie = np.exp(free[k - 1]) * np.sqrt(pi[a] * pi[b])
    return np.log(np.stack((pi[a], pi[b], tie))[winner, np.arange(len(a))] / (pi[a] + pi[b] + tie))


def scores(free: Any, model: str, k: int, votes: Any) -> Any:
    """Derivative of each vote's log-likelihood by each parameter, [N, parameters], exact to rounding."""
    steps = np.eye(len(free)) * 1e-30j
    return np.stack([log_likelihoods(free + step, model, k, votes).imag / 1e-30 for step in steps], axis=1)


def fit(model: str, k: int, votes: Any, voters: Any) -> dict[str, Any]:
    size = k - 1 + (model == "davidson")
    found = minimize(
        lambda free: -log_likelihoods(free, model, k, votes).sum(),
        np.zeros(size),
        jac=lambda free: -scores(free, model, k, votes).sum(axis=0),
        method="BFGS",
        options={"gtol": 1e-10},
    ).x
    information = np.stack(
        [
            (scores(found - step, model, k, votes) - scores(found + step, model, k, votes)).sum(axis=0) / 2e-5
            for step in np.eye(size) * 1e-5
        ]
    )
    bread = np.linalg.inv(information)
    by_vote = scores(found, model, k, votes)
    by_voter = np.stack([by_vote[voters == voter].sum(axis=0) for voter in np.unique(voters)])
    v = len(by_voter)
    centre = np.vstack((np.zeros(size), np.eye(k - 1, size))) - np.eye(k - 1, size).sum(axis=0) / k

    def se(meat: Any) -> Any:
        return ELO * np.sqrt(np.diag(centre @ bread @ meat @ bread @ centre.T))

    return {
        "rating": (1000 + ELO * (centre @ found)).tolist(),
        "sandwich": se(by_vote.T @ by_vote).tolist(),
        "clustered": se(by_voter.T @ by_voter * v / (v - 1)).tolist(),
        "tie_parameter": float(np.exp(found[k - 1])) if model == "davidson" else None,
    }


def compute() -> dict[str, Any]:
    names, rows = read()
    a, b = (np.array([names.index(row[side]) for row in rows]) for side in ("model_a", "model_b"))
    winner = np.array([("a", "b", "tie").index(row["winner"]) for row in rows])
    voters = np.array([row["voter"] for row in rows])
    models = ("bradley-terry", "davidson")
    return {"names": names, **{model: fit(model, len(names), (a, b, winner), voters) for model in models}}


if __name__ == "__main__":
    (DATA / "golden.json").write_text(json.dumps(compute(), indent=1) + "\n", encoding="utf-8")
