"""Keeps the scorecards' tables: each record is applied in the transaction that appends it, at a cost that does not
grow. Texts stay where they are, so that erasing reaches them: the tables hold their ids only.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, text, update

from fieldmark.ledger import Entry, Prepared, Projection
from fieldmark.ledger.evidence import (
    RunEnded,
    RunStarted,
    TaskSetSeen,
    TasksSealed,
    TrialEnded,
    VerdictGiven,
)
from fieldmark.scorecards import _tables as t
from fieldmark.statistics import bucket

RANKS = {"fail": 0, "void": 1, None: 2, "pass": 3}
"""Order of trials in a list, failing first."""


def _prepared(sql: str) -> Prepared:
    return Prepared(text(sql))


_new_trial = Prepared(insert(t.trials), [column.name for column in t.trials.columns])
_judged = Prepared(
    update(t.trials)
    .where(t.trials.c.id == bindparam("trial_id"))
    .values({n: bindparam(f"to_{n}") for n in ("rank", "result", "void", "score", "verdict", "explanation")})
)
_ended = (
    update(t.runs)
    .where(t.runs.c.id == bindparam("run_id"))
    .values(ended=bindparam("to_ended"), detail=bindparam("to_detail"))
)
_UNJUDGED = dict.fromkeys(("result", "void", "score", "verdict", "explanation"))
# Built by hand, since SQLAlchemy spells "on conflict" once for each database; both read it the same.
_digest_of = Prepared(select(t.runs.c.digest).where(t.runs.c.id == bindparam("run")))
_OF_TRIAL = "run", "digest", "task", "variant", "contender", "trial", "sealed", "ms", "cost", "tokens"
_trial_of = Prepared(select(*(t.trials.c[n] for n in _OF_TRIAL)).where(t.trials.c.id == bindparam("id")))
_count_once = _prepared(
    "INSERT INTO scorecard_counted (run, task, variant, contender, trial, passed, id)"
    " VALUES (:run, :task, :variant, :contender, :trial, :passed, :id) ON CONFLICT DO NOTHING"
)
_progress = _prepared("UPDATE scorecard_runs SET done = done + :done, void = void + :void WHERE id = :run")
_add = _prepared(
    "INSERT INTO scorecard_counts (digest, contender, task, variant, sealed, passed, failed, void, ms, cost,"
    " priced, tokens, metered) VALUES (:digest, :contender, :task, :variant, :sealed, :passed, :failed, :void, :ms,"
    " :cost, :priced, :tokens, :metered) ON CONFLICT (digest, contender, task, variant) DO UPDATE SET"
    " passed = scorecard_counts.passed + excluded.passed, failed = scorecard_counts.failed + excluded.failed,"
    " void = scorecard_counts.void + excluded.void, ms = scorecard_counts.ms + excluded.ms,"
    " cost = scorecard_counts.cost + excluded.cost, priced = scorecard_counts.priced + excluded.priced,"
    " tokens = scorecard_counts.tokens + excluded.tokens, metered = scorecard_counts.metered + excluded.metered"
)
_took = _prepared(
    "INSERT INTO scorecard_times (digest, contender, bucket, n) VALUES (:digest, :contender, :bucket, 1)"
    " ON CONFLICT (digest, contender, bucket) DO UPDATE SET n = scorecard_times.n + 1"
)
_cost = _prepared(
    "INSERT INTO scorecard_spent (contender, amount) VALUES (:contender, :amount)"
    " ON CONFLICT (contender) DO UPDATE SET amount = scorecard_spent.amount + excluded.amount"
)
_set = text(
    'INSERT INTO scorecard_sets (digest, name, version, checked, verifiers, "index")'
    " VALUES (:digest, :name, :version, :checked, :verifiers, :index) ON CONFLICT (digest) DO UPDATE SET"
    " name = excluded.name, version = excluded.version, checked = excluded.checked,"
    ' verifiers = excluded.verifiers, "index" = excluded."index"'
).bindparams(bindparam("verifiers", type_=t.sets.c.verifiers.type))
_contender = text(
    "INSERT INTO scorecard_contenders (digest, name, kind) VALUES (:digest, :name, :kind)"
    " ON CONFLICT (digest) DO UPDATE SET name = excluded.name, kind = excluded.kind"
)
_seal = text(
    'INSERT INTO scorecard_seals (task_set, task, commitment, id, "index")'
    " VALUES (:task_set, :task, :commitment, :id, :index) ON CONFLICT (task_set, task) DO UPDATE SET"
    ' commitment = excluded.commitment, id = excluded.id, "index" = excluded."index"'
)


class ScorecardsProjection(Projection):
    """Runs, their trials, and counts per version of a set, contender, task and wording."""

    name = "scorecards"
    version = 3
    tables = t.ALL

    def apply(self, connection: Connection, entry: Entry) -> None:
        """Bring the tables to the state after `entry`."""
        match entry.record.body:
            case TrialEnded() as trial:
                _try(connection, entry, trial)
            case VerdictGiven() as verdict:
                _judge(connection, entry, verdict)
            case RunStarted() as run:
                _start(connection, entry, run)
            case RunEnded() as end:
                values = {"run_id": entry.record.refs["run"], "to_ended": end.reason, "to_detail": end.detail}
                connection.execute(_ended, values)
            case TaskSetSeen() as seen:
                row = seen.model_dump(
                    mode="json", include={"digest", "name", "version", "checked", "verifiers"}
                )
                connection.execute(_set, {**row, "index": entry.index})
            case TasksSealed() as sealed:
                _commit(connection, entry, sealed)
            case _:
                pass


def _start(connection: Connection, entry: Entry, run: RunStarted) -> None:
    for digest in run.contenders:
        named = {"name": run.labels.get(digest, digest[:8]), "kind": run.kinds.get(digest, "model")}
        connection.execute(_contender, {"digest": digest, **named})
    row = {
        "id": entry.record.id,
        "index": entry.index,
        "at": entry.record.at,
        "contenders": [run.labels.get(digest, digest[:8]) for digest in run.contenders],
        "tools": dict(run.tools),
        "done": 0,
        "void": 0,
        "detail": "",
        **run.model_dump(include={"task_set", "digest", "planned", "until"}),
    }
    connection.execute(insert(t.runs), row)


def _try(connection: Connection, entry: Entry, trial: TrialEnded) -> None:
    run = entry.record.refs["run"]
    digest = _digest_of.execute(connection, {"run": run})
    texts = entry.record.commitments
    counted = [n for n in (trial.prompt_tokens, trial.answer_tokens) if n is not None]
    row: dict[str, Any] = trial.model_dump(
        include={
            "task",
            "variant",
            "contender",
            "trial",
            "attempt",
            "ended",
            "failure",
            "steps",
            "calls",
            "ms",
        }
        | {"cost", "sealed"}
    )
    row |= {"id": entry.record.id, "index": entry.index, "at": entry.record.at, "run": run}
    row |= {"digest": digest.scalar_one(), "tokens": sum(counted) if counted else None, "rank": RANKS[None]}
    row |= {n: texts[n].text_id if n in texts else None for n in ("transcript", "answer")}
    _new_trial.execute(connection, {**_UNJUDGED, **row})
    if trial.cost is not None:
        _cost.execute(connection, {"contender": trial.contender, "amount": trial.cost})


def _judge(connection: Connection, entry: Entry, verdict: VerdictGiven) -> None:
    trial = entry.record.refs["trial"]
    row = _trial_of.execute(connection, {"id": trial}).one()._asdict()
    said = entry.record.commitments.get("explanation")
    values = {"to_rank": RANKS[verdict.result], "to_explanation": said.text_id if said else None}
    values |= {f"to_{n}": getattr(verdict, n) for n in ("result", "void", "score")}
    _judged.execute(connection, {"trial_id": trial, "to_verdict": entry.record.id, **values})
    passed = verdict.result == "pass"
    if verdict.result == "void":
        _progress.execute(connection, {"run": row["run"], "done": 0, "void": 1})
        _add.execute(connection, _sums(row, void=1))
        return
    key = {name: row[name] for name in ("run", "task", "variant", "contender", "trial")}
    if not _count_once.execute(connection, {**key, "passed": passed, "id": trial}).rowcount:
        return
    _progress.execute(connection, {"run": row["run"], "done": 1, "void": 0})
    known = {"ms": row["ms"], "cost": row["cost"] or 0.0, "priced": int(row["cost"] is not None)}
    known |= {"tokens": row["tokens"] or 0, "metered": int(row["tokens"] is not None)}
    _add.execute(connection, _sums(row, passed=int(passed), failed=int(not passed), **known))
    where = {"digest": row["digest"], "contender": row["contender"]}
    _took.execute(connection, {**where, "bucket": bucket(row["ms"])})


def _sums(row: Any, **more: Any) -> dict[str, Any]:
    none = {"passed": 0, "failed": 0, "void": 0, "ms": 0, "cost": 0.0, "priced": 0, "tokens": 0, "metered": 0}
    return {n: row[n] for n in ("digest", "contender", "task", "variant", "sealed")} | none | more


def _commit(connection: Connection, entry: Entry, sealed: TasksSealed) -> None:
    for task in sealed.tasks:
        row = {"task_set": sealed.task_set, "task": task.id, "commitment": task.commitment}
        connection.execute(_seal, {**row, "id": entry.record.id, "index": entry.index})
