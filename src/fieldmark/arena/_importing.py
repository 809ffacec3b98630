"""Takes the votes of a file into the ledger, as a stratum of their own: all of them or none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fieldmark.arena._ballots import Ballot, BallotFile, Kind
from fieldmark.contenders import Identity
from fieldmark.errors import Conflict, NotFound, VotesFileError
from fieldmark.fields import IMPORTED, SYSTEM
from fieldmark.ledger import Ledger, Piece, Progress, Transaction, random_id
from fieldmark.ledger.evidence import AdminAct, ContenderSeen, Evidence, VoteCast

_LOOKED_AT = 100
"""Ids of a file that are compared with this ledger's."""
_STEP = 10_000


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    kind: Kind
    votes: int
    contenders: int
    """Names that were new."""
    voters: int
    again: bool = False
    """The very same file was imported before: nothing was done."""


@dataclass
class _Seen:
    """What one pass over the file finds."""

    votes: int = 0
    names: dict[str, None] = field(default_factory=dict)
    voters: set[str] = field(default_factory=set)
    ids: list[str] = field(default_factory=list)
    first: str = ""
    last: str = ""

    def take(self, ballot: Ballot) -> None:
        self.votes += ballot.votes
        self.names[ballot.a] = self.names[ballot.b] = None
        if ballot.voter:
            self.voters.add(ballot.voter)
        if ballot.id and len(self.ids) < _LOOKED_AT:
            self.ids.append(ballot.id)
        if ballot.at:
            self.first = min(self.first or ballot.at, ballot.at)
            self.last = max(self.last, ballot.at)


def import_votes(
    ledger: Ledger, path: Path, *, texts: bool = True, actor: str = SYSTEM, progress: Progress | None = None
) -> Imported:
    """Import a file of votes; what it holds of conversations is kept with them unless `texts` is off.

    The file is read twice: all of it is checked before the first vote is written. Voters become new pseudonyms that
    nothing links to the names in the file.

    Raises:
        VotesFileError: the file holds something that is no vote; it names the line.
        Conflict: its votes are in this ledger already.
    """
    file, seen = BallotFile.open(path), _Seen()
    for ballot in file:
        seen.take(ballot)
    if not seen.votes:
        raise VotesFileError("no vote", hint="the header is followed by one row per vote or pair")
    digest = _digest(path)
    return ledger.write(lambda now: _write(now, _Import(file, seen, digest, texts, actor, progress)))


@dataclass(frozen=True)
class _Import:
    file: BallotFile
    seen: _Seen
    digest: str
    texts: bool
    actor: str
    progress: Progress | None

    def act(self) -> AdminAct:
        """The record of it, which its votes refer to."""
        said = {"format": self.file.kind, "sha256": self.digest, "votes": str(self.seen.votes)}
        period = {"first": self.seen.first[:40], "last": self.seen.last[:40]} if self.seen.last else {}
        return AdminAct(act="imported", details={**said, **period})


def _write(now: Transaction, wanted: _Import) -> Imported:
    seen = wanted.seen
    if wanted.digest in _imported(now):
        return Imported(wanted.file.kind, 0, 0, 0, again=True)
    _check_ids(now, seen.ids)
    new = _enter(now, seen.names)
    act = now.append(wanted.act(), actor=wanted.actor)
    written = now.append_many(_pieces(wanted), refs={"import": act.record.id})
    if written != seen.votes:
        raise VotesFileError("the file changed while it was read", hint="import it again")
    return Imported(wanted.file.kind, written, new, len(seen.voters))


def _imported(now: Transaction) -> set[str]:
    """SHA-256 of every file that was imported."""
    acts = (entry.record.body for entry in now.entries(types=[AdminAct]))
    return {
        act.details.get("sha256", "") for act in acts if isinstance(act, AdminAct) and act.act == "imported"
    }


def _check_ids(now: Transaction, ids: list[str]) -> None:
    for id_ in ids:
        try:
            known = now.entry(id_).record.body
        except NotFound:
            continue
        if isinstance(known, VoteCast):
            raise Conflict(
                f"the vote {id_} of this file is in this ledger already: it was exported from here",
                code="already_here",
                hint="votes of this field need no import",
            )


def imported_digest(name: str) -> str:
    """Identity of a contender that is known by name only."""
    return Identity({"kind": IMPORTED, "name": name}).digest


def _enter(now: Transaction, names: dict[str, None]) -> int:
    """Write down the contenders that no import named before; how many."""
    before = (entry.record.body for entry in now.entries(types=[ContenderSeen]))
    known = {body.digest for body in before if isinstance(body, ContenderSeen)}
    new = [(name, digest) for name in names if (digest := imported_digest(name)) not in known]
    seen: list[Evidence] = [
        ContenderSeen(name=name, kind=IMPORTED, digest=digest, parts={"kind": IMPORTED, "name": name})
        for name, digest in new
    ]
    return now.append_many(Piece(each, SYSTEM) for each in seen)


def _pieces(wanted: _Import) -> Iterator[Piece]:
    actors: dict[str, str] = {"": SYSTEM}
    votes: dict[tuple[str, str, str, str | None, str | None], VoteCast] = {}
    digests = {name: imported_digest(name) for name in wanted.seen.names}
    done = 0
    for ballot in wanted.file:
        key = ballot.a, ballot.b, ballot.choice, ballot.category, ballot.language
        vote = votes.get(key)
        if vote is None:
            vote = votes[key] = _vote(ballot, digests)
        actor = actors.get(ballot.voter)
        if actor is None:
            actor = actors[ballot.voter] = random_id("p")
        texts = _texts(ballot) if wanted.texts and ballot.conversations else {}
        for _ in range(ballot.votes):
            yield Piece(vote, actor, texts)
        done += ballot.votes
        if wanted.progress and done % _STEP == 0:
            wanted.progress(done, wanted.seen.votes)


def _vote(ballot: Ballot, digests: dict[str, str]) -> VoteCast:
    return VoteCast(
        choice=ballot.choice,
        a=digests[ballot.a],
        b=digests[ballot.b],
        mode="blind",
        source="imported",
        propensity=1.0,
        category=ballot.category,
        language=ballot.language,
        decision_ms=None,
        counts=True,
    )


def _texts(ballot: Ballot) -> dict[str, str]:
    """The conversations as texts of the vote's record, as JSON."""
    assert ballot.conversations is not None
    a, b = ballot.conversations
    return {"a": json.dumps(a, ensure_ascii=False), "b": json.dumps(b, ensure_ascii=False)}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
