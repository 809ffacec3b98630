"""The field's contenders as running objects, and their entries and exits as evidence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    MetaData,
    String,
    Table,
    func,
    insert,
    select,
    update,
)

from fieldmark.contenders import Contender, ContenderSpec, Reach, Shelf, make_contender
from fieldmark.errors import ContenderFailure, ModelError, NotFound
from fieldmark.fields._models import Field, FieldContender
from fieldmark.fields._write import added_by_page
from fieldmark.ledger import Entry, Ledger, Projection, Snapshot, Transaction
from fieldmark.ledger.evidence import ContenderSeen, FieldAsOfNow, RubricAsked, Withdrawal

SYSTEM = "system"
"""Actor of what the program itself writes down."""
IMPORTED = "imported"
"""Kind and status of a contender that only imported votes know: it is never asked."""

_METADATA = MetaData()
_contenders = Table(
    "roster_contenders",
    _METADATA,
    Column("digest", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("status", String, nullable=False),
    Column("parent", String),
    Column("parts", JSON, nullable=False),
    Column("price", JSON),
    Column("system", String),  # text id
    Column("since", String, nullable=False),
    Column("at", BigInteger, nullable=False),  # ledger index of the last change
)
_field = Table(
    "roster_field",
    _METADATA,
    Column("id", String, primary_key=True),
    Column("body", JSON, nullable=False),
    Column("guidelines", String),  # text id
)
_LATEST = select(func.max(_contenders.c.at))


class RosterProjection(Projection):
    """Every contender ever seen in the field, and the field's rules as last written down."""

    name = "roster"
    version = 2
    tables = (_contenders, _field)

    def apply(self, connection: Connection, entry: Entry) -> None:
        """Bring the tables to the state after `entry`."""
        match entry.record.body:
            case ContenderSeen() as seen:
                _see(connection, entry, seen)
            case Withdrawal() as gone:
                status = "replaced" if gone.reason == "replaced" else "withdrawn"
                where = _contenders.c.digest == gone.digest
                connection.execute(update(_contenders).where(where).values(status=status, at=entry.index))
            case FieldAsOfNow() as field:
                text = entry.record.commitments.get("guidelines")
                connection.execute(_field.delete())
                row = {"id": entry.record.field, "body": field.model_dump(mode="json")}
                connection.execute(insert(_field), {**row, "guidelines": text.text_id if text else None})
            case _:
                pass


def _see(connection: Connection, entry: Entry, seen: ContenderSeen) -> None:
    values: dict[str, Any] = seen.model_dump(
        mode="json", include={"name", "kind", "parent", "parts", "price"}
    )
    text = entry.record.commitments.get("system")
    status = "imported" if seen.kind == IMPORTED else "active"
    values |= {"status": status, "system": text.text_id if text else None, "at": entry.index}
    where = _contenders.c.digest == seen.digest
    if connection.execute(update(_contenders).where(where).values(**values)).rowcount == 0:
        connection.execute(insert(_contenders), {"digest": seen.digest, "since": entry.record.at, **values})


@dataclass(frozen=True)
class Known:
    """A contender as the ledger knows it."""

    digest: str
    name: str
    kind: str
    status: str
    parent: str | None
    parts: Mapping[str, Any]
    price: Mapping[str, float] | None
    system: str | None
    """Text id of its system prompt."""
    since: str
    at: int


def known_contenders(snapshot: Snapshot | Transaction) -> dict[str, Known]:
    """Every contender the ledger has seen up to the snapshot, by digest."""
    rows = snapshot.connection.execute(select(_contenders).order_by(_contenders.c.digest))
    return {row.digest: Known(**row._mapping) for row in rows}


def contenders_changed(snapshot: Snapshot) -> int:
    """Ledger index of the last change of a contender; -1 before the first."""
    latest = snapshot.connection.execute(_LATEST).scalar_one_or_none()
    return -1 if latest is None else latest


def field_as_of(snapshot: Snapshot) -> FieldAsOfNow | None:
    """The field's rules as last written down before the snapshot."""
    row = snapshot.connection.execute(select(_field.c.body)).one_or_none()
    return FieldAsOfNow.model_validate(row.body) if row else None


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(eq=False)
class Member:
    """A contender that can be asked now."""

    contender: Contender
    digest: str
    spent: float = 0.0
    """Currency units it has cost in this field."""
    _asking: int = 0
    _turn: float = 0.0
    _idle: asyncio.Event = field(default_factory=_set_event)

    @property
    def idle(self) -> bool:
        """Whether nobody is asking it."""
        return self._idle.is_set()

    @asynccontextmanager
    async def asked(self) -> AsyncGenerator[None, None]:
        """Keeps the contender while it is asked, also when it is taken out of the field meanwhile."""
        self._asking += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._asking -= 1
            if not self._asking:
                self._idle.set()

    def next_turn(self) -> float:
        """Seconds to wait before the next request, so that `requests_per_minute` is kept to; that turn is taken."""
        rate, now = self.spec.requests_per_minute, time.monotonic()
        if rate is None:
            return 0.0
        at = max(now, self._turn)
        self._turn = at + 60 / rate
        return at - now

    async def leave(self) -> None:
        """Let go of the contender as soon as nobody asks it."""
        await self._idle.wait()
        await self.contender.close()

    async def close(self) -> None:
        """Let go of the contender now."""
        self._idle.set()
        await self.contender.close()

    @property
    def spec(self) -> ContenderSpec:
        """As the field folder says it."""
        return self.contender.spec

    @property
    def name(self) -> str:
        """Its label."""
        return self.spec.name

    def cost(self, prompt_tokens: int | None, answer_tokens: int | None) -> float | None:
        """Currency units for so many tokens; None without a price or without counts."""
        price = self.spec.price
        if price is None or prompt_tokens is None or answer_tokens is None:
            return None
        return (price.input * prompt_tokens + price.output * answer_tokens) / 1e6

    def check_budget(self) -> None:
        """Raise ContenderFailure `over_budget` when the spend cap is reached: before the call, not after."""
        cap = self.spec.spend_cap
        if cap is not None and self.spent >= cap:
            raise ContenderFailure("over_budget", f"{self.name} has cost {self.spent:g} of at most {cap:g}")


@dataclass(frozen=True)
class Absent:
    """A contender of the folder that cannot be asked yet, and why."""

    spec: ContenderSpec
    error: ModelError

    def explain(self) -> str:
        """What is missing and how to get it."""
        return ": ".join(filter(None, (self.error.message, self.error.hint)))


class Roster:
    """Keeps the running contenders equal to the field folder. `sync` after every change of the folder."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.trusting = True
        """Contenders that were added over the page may have this machine's own addresses."""
        self._members: dict[str, Member] = {}
        self._absent: dict[str, Absent] = {}
        self._leaving: dict[asyncio.Task[None], Member] = {}
        self._spent: dict[str, float] = {}

    @property
    def members(self) -> list[Member]:
        """Those that can be asked, in the folder's order."""
        return list(self._members.values())

    @property
    def talkers(self) -> list[Member]:
        """Those that answer conversations."""
        return [member for member in self._members.values() if member.contender.converses]

    @property
    def absent(self) -> list[Absent]:
        """Those whose weights are not here."""
        return list(self._absent.values())

    def named(self, name: str) -> Member:
        """The contender that carries a label now.

        Raises:
            NotFound: none does; the hint lists those that do.
            ModelError: it is in the folder, but its weights are not here.
        """
        if name in self._absent:
            raise self._absent[name].error
        if name not in self._members:
            known = ", ".join(self._members) or "none yet"
            raise NotFound(f"no contender is called '{name}'", hint=f"contenders of this field: {known}")
        return self._members[name]

    def arrived(self) -> bool:
        """Whether weights that were missing at the last `sync` are here now."""
        return any(Shelf().has(absent.spec.model or "") for absent in self._absent.values())

    def by_digest(self, digest: str) -> Member | None:
        """The running contender with that identity."""
        return next((m for m in self._members.values() if m.digest == digest), None)

    async def sync(self, field: Field) -> bool:
        """Make the running contenders those of `field`; write down what changed. Returns whether anything did.

        A contender that is still asked finishes its answers first.
        """
        old = self._members
        wanted: dict[str, Member] = {}
        absent: dict[str, Absent] = {}
        for spec in field.contenders:
            kept = old.get(spec.name)
            try:
                member = kept if kept is not None and _answers_alike(kept.spec, spec) else await _member(spec)
                member.contender.confine(reach_of(field, spec, trusting=self.trusting))
                _check_twins(member, wanted.values())
                wanted[spec.name] = member
            except ModelError as error:
                absent[spec.name] = Absent(spec, error)
        try:
            changed = await self._ledger.awrite(lambda transaction: _write_down(transaction, field, wanted))
        except BaseException:
            await asyncio.gather(*(m.close() for m in wanted.values() if m not in old.values()))
            raise
        self._spent |= {m.digest: m.spent for m in old.values()}
        for spec in field.contenders:
            if spec.name in wanted:
                member = wanted[spec.name]
                member.contender.spec = spec
                member.spent = max(member.spent, self._spent.get(member.digest, 0.0))
        self._members, self._absent = wanted, absent
        await self._dismiss([m for m in old.values() if m not in wanted.values()])
        return changed

    async def _dismiss(self, members: Iterable[Member]) -> None:
        tasks = {asyncio.create_task(m.leave()): m for m in members}
        self._leaving |= tasks
        for task in tasks:
            task.add_done_callback(self._leaving.pop)
        await asyncio.gather(*(task for task, member in tasks.items() if member.idle))

    async def close(self) -> None:
        """Let go of every contender, whoever is asking."""
        leaving = dict(self._leaving)
        await asyncio.gather(*(m.close() for m in (*self._members.values(), *leaving.values())), *leaving)


def reach_of(field: Field, spec: ContenderSpec, *, trusting: bool) -> Reach | None:
    """Where a contender may be: anywhere if a person wrote it down, else what `[access]` allows."""
    if not added_by_page(field.folder, spec.name):
        return None
    return Reach.of(field.access.private_endpoints, loopback=trusting)


def _answers_alike(one: ContenderSpec, other: ContenderSpec) -> bool:
    """Whether they differ at most in what the contender itself does not see."""
    ours = {"price", "spend_cap", "requests_per_minute", "when"}
    return one.model_dump(exclude=ours) == other.model_dump(exclude=ours)


async def _member(spec: ContenderSpec) -> Member:
    contender = make_contender(spec)
    identity = await asyncio.to_thread(lambda: contender.identity)
    return Member(contender, identity.digest)


def _check_twins(member: Member, others: Iterable[Member]) -> None:
    twin = next((m.name for m in others if m.digest == member.digest), None)
    if twin is not None:
        raise ModelError(
            f"'{member.name}' has the same settings as '{twin}', so it is the same contender",
            hint="give it another model, system prompt or sampler, or delete one of the two",
        )


def _write_down(transaction: Transaction, field: Field, present: Mapping[str, Member]) -> bool:
    before = transaction.head.size
    _write_field(transaction, field)
    known = {row.digest: row for row in transaction.connection.execute(select(_contenders))}
    active = {row.name: row.digest for row in known.values() if row.status == "active"}
    listed = {spec.name: spec for spec in field.contenders}
    for name, member in present.items():
        _write_contender(transaction, listed[name], member, known.get(member.digest), active.get(name))
    digests = {m.digest for m in present.values()}
    for name, digest in active.items():
        if digest in digests or (name in listed and name not in present):
            continue
        reason = "replaced" if name in present else "removed"
        transaction.append(Withdrawal(digest=digest, name=name, reason=reason), actor=SYSTEM)
    return transaction.head.size != before


def _write_contender(
    transaction: Transaction, spec: FieldContender, member: Member, known: Any, holder: str | None
) -> None:
    price = spec.price.model_dump() if spec.price else None
    if known is not None and known.status == "active" and known.name == spec.name and known.price == price:
        return
    seen = ContenderSeen(
        name=spec.name,
        kind=spec.kind,
        digest=member.digest,
        parent=holder if holder not in {None, member.digest} else known.parent if known else None,
        parts={
            k: v for k, v in member.contender.identity.parts.items() if k not in {"system", "chat_template"}
        },
        price=price,
    )
    transaction.append(seen, actor=SYSTEM, texts={"system": spec.system} if spec.system else {})


def _write_field(transaction: Transaction, field: Field) -> None:
    now = FieldAsOfNow(
        name=field.name,
        description=field.description,
        categories={c.id: c.name for c in field.categories},
        reason_tags={
            "positive": list(field.reason_tags.positive),
            "negative": list(field.reason_tags.negative),
        },
        rubric={q.id: RubricAsked(question=q.question, scale=q.scale) for q in field.rubric},
        policy=field.policy.model_dump(mode="json"),
    )
    row = transaction.connection.execute(select(_field)).one_or_none()
    same_text = (
        row is not None and (transaction.text(row.guidelines) if row.guidelines else "") == field.guidelines
    )
    if row is None or row.body != now.model_dump(mode="json") or not same_text:
        texts = {"guidelines": field.guidelines} if field.guidelines else {}
        transaction.append(now, actor=SYSTEM, texts=texts)
