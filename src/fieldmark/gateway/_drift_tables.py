"""Keeps the tables of drift: canary runs, and what was found of each contender."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    func,
    insert,
    select,
    update,
)

from fieldmark.gateway.drift_views import Alarm
from fieldmark.ledger import Entry, Projection, Snapshot, Transaction
from fieldmark.ledger.evidence import CanaryAsked, DriftFound

_METADATA = MetaData()
runs = Table(
    "drift_runs",
    _METADATA,
    Column("index", BigInteger, primary_key=True),
    Column("id", String, nullable=False),
    Column("contender", String, nullable=False),
    Column("canaries", String, nullable=False),
    Column("at", String, nullable=False),
    Column("asked", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("cost", Double),
    Column("answers", String),  # text id
    Index("drift_runs_of_one", "contender", "index"),
)
marks = Table(
    "drift_marks",
    _METADATA,
    Column("contender", String, primary_key=True),
    Column("id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("at", String, nullable=False),
    Column("p", Double),
    Column("alpha", Double),
    Column("baseline", Integer, nullable=False),
    Column("window", Integer, nullable=False),
    Column(
        "begin", BigInteger, nullable=False
    ),  # ledger index of the last acknowledgement; -1 before the first
)


class DriftProjection(Projection):
    """Canary runs by contender, and the last thing found of each."""

    name = "drift"
    version = 1
    tables = (runs, marks)

    def apply(self, connection: Connection, entry: Entry) -> None:
        """Bring the tables to the state after `entry`."""
        match entry.record.body:
            case CanaryAsked() as asked:
                text = entry.record.commitments.get("answers")
                row = asked.model_dump(include={"contender", "canaries", "asked", "failed", "cost"})
                row |= {"index": entry.index, "id": entry.record.id, "at": entry.record.at}
                connection.execute(insert(runs), {**row, "answers": text.text_id if text else None})
            case DriftFound() as found:
                _mark(connection, entry, found)
            case _:
                pass


def _mark(connection: Connection, entry: Entry, found: DriftFound) -> None:
    values: dict[str, object] = found.model_dump(include={"state", "p", "alpha", "baseline", "window"})
    values |= {"id": entry.record.id, "at": entry.record.at}
    if found.state == "acknowledged":
        values["begin"] = entry.index
    where = marks.c.contender == found.contender
    if connection.execute(update(marks).where(where).values(**values)).rowcount == 0:
        connection.execute(insert(marks), {"contender": found.contender, "begin": -1, **values})


@dataclass(frozen=True)
class Run:
    """One canary run, as the tables have it."""

    index: int
    id: str
    contender: str
    canaries: str
    at: str
    asked: int
    failed: int
    cost: float | None
    answers: str | None
    """Text id."""

    @property
    def usable(self) -> bool:
        """At least half of the answers came."""
        return 2 * self.failed <= self.asked


@dataclass(frozen=True)
class Mark:
    """The last thing found of a contender."""

    contender: str
    id: str
    state: str
    at: str
    p: float | None
    alpha: float | None
    baseline: int
    window: int
    begin: int


def mark_of(reader: Snapshot | Transaction, contender: str) -> Mark | None:
    """What was last found of a contender."""
    row = reader.connection.execute(select(marks).where(marks.c.contender == contender)).one_or_none()
    return Mark(**row._mapping) if row else None


def last_run(reader: Snapshot | Transaction, contender: str) -> Run | None:
    """The newest run, of whatever set."""
    query = select(runs).where(runs.c.contender == contender).order_by(runs.c.index.desc()).limit(1)
    row = reader.connection.execute(query).one_or_none()
    return Run(**row._mapping) if row else None


def comparable_runs(reader: Snapshot | Transaction, contender: str, canaries: str) -> list[Run]:
    """Usable runs of one set since the last acknowledgement, oldest first."""
    mark = mark_of(reader, contender)
    query = (
        select(runs)
        .where(
            runs.c.contender == contender,
            runs.c.canaries == canaries,
            runs.c.index > (mark.begin if mark else -1),
        )
        .order_by(runs.c.index)
    )
    found = (Run(**row._mapping) for row in reader.connection.execute(query))
    return [run for run in found if run.usable]


def drift_spent(snapshot: Snapshot) -> dict[str, float]:
    """What canaries have cost, by contender's digest, in currency units."""
    query = select(runs.c.contender, func.sum(runs.c.cost)).where(runs.c.cost.is_not(None))
    return {row[0]: row[1] for row in snapshot.connection.execute(query.group_by(runs.c.contender))}


def alarms(snapshot: Snapshot) -> dict[str, Alarm]:
    """Alarms that nobody has acknowledged, by contender's digest."""
    rows = snapshot.connection.execute(select(marks).where(marks.c.state == "alarm"))
    return {row.contender: as_alarm(Mark(**row._mapping)) for row in rows}


def as_alarm(mark: Mark) -> Alarm:
    """The alarm that a mark of state `alarm` is."""
    newest = (
        "the newest run's answers" if mark.window == 1 else f"the answers of the newest {mark.window} runs"
    )
    p = mark.p if mark.p is not None else 1.0
    return Alarm(
        contender=mark.contender,
        record=mark.id,
        since=mark.at,
        p=p,
        alpha=mark.alpha if mark.alpha is not None else 0.0,
        baseline=mark.baseline,
        window=mark.window,
        message=f"It no longer answers as it did: {newest} to the same questions differ from those of the "
        f"{mark.baseline} runs before (p = {p:.2g}).",
    )
