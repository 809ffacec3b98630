"""Ratings and errors of three real vote files, against reference numbers of an independent implementation.

FIELDMARK_VOTES_DATA names the folder of the files and of their references (`ref_*.csv`).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks._row import Row, at_most, benchmark, not_measured

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fieldmark.arena import VoteFile

FILES = {
    "llmfao_crowd": ("ref_llmfao_crowd.csv", "voter_id"),
    "chatbot_arena_20240814_counts_dev30": ("ref_chatbot_arena_20240814_dev30.csv", None),
    "football_dev_min60": ("ref_football_dev_min60.csv", None),
}
ELO_BOUND = 0.01
ERROR_BOUND = 0.5


@benchmark("ratings and standard errors of three vote files against reference numbers")
def run(fault: bool) -> Iterator[Row]:
    folder = os.environ.get("FIELDMARK_VOTES_DATA")
    if not folder:
        yield not_measured(
            "ratings", "FIELDMARK_VOTES_DATA names no folder with vote files", f"<= {ELO_BOUND}", "Elo"
        )
        return
    for stem, (reference, cluster) in FILES.items():
        yield from _file(Path(folder) / f"{stem}.csv", Path(folder) / reference, cluster, fault)


def _file(path: Path, reference: Path, cluster: str | None, fault: bool) -> Iterator[Row]:
    from fieldmark.arena import read_votes
    from fieldmark.statistics import Model, rate

    file = read_votes(path, cluster=cluster)
    if fault:
        file = _without_some(file)
    counts = file.counts()
    columns = _columns(reference, file.names)
    models: tuple[tuple[Model, str], ...] = (("bradley-terry", "mle_elo"), ("davidson", "davidson_elo"))
    for model, column in models:
        rating = rate(counts, model=model, both_bad="tie").rating
        wanted = columns[column]
        worst = abs(rating - rating.mean() - wanted + wanted.mean()).max()
        yield at_most(f"{path.stem}: {model}", float(worst), "Elo", ELO_BOUND)
    for name, own in (("sandwich_se_elo", None), (f"cluster_se_elo_by_{cluster}", file.clusters(counts))):
        if name in columns:
            se = rate(counts, model="bradley-terry", both_bad="tie", clusters=own).se
            yield at_most(
                f"{path.stem}: {name}", float(abs(se / columns[name] - 1).max() * 100), "%", ERROR_BOUND
            )


def _columns(reference: Path, names: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    """The reference's columns of Elo points, in the order of `names`."""
    import numpy as np

    with reference.open(encoding="utf-8", newline="") as lines:
        rows = {row["model"]: row for row in csv.DictReader(lines)}
    columns = [column for column in next(iter(rows.values())) if "_elo" in column]
    return {column: np.array([float(rows[name][column]) for name in names]) for column in columns}


def _without_some(file: VoteFile) -> VoteFile:
    """The deliberate fault: every tenth entry is lost."""
    import numpy as np

    kept = np.arange(len(file.a)) % 10 != 0
    cluster = None if file.cluster is None else file.cluster[kept]
    return replace(
        file,
        a=file.a[kept],
        b=file.b[kept],
        outcome=file.outcome[kept],
        weight=file.weight[kept],
        cluster=cluster,
    )
