"""The scorecards' tables: a view of the ledger that can be thrown away and computed again from its records."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table

METADATA = MetaData()

sets = Table(
    "scorecard_sets",
    METADATA,
    Column("digest", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("version", String, nullable=False),
    Column("checked", Boolean, nullable=False),
    Column("verifiers", JSON, nullable=False),
    Column("index", BigInteger, nullable=False),  # ledger index of its newest record
    Index("scorecard_sets_name", "name", "index"),
)
"""Versions of task sets that were run."""

contenders = Table(
    "scorecard_contenders",
    METADATA,
    Column("digest", String, primary_key=True),
    Column("name", String, nullable=False),  # as in the newest run
    Column("kind", String, nullable=False),
)

runs = Table(
    "scorecard_runs",
    METADATA,
    Column("id", String, primary_key=True),
    Column("index", BigInteger, nullable=False),
    Column("at", String, nullable=False),
    Column("task_set", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("contenders", JSON, nullable=False),  # names, in order
    Column("tools", JSON, nullable=False),
    Column("until", Float),
    Column("planned", Integer, nullable=False),
    Column("done", Integer, nullable=False),  # counted verdicts
    Column("void", Integer, nullable=False),
    Column("ended", String),
    Column("detail", String, nullable=False),
    Index("scorecard_runs_set", "task_set", "index"),
)

trials = Table(
    "scorecard_trials",
    METADATA,
    Column("id", String, primary_key=True),
    Column("index", BigInteger, nullable=False),
    Column("at", String, nullable=False),
    Column("run", String, nullable=False),
    Column("digest", String, nullable=False),  # of the set
    Column("task", String, nullable=False),
    Column("variant", String, nullable=False),
    Column("contender", String, nullable=False),
    Column("trial", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("ended", String, nullable=False),
    Column("failure", String),
    Column("steps", Integer, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("ms", BigInteger, nullable=False),
    Column("cost", Float),
    Column("tokens", BigInteger),
    Column("sealed", Boolean, nullable=False),
    Column("transcript", String),  # text id
    Column("answer", String),  # text id
    Column("rank", Integer, nullable=False),  # 0 fail, 1 void, 2 no verdict, 3 pass: failing first
    Column("result", String),
    Column("void", String),
    Column("score", Float),
    Column("verdict", String),  # record id
    Column("explanation", String),  # text id
    Index("scorecard_trials_key", "run", "task", "variant", "contender", "trial", "attempt"),
)
# Each order of a list has its index, so that a page of 100,000 trials costs what a page of 100 does.
_c = trials.c
Index("scorecard_trials_rank", _c.digest, _c.rank, _c.index.desc())
Index("scorecard_trials_index", _c.digest, _c.index)
Index("scorecard_trials_ms", _c.digest, _c.ms, _c.index)
Index("scorecard_trials_cost", _c.digest, _c.cost, _c.index)
Index("scorecard_trials_contender", _c.digest, _c.contender, _c.rank, _c.index.desc())
Index("scorecard_trials_task", _c.digest, _c.task, _c.rank, _c.index.desc())

counted = Table(
    "scorecard_counted",
    METADATA,
    Column("run", String, primary_key=True),
    Column("task", String, primary_key=True),
    Column("variant", String, primary_key=True),
    Column("contender", String, primary_key=True),
    Column("trial", Integer, primary_key=True),
    Column("passed", Boolean, nullable=False),
    Column("id", String, nullable=False),  # of the trial's record
)
"""The one pass or fail of each trial of a run: a second one of the same trial neither counts nor is written."""

counts = Table(
    "scorecard_counts",
    METADATA,
    Column("digest", String, primary_key=True),  # of the set
    Column("contender", String, primary_key=True),
    Column("task", String, primary_key=True),
    Column("variant", String, primary_key=True),
    Column("sealed", Boolean, nullable=False),
    Column("passed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("void", Integer, nullable=False),
    Column("ms", BigInteger, nullable=False),  # of passes and fails together
    Column("cost", Float, nullable=False),
    Column("priced", Integer, nullable=False),  # passes and fails whose cost is known
    Column("tokens", BigInteger, nullable=False),
    Column("metered", Integer, nullable=False),  # passes and fails whose tokens are known
)

times = Table(
    "scorecard_times",
    METADATA,
    Column("digest", String, primary_key=True),
    Column("contender", String, primary_key=True),
    Column("bucket", Integer, primary_key=True),  # see fieldmark.statistics.bucket
    Column("n", Integer, nullable=False),
)
"""How long passes and fails took, as a histogram."""

seals = Table(
    "scorecard_seals",
    METADATA,
    Column("task_set", String, primary_key=True),
    Column("task", String, primary_key=True),
    Column("commitment", String, nullable=False),
    Column("id", String, nullable=False),  # of the record
    Column("index", BigInteger, nullable=False),
)
"""The newest commitment to each sealed task."""

spent = Table(
    "scorecard_spent",
    METADATA,
    Column("contender", String, primary_key=True),
    Column("amount", Float, nullable=False),
)
"""What each contender's trials have cost, voids included, in currency units: for spend caps."""

ALL = (sets, contenders, runs, trials, counted, counts, times, seals, spent)
