"""An `.eval` log of Inspect's as evidence: a run that was played elsewhere, marked as such."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rfc8785
from inspect_ai.log import EvalLog, EvalSample, read_eval_log
from inspect_ai.scorer import value_to_float

from fieldmark.contenders import Identity
from fieldmark.errors import Conflict, InputError, NotFound
from fieldmark.ledger import Ledger, Transaction
from fieldmark.ledger.evidence import RunEnded, RunStarted, TaskSetSeen
from fieldmark.scorecards._attempt import Attempt, Event, EventKind
from fieldmark.scorecards._records import RUNNER, end_run, write_set, write_trial
from fieldmark.scorecards._task import Task
from fieldmark.scorecards._trial import Played, TrialKey
from fieldmark.scorecards._verdict import Verdict
from fieldmark.scorecards.inspect._talk import shown
from fieldmark.scorecards.inspect._tasks import NOT_ID, InspectScores

SOURCE = "inspect"


def import_log(ledger: Ledger, path: Path, *, actor: str = RUNNER) -> str:
    """Take the samples of a log in as trials of one run, all or none; the run's id.

    The task becomes a scorecard `NAME-inspect` whose digest is that of the log's task and sample ids; the model with
    its solver, scorers and generation settings becomes a contender of its own, told apart from one that is asked here.
    A sample without a score is a void. In a log of Fieldmark's own, wordings stay those of their tasks. Transcripts
    are kept. A log is taken in once.

    Raises:
        NotFound: there is no such file.
        InputError: it is no log of Inspect's, or holds no samples.
        Conflict: `known`, it was taken in before.
    """
    log = _read(path)
    samples = log.samples or []
    if not samples:
        raise InputError(f"'{path.name}' holds no samples")
    name = f"{NOT_ID.sub('-', log.eval.task.rpartition('/')[2]).strip('-').lower()}-inspect"
    digest = _digest(log, samples)
    contender = Identity(
        {"kind": "imported", "from": SOURCE, "model": log.eval.model, "setup": _setup(log)}
    ).digest
    places = {str(sample.id): _place(log, str(sample.id)) for sample in samples}
    ids = list(dict.fromkeys(task for task, _ in places.values()))
    verifier = InspectScores(digest, name)
    run = RunStarted(
        task_set=name,
        digest=digest,
        contenders=(contender,),
        labels={contender: log.eval.model},
        kinds={contender: "model"},
        tasks=tuple(ids),
        variants=any(variant for _, variant in places.values()),
        trials=max(sample.epoch for sample in samples),
        seed=0,
        sandbox="none",
        planned=len(samples),
        source=f"{SOURCE}:{log.eval.eval_id or log.eval.run_id}",
    )
    seen = TaskSetSeen(
        name=name, version=str(log.eval.task_version), digest=digest, open=len(ids), sealed=0, checked=False
    )

    def work(now: Transaction) -> str:
        if any(_source(now, each) == run.source for each in _runs(now, digest)):
            raise Conflict(f"'{path.name}' was taken in before", code="known")
        write_set(now, seen)
        run_id = now.append(run, actor=actor).record.id
        for sample in samples:
            task_id, variant = places[str(sample.id)]
            key = TrialKey(run_id, task_id, variant, contender, sample.epoch)
            write_trial(now, key, Task(task_id, "", verifier), _played(sample, task_id, variant), 0)
        end_run(now, run_id, RunEnded(reason="complete", detail=f"imported from {path.name}"))
        return run_id

    return ledger.write(work)


def _runs(now: Transaction, digest: str) -> list[str]:
    from sqlalchemy import select

    from fieldmark.scorecards import _tables as t

    return list(now.connection.execute(select(t.runs.c.id).where(t.runs.c.digest == digest)).scalars())


def _source(now: Transaction, run: str) -> str:
    body = now.entry(run).record.body
    return body.source if isinstance(body, RunStarted) else ""


def _read(path: Path) -> EvalLog:
    if not path.is_file():
        raise NotFound(f"there is no file '{path}'")
    try:
        return read_eval_log(str(path.resolve()))
    except Exception as error:
        raise InputError(f"'{path.name}' is no log of Inspect's: {error}"[:300]) from error


def _digest(log: EvalLog, samples: list[EvalSample]) -> str:
    said = {
        "task": log.eval.task,
        "version": str(log.eval.task_version),
        "samples": sorted({(str(s.id), shown(s.input), shown(s.target)) for s in samples}),
    }
    return hashlib.sha256(rfc8785.dumps(said)).hexdigest()


def _setup(log: EvalLog) -> str:
    """Digest of how the model was asked and judged: two logs that differ there are of two contenders."""
    said = {
        "solver": [[step.solver, shown(step.params)] for step in log.plan.steps],
        "config": shown(log.eval.model_generate_config.model_dump(exclude_none=True)),
        "plan": shown(log.plan.config.model_dump(exclude_none=True)),
        "scorers": [each.name for each in log.eval.scorers or []],
    }
    return hashlib.sha256(rfc8785.dumps(said)).hexdigest()


def _place(log: EvalLog, sample: str) -> tuple[str, str]:
    """Task and wording: in logs that were written here, `TASK/VARIANT`."""
    if "fieldmark" not in log.eval.packages:
        return sample, ""
    task, _, variant = sample.partition("/")
    return task, variant


def _played(sample: EvalSample, task: str, variant: str) -> Played:
    events = tuple(_events(sample))
    usage = list(sample.model_usage.values())
    attempt = Attempt(
        task=task,
        variant=variant,
        answer=sample.output.completion if sample.output and not sample.output.empty else "",
        events=events,
        ended="answered" if sample.error is None else "failed",
        steps=sum(message.role == "assistant" for message in sample.messages),
        ms=round((sample.total_time or 0) * 1000),
        prompt_tokens=sum(u.input_tokens for u in usage) if usage else None,
        answer_tokens=sum(u.output_tokens for u in usage) if usage else None,
    )
    return Played(attempt, _verdict(sample), 0)


def _verdict(sample: EvalSample) -> Verdict:
    if sample.error is not None:
        return Verdict.nothing("other", sample.error.message[:500])
    if not sample.scores:
        return Verdict.nothing("verifier", "Inspect gave it no score")
    points = [value_to_float()(score.value) for score in sample.scores.values()]
    said = "; ".join(f"{n}: {shown(s.value)} {s.explanation or ''}".strip() for n, s in sample.scores.items())
    score = min(1.0, max(0.0, sum(points) / len(points)))
    return Verdict.of(all(value >= 1 for value in points), said[:2000], score=score)


def _events(sample: EvalSample) -> Iterator[Event]:
    for message in sample.messages:
        if message.role in {"system", "user"}:
            yield _event("told", text=message.text)
        elif message.role == "assistant":
            if message.text:
                yield _event("said", text=message.text)
            for call in message.tool_calls or ():
                yield _event("call", name=call.function, arguments=dict(call.arguments))
        elif message.role == "tool":
            yield _event(
                "result", name=message.function or "", text=message.text, error=message.error is not None
            )


def _event(kind: EventKind, **data: Any) -> Event:
    return Event(kind, 0, data)
