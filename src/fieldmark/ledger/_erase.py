"""Erasing a person or a case: what is held of them, deleting it, and keeping it deleted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, delete, func, select

from fieldmark.errors import InputError, NotFound
from fieldmark.ledger import _schema, state
from fieldmark.ledger._projection import STEP
from fieldmark.ledger._reader import Reader, secret_hash
from fieldmark.ledger._record import Entry, Record
from fieldmark.ledger.evidence import BattleStarted, CaseOpened, Erasure

if TYPE_CHECKING:
    from fieldmark.ledger._transaction import Transaction

What = Literal["person", "case"]
Reason = Literal["request", "consent", "retention"]

_records, _texts, _people = _schema.records, _schema.texts, _schema.people
_accounts, _sessions = state.accounts, state.sessions
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_MANY = 500
"""Ids in one statement: SQLite and PostgreSQL both take more."""


class Trail:
    """What a ledger holds of one person or case, found by reading its records once; `follow` goes on to its end.

    Of a person: every record that they wrote or that names them, and every record about their rounds and cases,
    such as the answers. Of a case: its record and every record about it, such as a shadow battle's votes.
    """

    def __init__(self, what: What, subject: str) -> None:
        self.what: What = what
        self.subject = subject
        self.size = 0
        """Records read so far."""
        self.groups: dict[str, list[int]] = {}
        """Indexes of the records of each round and case of theirs, by its id."""
        self.others: list[int] = []
        """Indexes of their records that belong to none of these."""
        self.types: Counter[str] = Counter()
        self.texts: set[str] = set()
        """Ids of the texts that these records commit to, whether or not they are held."""
        self._needle = subject.encode()

    @property
    def found(self) -> int:
        """How many records."""
        return sum(self.types.values())

    def follow(self, reader: Reader) -> Trail:
        """Read what was appended since."""
        for index, raw in _raws(reader, self.size):
            if self._needle in raw or (self.groups and not self.groups.keys().isdisjoint(_ids(raw))):
                self._take(index, Record.parse(raw))
        self.size = reader._size()
        return self

    def _take(self, index: int, record: Record) -> None:
        group = self._group(record)
        if group is not None:
            self.groups.setdefault(group, []).append(index)
        elif record.actor == self.subject and not isinstance(record.body, Erasure):
            self.others.append(index)
        else:
            return
        self.types[record.type] += 1
        self.texts.update(each.text_id for each in record.commitments.values())

    def _group(self, record: Record) -> str | None:
        """The round or case of theirs that a record is, or is about."""
        for role in ("case", "battle"):
            if record.refs.get(role) in self.groups:
                if isinstance(record.body, BattleStarted):  # of a case of theirs: its votes are about it too
                    self.groups.setdefault(record.id, [])
                return record.refs[role]
        if self.what == "case":
            return record.id if record.id == self.subject and isinstance(record.body, CaseOpened) else None
        theirs = isinstance(record.body, BattleStarted) and record.actor == self.subject
        named = isinstance(record.body, CaseOpened) and record.body.person == self.subject
        return record.id if theirs or named else None


def _raws(reader: Reader, start: int) -> Iterator[tuple[int, bytes]]:
    """Every record's bytes from `start` on."""
    c = _records.c
    while True:
        query = select(c.index, c.raw).where(c.index >= start, c.index < reader._size()).order_by(c.index)
        rows = [(int(row[0]), bytes(row[1])) for row in reader._ledger.execute(query.limit(STEP))]
        yield from rows
        if len(rows) < STEP:
            return
        start = rows[-1][0] + 1


def _ids(raw: bytes) -> set[str]:
    return {found.decode() for found in _UUID.findall(raw)}


def links_of(connection: Connection, pseudonym: str) -> int:
    """Rows that tie a pseudonym to a cookie or an account."""
    own = _accounts_of(connection, pseudonym)
    count = select(func.count()).select_from(_people).where(_people.c.pseudonym == pseudonym)
    browsers = select(func.count()).select_from(_sessions).where(_sessions.c.account.in_(own))
    return int(connection.execute(count).scalar_one() + len(own) + connection.execute(browsers).scalar_one())


def held_texts(connection: Connection, texts: Collection[str]) -> set[str]:
    """Those of `texts` that are there."""
    found: set[str] = set()
    for some in _batches(sorted(texts)):
        found.update(connection.execute(select(_texts.c.text_id).where(_texts.c.text_id.in_(some))).scalars())
    return found


def erase_in(
    now: Transaction, trail: Trail, reason: Reason, *, also: Collection[str] | None = None
) -> tuple[Entry, Erasure]:
    """Delete the texts and links that `trail` leads to, and record that; `also`: texts that a register names.

    Raises:
        NotFound: nothing is held of the subject, or not any more. Not raised with `also`.
    """
    connection = now.connection
    trail.follow(now)
    before = [body.texts for _, body in erasures(now) if body.subject == trail.subject]
    texts = tuple(sorted((trail.texts | set(also or ())).difference(*before)))
    for some in _batches(texts):
        connection.execute(delete(_texts).where(_texts.c.text_id.in_(some)))
    count = _unlink(connection, trail.subject) if trail.what == "person" else 0
    if also is None and not (texts or count) and (before or not trail.found):
        more = " any more: it was erased" if before else ""
        raise NotFound(f"nothing is held of the {trail.what} '{trail.subject}'{more}", hint=_WHAT_TO_GIVE)
    done = Erasure(what=trail.what, subject=trail.subject, reason=reason, texts=texts, links=count)
    return now.append(done, actor="system"), done


_WHAT_TO_GIVE = "give a pseudonym (p_...) as it stands in the records, or the id of a case"


def subject_of(text: str) -> What:
    """Whether `text` is a person's pseudonym or a case's id.

    Raises:
        InputError: it is neither.
    """
    if re.fullmatch(r"p_[a-z2-7]{26}", text):
        return "person"
    if _UUID.fullmatch(text.encode()):
        return "case"
    raise InputError(f"'{text}' is neither a pseudonym nor the id of a case", hint=_WHAT_TO_GIVE)


def _accounts_of(connection: Connection, pseudonym: str) -> list[str]:
    """Ids of the accounts whose secret is linked to the pseudonym."""
    mine = select(_people.c.secret_hash).where(_people.c.pseudonym == pseudonym)
    hashes = set(connection.execute(mine).scalars())
    if not hashes:
        return []
    every = connection.execute(select(_accounts.c.id, _accounts.c.secret))
    return [each for each, secret in every if secret_hash(secret) in hashes]


def _unlink(connection: Connection, pseudonym: str) -> int:
    own = _accounts_of(connection, pseudonym)
    gone = [
        delete(_sessions).where(_sessions.c.account.in_(own)),
        delete(_accounts).where(_accounts.c.id.in_(own)),
        delete(_people).where(_people.c.pseudonym == pseudonym),
    ]
    return sum(connection.execute(statement).rowcount for statement in gone)


def erasures(reader: Reader) -> Iterator[tuple[Record, Erasure]]:
    """Every erasure there was, oldest first."""
    for entry in reader.entries(types=[Erasure]):
        if isinstance(entry.record.body, Erasure):
            yield entry.record, entry.record.body


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _MANY):
        yield ids[start : start + _MANY]
