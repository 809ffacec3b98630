"""Runs as evidence: what a run, a trial and its verdict leave in the ledger, and what of it is there already."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import and_, func, select

from fieldmark.errors import NotFound
from fieldmark.ledger import Entry, Ledger, Snapshot, Transaction
from fieldmark.ledger.evidence import (
    KeptArtifact,
    RunEnded,
    RunStarted,
    TaskSetSeen,
    TrialEnded,
    VerdictGiven,
)
from fieldmark.scorecards import _tables as t
from fieldmark.scorecards._attempt import Attempt, Event
from fieldmark.scorecards._task import Task, TaskSet
from fieldmark.scorecards._trial import Played, TrialKey

RUNNER = "scorecards"
"""Who writes what no person did."""
KEPT_BYTES = 256 * 1024
"""Biggest artifact that is kept."""
TRIAL_BYTES = 1024 * 1024
"""Most bytes of artifacts that are kept of one trial."""
TRANSCRIPT_CHARACTERS = 4_000_000
"""Longest transcript that is kept; the rest is left out, and the last line says so."""


def transcript(events: Iterable[Event]) -> str:
    """Events as JSON lines: kind, ms, data."""
    lines, size = [], 0
    for event in events:
        line = json.dumps(
            {"kind": event.kind, "ms": event.ms, "data": dict(event.data)}, ensure_ascii=False, default=str
        )
        size += len(line) + 1
        if size > TRANSCRIPT_CHARACTERS:
            note = {"kind": "note", "ms": event.ms, "data": {"text": "the rest is too long to keep"}}
            lines.append(json.dumps(note))
            break
        lines.append(line)
    return valid("\n".join(lines))


def valid(text: str) -> str:
    """The text with halves of surrogate pairs, which UTF-8 cannot say, put together or replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def kept(
    files: Mapping[str, bytes], left: Mapping[str, str], prefix: str
) -> tuple[tuple[KeptArtifact, ...], dict[str, str]]:
    """What a record says of files, and the texts it keeps of them under names that begin with `prefix`."""
    said: list[KeptArtifact] = []
    texts: dict[str, str] = {}
    total = 0
    for place, (path, content) in enumerate(sorted(files.items())):
        size, name = len(content), f"{prefix}-{place}"
        if size > KEPT_BYTES or total + size > TRIAL_BYTES:
            said.append(KeptArtifact(path=valid(path), size=size, note="too big to keep"))
            continue
        total += size
        texts[name] = _as_text(content)
        said.append(KeptArtifact(path=valid(path), size=size, text=name))
    said += [KeptArtifact(path=valid(path), size=0, note=valid(why)) for path, why in sorted(left.items())]
    return tuple(said), texts


def _as_text(content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = ""
    if content and (not text or "\0" in text or text.startswith("data:")):
        return "data:application/octet-stream;base64," + base64.b64encode(content).decode()
    return text


def content_of(text: str) -> bytes:
    """The bytes of a kept artifact."""
    head, _, coded = text.partition(";base64,")
    return base64.b64decode(coded) if head == "data:application/octet-stream" else text.encode()


def write_set(now: Transaction, seen: TaskSetSeen) -> None:
    """Write a version of a set down, unless the newest record of it says the same."""
    index = now.connection.execute(
        select(t.sets.c.index).where(t.sets.c.digest == seen.digest)
    ).scalar_one_or_none()
    if index is None or next(iter(now.entries(index, index + 1))).record.body != seen:
        now.append(seen, actor=RUNNER)


def start_run(ledger: Ledger, seen: TaskSetSeen, run: RunStarted, *, actor: str = RUNNER) -> str:
    """Write down that a run begins, and the version of its set; the run's id.

    Raises:
        LedgerUnavailable: nothing was recorded.
    """

    def work(now: Transaction) -> str:
        write_set(now, seen)
        return now.append(run, actor=actor).record.id

    return ledger.write(work)


def end_run(now: Transaction, run: str, end: RunEnded) -> None:
    """Write down that a run is over, unless it is already."""
    if not has_ended(now, run):
        now.append(end, actor=RUNNER, refs={"run": run})


def has_ended(reader: Snapshot | Transaction, run: str) -> bool:
    """Whether a run is over."""
    ended = select(t.runs.c.ended).where(t.runs.c.id == run)
    return reader.connection.execute(ended).scalar_one() is not None


def read_run(reader: Snapshot | Transaction, run: str) -> RunStarted:
    """How a run began.

    Raises:
        NotFound: there is no run of that id.
    """
    try:
        found = reader.entry(run).record.body
    except NotFound:
        found = None
    if not isinstance(found, RunStarted):
        raise NotFound(f"no run has the id '{run}'", hint="`fieldmark score runs` lists them")
    return found


def write_trial(
    now: Transaction, key: TrialKey, task: Task, played: Played, seed: int, *, person: str | None = None
) -> Entry | None:
    """Append a trial and its verdict; None when that attempt is written already, or the trial has its verdict.

    `person` is the pseudonym of whoever took the task: then both records are theirs, so that erasing finds them.
    """
    if not is_open(now, key):
        return None
    attempt, verdict, actor = played.attempt, played.verdict, person or RUNNER
    texts, artifacts = _texts(task, attempt)
    trial = TrialEnded(
        task=key.task,
        variant=key.variant,
        contender=key.contender,
        verifier=task.commitment or task.verifier.digest,
        trial=key.trial,
        attempt=key.attempt,
        seed=seed,
        calls=len(attempt.calls),
        artifacts=artifacts,
        person=person is not None,
        sealed=task.sealed,
        **{n: getattr(attempt, n) for n in _TAKEN},
    )
    entry = now.append(trial, actor=actor, refs={"run": key.run}, texts=texts)
    evidence: tuple[KeptArtifact, ...] = ()
    said: dict[str, str] = {}
    if not task.sealed:
        evidence, said = kept(verdict.evidence, {}, "evidence")
        said |= {"explanation": valid(verdict.explanation)} if verdict.explanation else {}
    given = VerdictGiven(
        result=verdict.result,
        score=verdict.score,
        verifier=task.commitment or task.verifier.digest,
        void=verdict.void,
        ms=played.judging_ms,
        evidence=evidence,
    )
    now.append(given, actor=actor, refs={"run": key.run, "trial": entry.record.id}, texts=said)
    return entry


_TAKEN = ("ended", "failure", "steps", "ms", "prompt_tokens", "answer_tokens", "cost")


def _texts(task: Task, attempt: Attempt) -> tuple[dict[str, str], tuple[KeptArtifact, ...]]:
    if task.sealed:
        return {}, ()
    artifacts, texts = kept(attempt.files, attempt.left, "artifact")
    texts["transcript"] = transcript(attempt.events)
    if attempt.answer:
        texts["answer"] = valid(attempt.answer)
    return texts, artifacts


def _is(table: Any, key: TrialKey) -> Any:
    c = table.c
    return and_(
        c.run == key.run,
        c.task == key.task,
        c.variant == key.variant,
        c.contender == key.contender,
        c.trial == key.trial,
    )


def is_open(reader: Snapshot | Transaction, key: TrialKey) -> bool:
    """Whether this attempt of the trial is still to be written: no verdict counts yet, and it is not there."""
    counted = select(t.counted.c.id).where(_is(t.counted, key))
    if reader.connection.execute(counted).first() is not None:
        return False
    same = select(t.trials.c.id).where(_is(t.trials, key), t.trials.c.attempt == key.attempt)
    return reader.connection.execute(same).first() is None


def attempts(reader: Snapshot | Transaction, key: TrialKey) -> int:
    """Attempts of a trial that are written."""
    query = select(func.count()).select_from(t.trials).where(_is(t.trials, key))
    return int(reader.connection.execute(query).scalar_one())


def crashed_before(reader: Snapshot | Transaction, key: TrialKey) -> bool:
    """Whether an attempt of the trial that is written ended by a crash of the contender's after it had acted."""
    c = t.trials.c
    query = select(c.id).where(_is(t.trials, key), c.failure == "crashed", (c.steps > 0) | (c.calls > 0))
    return reader.connection.execute(query).first() is not None


def written(reader: Snapshot, run: str) -> Iterator[tuple[TrialKey, bool | None]]:
    """Every attempt of a run: pass (True), fail (False), or void (None)."""
    c = t.trials.c
    query = select(c.task, c.variant, c.contender, c.trial, c.attempt, c.result).where(c.run == run)
    for row in reader.connection.execute(query):
        passed = None if row.result not in {"pass", "fail"} else row.result == "pass"
        yield TrialKey(run, row.task, row.variant, row.contender, row.trial, row.attempt), passed


def spent(snapshot: Snapshot) -> dict[str, float]:
    """Contender digest to what its trials have cost, in currency units."""
    rows = snapshot.connection.execute(select(t.spent.c.contender, t.spent.c.amount))
    return {row.contender: row.amount for row in rows}


def seen_of(task_set: TaskSet, *, checked: bool, verifiers: Iterable[Any] = ()) -> TaskSetSeen:
    """The record of a set's version."""
    sealed = sum(task.sealed for task in task_set.tasks)
    kinds = sorted({task.kind for task in task_set.tasks})
    return TaskSetSeen(
        name=task_set.name,
        version=task_set.version,
        digest=task_set.digest,
        open=len(task_set.tasks) - sealed,
        sealed=sealed,
        checked=checked,
        verifiers=tuple(verifiers),
        kinds={task.id: kinds.index(task.kind) for task in task_set.tasks} if sealed else {},
    )
