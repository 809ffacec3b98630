"""Reading scorecards, runs and trials."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from sqlalchemy import Row, Select, and_, func, or_, select

from fieldmark.errors import InputError, NotFound
from fieldmark.ledger import Entry, Snapshot
from fieldmark.ledger.evidence import KeptArtifact, TrialEnded, VerdictGiven
from fieldmark.scorecards import _tables as t
from fieldmark.scorecards._projection import RANKS
from fieldmark.scorecards._records import content_of
from fieldmark.scorecards.views import (
    PICTURES,
    ArtifactView,
    RunView,
    TrialEvent,
    TrialLine,
    TrialOrder,
    TrialPage,
)

MOST = 200
"""Most trials of one page."""
SEARCHED = 2000
"""Newest trials (that fit the other filters) whose messages are searched."""
_TEXTS_AT_ONCE = 100
_SHOWN = 200
"""Characters of an explanation in a list."""
_TEXT_SHOWN = 100_000
"""Characters of an artifact that is shown with its trial."""
_c = t.trials.c
_LIGHT = [each for each in t.trials.columns if each.name not in {"transcript", "answer"}]


@dataclass(frozen=True)
class Filter:
    """Which trials; None: whichever."""

    contender: str | None = None
    """Identity digest."""
    task: str | None = None
    variant: str | None = None
    """Empty: the task as it stands."""
    result: str | None = None
    void: str | None = None
    ended: str | None = None
    run: str | None = None
    q: str | None = None
    """Text that a message, the answer or the explanation holds; case does not matter."""

    def conditions(self) -> list[Any]:
        """As SQL, without `q`."""
        names = ("contender", "task", "variant", "result", "void", "ended", "run")
        return [_c[name] == value for name in names if (value := getattr(self, name)) is not None]


def trial_page(
    snapshot: Snapshot,
    digest: str,
    names: Mapping[str, str],
    which: Filter = Filter(),
    *,
    order: TrialOrder = "failing",
    after: str | None = None,
    limit: int = 50,
) -> TrialPage:
    """Trials of a version of a set. `after` is the id of the last one of the page before.

    Raises:
        InputError: no such order, or `limit` is not between 1 and `MOST`.
        NotFound: no trial has the id `after`.
    """
    if order not in get_args(TrialOrder):
        raise InputError(f"no order is called '{order}'", hint=", ".join(get_args(TrialOrder)))
    if not 1 <= limit <= MOST:
        raise InputError(f"{limit} trials do not make a page", hint=f"1 to {MOST}")
    conditions = [_c.digest == digest, *which.conditions()]
    if which.q:
        conditions.append(_c.id.in_(_found(snapshot, conditions, which.q)))
    query = _ordered(select(*_LIGHT).where(*conditions), order, _trial(snapshot, after) if after else None)
    rows = snapshot.connection.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    said = snapshot.texts([row.explanation for row in shown if row.explanation])
    return TrialPage(
        trials=[line(row, names, said.get(row.explanation or "", "")[:_SHOWN]) for row in shown],
        total=_total(snapshot, digest, which, conditions),
        more=len(rows) > limit,
    )


def _total(snapshot: Snapshot, digest: str, which: Filter, conditions: Sequence[Any]) -> int:
    """How many fit: from the counts where these can tell."""
    if any(each is not None for each in (which.void, which.ended, which.run, which.q)):
        count = select(func.count()).select_from(t.trials).where(*conditions)
        return int(snapshot.connection.execute(count).scalar_one())
    c = t.counts.c
    names = {"pass": [c.passed], "fail": [c.failed], "void": [c.void]}
    wanted = names.get(which.result or "", [c.passed, c.failed, c.void])
    where = [
        c[name] == value
        for name in ("contender", "task", "variant")
        if (value := getattr(which, name)) is not None
    ]
    query = select(func.coalesce(func.sum(sum(wanted[1:], wanted[0])), 0)).where(c.digest == digest, *where)
    return int(snapshot.connection.execute(query).scalar_one())


def _ordered(query: Select[Any], order: TrialOrder, last: Row[Any] | None) -> Select[Any]:
    """Newest first where the order says nothing; only what comes after `last`."""
    key = {"failing": _c.rank, "newest": None, "slowest": _c.ms, "costliest": _c.cost}[order]
    if key is None:
        query = query.order_by(_c.index.desc())
        return query if last is None else query.where(_c.index < last.index)
    if order == "costliest":
        query = query.where(_c.cost.is_not(None))
    rising = order == "failing"
    query = query.order_by(key if rising else key.desc(), _c.index.desc())
    if last is None:
        return query
    value = getattr(last, key.name)
    beyond = key > value if rising else key < value
    near = key >= value if rising else key <= value  # what an index can be searched by
    return query.where(near, or_(beyond, and_(key == value, _c.index < last.index)))


def _found(snapshot: Snapshot, conditions: Sequence[Any], q: str) -> list[str]:
    """Those of the newest trials whose texts hold `q`. Texts are read where they are kept, so what was erased is not
    found.
    """
    wanted = q.casefold()
    coded = json.dumps(q, ensure_ascii=False)[1:-1].casefold()  # as a transcript, which is JSON, spells it
    columns = (_c.id, _c.transcript, _c.answer, _c.explanation)
    query = select(*columns).where(*conditions).order_by(_c.index.desc()).limit(SEARCHED)
    found = []
    rows: list[Any] = list(snapshot.connection.execute(query))
    for start in range(0, len(rows), _TEXTS_AT_ONCE):
        some = rows[start : start + _TEXTS_AT_ONCE]
        texts = snapshot.texts([x for row in some for x in row[1:] if x])
        low = {text_id: text.casefold() for text_id, text in texts.items()}
        for row in some:
            plain = any(wanted in low.get(each or "", "") for each in (row.answer, row.explanation))
            if plain or coded in low.get(row.transcript or "", ""):
                found.append(row.id)
    return found


def _trial(snapshot: Snapshot, trial: str) -> Row[Any]:
    row = snapshot.connection.execute(select(t.trials).where(_c.id == trial)).one_or_none()
    if row is None:
        raise NotFound("no trial has that id")
    return row


def line(row: Any, names: Mapping[str, str], explanation: str) -> TrialLine:
    """One trial in a list."""
    same = ("id", "run", "task", "variant", "contender", "trial", "attempt", "result", "score", "void")
    more = ("ended", "failure", "steps", "calls", "ms", "cost", "tokens", "at")
    return TrialLine(
        name=names.get(row.contender, row.contender[:8]),
        explanation=explanation,
        **{name: getattr(row, name) for name in (*same, *more)},
    )


@dataclass(frozen=True)
class KeptTrial:
    """One trial with everything that is kept of it."""

    row: Row[Any]
    entry: Entry
    trial: TrialEnded
    verdict: VerdictGiven | None
    verdict_entry: Entry | None
    events: list[TrialEvent]
    answer: str
    explanation: str
    erased: bool
    """Its texts are gone."""


def kept_trial(snapshot: Snapshot, trial: str) -> KeptTrial:
    """One trial. Raises NotFound."""
    return _kept(snapshot, _trial(snapshot, trial))


def kept_of_run(snapshot: Snapshot, run: str) -> Iterator[KeptTrial]:
    """Every trial of a run, oldest first."""
    for row in snapshot.connection.execute(select(t.trials).where(_c.run == run).order_by(_c.index)).all():
        yield _kept(snapshot, row)


def _kept(snapshot: Snapshot, row: Row[Any]) -> KeptTrial:
    entry = snapshot.entry(row.id)
    assert isinstance(entry.record.body, TrialEnded)
    judged = snapshot.entry(row.verdict) if row.verdict else None
    said = judged.record.body if judged else None
    texts = snapshot.texts([x for x in (row.transcript, row.answer, row.explanation) if x])
    return KeptTrial(
        row,
        entry,
        entry.record.body,
        said if isinstance(said, VerdictGiven) else None,
        judged,
        list(_events(texts.get(row.transcript or "", ""))),
        texts.get(row.answer or "", ""),
        texts.get(row.explanation or "", ""),
        bool(row.transcript) and row.transcript not in texts,
    )


def _events(text: str) -> Iterator[TrialEvent]:
    for each in text.split("\n"):
        if each.strip():
            said = json.loads(each)
            yield TrialEvent(kind=said["kind"], ms=said["ms"], data=said["data"])


def artifacts(snapshot: Snapshot, kept: KeptTrial) -> list[ArtifactView]:
    """Files that the trial left and those that show the verdict, with the content of moderate texts."""
    return [_view(snapshot, kept_as, text_id) for kept_as, text_id in _places(kept)]


def artifact(snapshot: Snapshot, trial: str, path: str) -> bytes:
    """The content of one of them.

    Raises:
        NotFound: the trial has none of that path, or it was not kept, or was erased.
    """
    for kept_as, text_id in _places(kept_trial(snapshot, trial)):
        text = snapshot.text(text_id) if text_id and kept_as.path == path else None
        if text is not None:
            return content_of(text)
    raise NotFound("no such file is kept of this trial")


def _places(kept: KeptTrial) -> Iterator[tuple[KeptArtifact, str | None]]:
    told = [(kept.trial.artifacts, kept.entry.record.commitments)]
    if kept.verdict and kept.verdict_entry:
        told.append((kept.verdict.evidence, kept.verdict_entry.record.commitments))
    for files, commitments in told:
        for each in files:
            kept_as = commitments.get(each.text or "")
            yield each, kept_as.text_id if kept_as else None


def _view(snapshot: Snapshot, kept_as: KeptArtifact, text_id: str | None) -> ArtifactView:
    text = snapshot.text(text_id) if text_id else None
    binary = text is not None and text.startswith("data:application/octet-stream;base64,")
    kind = mimetypes.guess_type(kept_as.path)[0]
    small = text is not None and not binary and len(text) <= _TEXT_SHOWN
    return ArtifactView(
        path=kept_as.path,
        size=kept_as.size,
        kept=text is not None,
        note=kept_as.note or ("" if text is not None or not text_id else "erased"),
        picture=kind in PICTURES and binary,
        text=text if small else None,
    )


def beside(snapshot: Snapshot, row: Row[Any]) -> tuple[str | None, str | None]:
    """Ids of the trials before and after one in the list of its set, failing first."""
    return _next(snapshot, row, forward=False), _next(snapshot, row, forward=True)


def _next(snapshot: Snapshot, row: Row[Any], *, forward: bool) -> str | None:
    """The nearest of the same result, else the first (or last) of the next one; each found by an index."""
    ranks = [rank for rank in sorted(RANKS.values()) if (rank > row.rank if forward else rank < row.rank)]
    for rank in (row.rank, *(ranks if forward else reversed(ranks))):
        query = select(_c.id).where(_c.digest == row.digest, _c.rank == rank)
        if rank == row.rank:
            query = query.where(_c.index < row.index if forward else _c.index > row.index)
        query = query.order_by(_c.index.desc() if forward else _c.index).limit(1)
        found: str | None = snapshot.connection.execute(query).scalar_one_or_none()
        if found is not None:
            return found
    return None


def run_rows(snapshot: Snapshot, name: str | None = None, *, limit: int = 100) -> list[Row[Any]]:
    """Runs, newest first, of one set or all."""
    query = select(t.runs).order_by(t.runs.c.index.desc()).limit(limit)
    if name is not None:
        query = query.where(t.runs.c.task_set == name)
    return list(snapshot.connection.execute(query))


def run_row(snapshot: Snapshot, run: str) -> Row[Any]:
    """One run. Raises NotFound."""
    row = snapshot.connection.execute(select(t.runs).where(t.runs.c.id == run)).one_or_none()
    if row is None:
        raise NotFound(f"no run has the id '{run}'", hint="`fieldmark score runs` lists them")
    return row


def run_view(row: Any) -> RunView:
    """A run as it stands in the ledger, as if nobody worked at it."""
    return RunView(
        id=row.id,
        scorecard=row.task_set,
        digest=row.digest,
        at=row.at,
        contenders=list(row.contenders),
        planned=row.planned,
        done=row.done,
        void=row.void,
        state="ended" if row.ended else "paused",
        ended=row.ended,
        detail=row.detail,
    )


def newest_set(snapshot: Snapshot, name: str) -> Row[Any] | None:
    """The version of a set that was last run."""
    query = select(t.sets).where(t.sets.c.name == name).order_by(t.sets.c.index.desc()).limit(1)
    return snapshot.connection.execute(query).one_or_none()


def set_row(snapshot: Snapshot, digest: str) -> Row[Any] | None:
    """What is known of a version of a set."""
    return snapshot.connection.execute(select(t.sets).where(t.sets.c.digest == digest)).one_or_none()


def ever_run(snapshot: Snapshot) -> list[str]:
    """Names of all sets that were run, whether or not they are at hand."""
    return list(
        snapshot.connection.execute(select(t.sets.c.name).distinct().order_by(t.sets.c.name)).scalars()
    )


def seals_of(snapshot: Snapshot, name: str) -> dict[str, str]:
    """Task id to its newest commitment, of a set's sealed tasks."""
    c = t.seals.c
    rows = snapshot.connection.execute(select(c.task, c.commitment).where(c.task_set == name))
    return {row.task: row.commitment for row in rows}
