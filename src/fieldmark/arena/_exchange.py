"""Writes votes out: JSONL, CSV, Parquet, Chatbot Arena's form, and preference pairs for training (DPO)."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO

from sqlalchemy import select

from fieldmark.arena import _tables as t
from fieldmark.arena._ballots import Messages, pyarrow_parquet
from fieldmark.errors import InputError, NotFound
from fieldmark.fields import known_contenders
from fieldmark.ledger import Entry, Snapshot
from fieldmark.ledger.evidence import BattleStarted, Retraction, Side, Source, VoteCast

Format = Literal["jsonl", "csv", "parquet", "dpo", "arena"]
FORMATS: tuple[Format, ...] = ("jsonl", "csv", "parquet", "dpo", "arena")
COLUMNS = (
    "model_a",
    "model_b",
    "winner",
    "voter_id",
    "category",
    "language",
    "at",
    "stratum",
    "propensity",
    "turns",
    "decision_ms",
    "partial",
    "leak",
    "id",
)
"""Of JSONL, CSV and Parquet."""
_WINNER = {"a": "model_a", "b": "model_b", "tie": "tie", "both_bad": "tie (bothbad)"}
_BATCH = 5000


@dataclass(frozen=True)
class Wanted:
    """Which votes: those that count in their stratum and were not taken back."""

    strata: tuple[Source, ...] = ("live",)
    category: str | None = None
    texts: bool = False
    """Conversations too, in JSONL and Parquet; those of `arena` and `dpo` are always there."""


@dataclass(frozen=True)
class Exported:
    """What was written, and why some votes have no preference pair."""

    votes: int
    left_out: Mapping[str, int]


def export_votes(snapshot: Snapshot, target: Path, form: Format, wanted: Wanted | None = None) -> Exported:
    """Write votes to `target` (`-` is standard output), which appears only once it is whole.

    A round that is open has no vote, so none is in any of these files.

    Raises:
        InputError: the file cannot be written, or Parquet is not installed.
    """
    writing = _Writing(snapshot, wanted or Wanted())
    if form == "parquet":
        return _to_parquet(writing, target)
    with _opened(target) as file:
        if form == "csv":
            writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            for row in writing.rows():
                writer.writerow({key: _cell(value) for key, value in row.items()})
        else:
            rows = {"jsonl": writing.rows, "arena": writing.arena, "dpo": writing.pairs}[form]()
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
    return writing.done()


def _cell(value: Any) -> Any:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


class _Writing:
    """The votes of one export, row by row in each of the formats."""

    def __init__(self, snapshot: Snapshot, wanted: Wanted) -> None:
        self._snapshot = snapshot
        self._wanted = wanted
        known = known_contenders(snapshot)
        self._labels = labels({digest: each.name for digest, each in known.items()})
        self._votes = 0
        self._left_out: Counter[str] = Counter()

    def done(self) -> Exported:
        return Exported(self._votes, dict(self._left_out))

    def _selected(self) -> Iterator[tuple[Entry, VoteCast]]:
        """Oldest first."""
        retracted = {e.record.refs["vote"] for e in self._snapshot.entries(types=[Retraction])}
        for entry in self._snapshot.entries(types=[VoteCast]):
            vote = entry.record.body
            if not isinstance(vote, VoteCast) or not vote.counts or vote.source not in self._wanted.strata:
                continue
            fits = self._wanted.category in {None, vote.category}
            if fits and entry.record.id not in retracted:
                yield entry, vote

    def rows(self) -> Iterator[dict[str, Any]]:
        """Of our own formats."""
        for entry, vote in self._selected():
            self._votes += 1
            row: dict[str, Any] = {
                "model_a": self._labels.get(vote.a, vote.a),
                "model_b": self._labels.get(vote.b, vote.b),
                "winner": vote.choice,
                "voter_id": entry.record.actor,
                "category": vote.category,
                "language": vote.language,
                "at": entry.record.at,
                "stratum": vote.source,
                "propensity": vote.propensity,
                "turns": vote.turns,
                "decision_ms": vote.decision_ms,
                "partial": vote.partial,
                "leak": vote.leak,
                "id": entry.record.id,
            }
            if self._wanted.texts:
                row |= _both(conversations(self._snapshot, entry, vote))
            yield row

    def arena(self) -> Iterator[dict[str, Any]]:
        """As in Chatbot Arena's published battles."""
        for entry, vote in self._selected():
            self._votes += 1
            yield {
                "question_id": entry.record.id,
                "model_a": self._labels.get(vote.a, vote.a),
                "model_b": self._labels.get(vote.b, vote.b),
                "winner": _WINNER[vote.choice],
                "judge": entry.record.actor,
                **_both(conversations(self._snapshot, entry, vote)),
                "turn": vote.turns,
                "anony": vote.mode == "blind",
                "language": vote.language,
                "category": vote.category,
                "tstamp": datetime.fromisoformat(entry.record.at).timestamp(),
            }

    def pairs(self) -> Iterator[dict[str, Any]]:
        """Preference pairs: the answer that won and the one that lost, after what was asked of both."""
        for entry, vote in self._selected():
            reason = "tie" if vote.choice in {"tie", "both_bad"} else "partial" if vote.partial else None
            found = None if reason else conversations(self._snapshot, entry, vote)
            if reason or found is None:
                self._left_out[reason or "no_text"] += 1
                continue
            prompt, a, b = _split(*found)
            if not (prompt and a and b):
                self._left_out["no_text"] += 1
                continue
            self._votes += 1
            won, lost = (a, b) if vote.choice == "a" else (b, a)
            better, worse = (vote.a, vote.b) if vote.choice == "a" else (vote.b, vote.a)
            yield {
                "prompt": list(prompt),
                "chosen": list(won),
                "rejected": list(lost),
                "chosen_model": self._labels.get(better, better),
                "rejected_model": self._labels.get(worse, worse),
                "category": vote.category,
                "stratum": vote.source,
                "id": entry.record.id,
            }


def labels(names: Mapping[str, str]) -> dict[str, str]:
    """Names by digest, with the digest's beginning where several identities carry one name."""
    often = Counter(names.values())
    return {d: name if often[name] == 1 else f"{name}@{d[:8]}" for d, name in names.items()}


def _both(found: tuple[Messages, Messages] | None) -> dict[str, Any]:
    if found is None:
        return {"conversation_a": None, "conversation_b": None}
    return {"conversation_a": list(found[0]), "conversation_b": list(found[1])}


def _split(a: Messages, b: Messages) -> tuple[Messages, Messages, Messages]:
    """What both were asked before they answered, and what followed on each side."""
    same = 0
    while same < min(len(a), len(b)) and a[same] == b[same] and a[same]["role"] != "assistant":
        same += 1
    return a[:same], a[same:], b[same:]


# -- conversations ---------------------------------------------------------------------------------------------------


def conversations(snapshot: Snapshot, entry: Entry, vote: VoteCast) -> tuple[Messages, Messages] | None:
    """What was said on both sides of a vote's screen; None where a text is not held (any more)."""
    if vote.source == "imported":
        return _imported(snapshot, entry)
    battle = entry.record.refs.get("battle")
    if battle is None:
        return None
    if vote.source == "shadow":
        return _shadow(snapshot, battle, vote)
    a, b = (_live(snapshot, battle, side) for side in ("a", "b"))
    return None if a is None or b is None else (a, b)


def _live(snapshot: Snapshot, battle: str, side: Side) -> Messages | None:
    turns = (
        select(t.turns.c.turn, t.turns.c.prompt).where(t.turns.c.battle == battle).order_by(t.turns.c.turn)
    )
    c = t.answers.c
    mine = select(c.turn, c.text).where(c.battle == battle, c.side == side).order_by(c.turn, c.attempt)
    answers: dict[int, str | None] = {turn: text for turn, text in snapshot.connection.execute(mine)}  # noqa: C416
    said: list[tuple[str, str | None]] = []
    for turn, prompt in snapshot.connection.execute(turns):
        said.append(("user", prompt))
        said.append(("assistant", answers.get(turn)))
    return _held(snapshot, said)


def _held(snapshot: Snapshot, said: Iterable[tuple[str, str | None]]) -> Messages | None:
    messages: list[Mapping[str, str]] = []
    for role, text_id in said:
        content = None if text_id is None else snapshot.text(text_id)
        if content is None:
            return None
        messages.append({"role": role, "content": content})
    return tuple(messages)


def _shadow(snapshot: Snapshot, battle: str, vote: VoteCast) -> tuple[Messages, Messages] | None:
    """The case's request, and its two answers on the sides where this voter saw them."""
    try:
        record = snapshot.entry(battle).record
    except NotFound:
        return None
    if not isinstance(record.body, BattleStarted):
        return None
    sides: tuple[Side, Side] = ("a", "b") if record.body.a == vote.a else ("b", "a")
    request, *answers = (_text(snapshot, record.commitments, role) for role in ("prompt", *sides))
    if request is None or None in answers:
        return None
    asked = tuple(_plain(each) for each in json.loads(request).get("messages", []))
    a, b = ((*asked, {"role": "assistant", "content": str(answer)}) for answer in answers)
    return a, b


def _plain(message: Mapping[str, Any]) -> Mapping[str, str]:
    content = message.get("content")
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return {"role": str(message.get("role", "user")), "content": text}


def _imported(snapshot: Snapshot, entry: Entry) -> tuple[Messages, Messages] | None:
    a, b = (_text(snapshot, entry.record.commitments, side) for side in ("a", "b"))
    return None if a is None or b is None else (tuple(json.loads(a)), tuple(json.loads(b)))


def _text(snapshot: Snapshot, commitments: Mapping[str, Any], role: str) -> str | None:
    commitment = commitments.get(role)
    return None if commitment is None else snapshot.text(commitment.text_id)


# -- files -----------------------------------------------------------------------------------------------------------


@contextmanager
def _opened(target: Path) -> Iterator[TextIO]:
    """The file, which appears under its name once it is whole and on disk."""
    if str(target) == "-":
        yield sys.stdout
        return
    part = target.with_name(target.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _to_parquet(writing: _Writing, target: Path) -> Exported:
    parquet = pyarrow_parquet()
    if str(target) == "-":
        raise InputError("Parquet is not for standard output", hint="give the name of a file")
    part = target.with_name(target.name + ".part")
    schema, rows = _schema(writing._wanted.texts), writing.rows()
    try:
        with parquet.ParquetWriter(part, schema, compression="zstd") as file:
            while some := list(islice(rows, _BATCH)):
                file.write_batch(_batch(some, schema))
        part.replace(target)
    except OSError as error:
        raise InputError(f"{target}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    return writing.done()


def _batch(rows: Sequence[Mapping[str, Any]], schema: Any) -> Any:
    import pyarrow

    return pyarrow.RecordBatch.from_pylist(list(rows), schema=schema)


def _schema(texts: bool) -> Any:
    import pyarrow as pa

    kinds = {
        "propensity": pa.float64(),
        "turns": pa.int32(),
        "decision_ms": pa.int64(),
        "partial": pa.bool_(),
        "leak": pa.bool_(),
    }
    fields = [pa.field(name, kinds.get(name, pa.string())) for name in COLUMNS]
    if texts:
        message = pa.struct([("role", pa.string()), ("content", pa.string())])
        fields += [pa.field(f"conversation_{side}", pa.list_(message)) for side in ("a", "b")]
    return pa.schema(fields)
