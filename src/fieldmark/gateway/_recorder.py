"""Writes cases, replies and shadow battles. Texts of an erased case are never written again."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import bindparam, delete, insert, select

from fieldmark.fields import SYSTEM, Application, Field
from fieldmark.gateway import _tables as t
from fieldmark.gateway._exchange import Exchange
from fieldmark.gateway._keep import kept_calls, kept_request, kept_text
from fieldmark.gateway._policy import Choice
from fieldmark.gateway._redact import Redactor
from fieldmark.ledger import Commitment, Entry, Ledger, Snapshot, Transaction
from fieldmark.ledger.evidence import BattleStarted, CaseAnswered, CaseOpened
from fieldmark.ledger.state import leases

_standing = (
    select(t.cases.c.state, t.unanswered.c.case)
    .join_from(t.cases, t.unanswered, t.unanswered.c.case == t.cases.c.id, isouter=True)
    .where(t.cases.c.id == bindparam("case"))
)
Basis = Literal["always", "sampled", "consent"]
_INLINE = 20_000
"""Characters up to which redacting is quicker than changing threads."""


@dataclass(frozen=True)
class Asker:
    """Who asks, as the request's headers say."""

    application: Application | None = None
    category: str | None = None
    person: str | None = None
    consent: bool = False


@dataclass(frozen=True)
class Case:
    """A case as recorded, while its answer is written."""

    id: str
    request: Commitment
    category: str | None
    redactor: Redactor


@dataclass(frozen=True)
class Kept:
    """The texts of an answer that are stored."""

    answer: str
    calls: str

    def texts(self) -> dict[str, str]:
        """Those that are not empty."""
        return {name: text for name, text in vars(self).items() if text}


class Recorder:
    """Writes down what goes through the gateway of one field."""

    def __init__(self, ledger: Ledger, secret: str) -> None:
        self._ledger = ledger
        self._secret = secret.encode()

    async def open(
        self,
        field: Field,
        redactor: Redactor,
        choice: Choice,
        asker: Asker,
        basis: Basis,
        request: Mapping[str, Any],
    ) -> Case:
        """Write the case down; its id may be told from then on.

        Raises:
            LedgerUnavailable: nothing was written.
        """
        size = sum(
            len(str(m.get("content"))) for m in request.get("messages") or () if isinstance(m, Mapping)
        )
        if size <= _INLINE:
            text, redacted = kept_request(request, redactor)
        else:
            text, redacted = await asyncio.to_thread(kept_request, request, redactor)

        def work(now: Transaction) -> Entry:
            opened = CaseOpened(
                application=asker.application.id if asker.application else None,
                person=now.pseudonym(self._person(asker)) if asker.person else None,
                category=asker.category,
                route=choice.route,
                contender=choice.members[0].digest,
                propensity=choice.propensity,
                basis=basis,
                share=field.gateway.share if basis == "sampled" else 1.0,
                stream=bool(request.get("stream")),
                redactions=dict(redacted),
            )
            actor = asker.application.id if asker.application else SYSTEM
            entry = now.append(opened, actor=actor, texts={"request": text})
            if self._ledger.presence.shared:
                lease = {"name": _lease(entry.record.id), "holder": self._ledger.presence.holder}
                now.connection.execute(insert(leases), lease)
            return entry

        entry = await self._ledger.awrite(work)
        return Case(entry.record.id, entry.record.commitments["request"], asker.category, redactor)

    def _person(self, asker: Asker) -> str:
        """A secret that only this field can make of an application's name for a person, which may be guessable."""
        said = f"{asker.application.id if asker.application else ''}\0{asker.person}"
        return hmac.new(self._secret, said.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()

    async def keep(self, case: Case, exchange: Exchange) -> Commitment | None:
        """Write down the served answer; returns what its text is committed by, None if it has none (any more)."""
        kept = await _kept(case, exchange)
        evidence = exchange.evidence("served")

        def work(now: Transaction) -> Commitment | None:
            state, unanswered = now.connection.execute(_standing, {"case": case.id}).one()
            if unanswered is None:  # written already, as that of a server that went down
                return None
            self._let_go(now, case.id)
            return append_reply(now, case.id, evidence, None if state == "erased" else kept)

        return await self._ledger.awrite(work)

    async def recover(self) -> int:
        """Give every case that a server which is gone left without a reply one that says so; returns their number."""
        return await self._ledger.awrite(self._recover)

    def _recover(self, now: Transaction) -> int:
        left = [row for row in now.connection.execute(select(t.unanswered)) if not self._held(now, row.case)]
        for row in left:
            self._let_go(now, row.case)
            gone = CaseAnswered(
                role="served",
                contender=row.contender,
                ms_to_first=None,
                ms=0,
                characters=0,
                finish="failed",
                failure="interrupted",
            )
            append_reply(now, row.case, gone, None)
        return len(left)

    def _held(self, now: Transaction, case: str) -> bool:
        """Whether a process that lives is answering a case."""
        query = select(leases.c.holder).where(leases.c.name == _lease(case))
        holder = now.connection.execute(query).scalar_one_or_none()
        return holder is not None and self._ledger.presence.alive(now.connection, holder)

    def _let_go(self, now: Transaction, case: str) -> None:
        if self._ledger.presence.shared:
            now.connection.execute(delete(leases).where(leases.c.name == _lease(case)))

    async def keep_shadow(
        self, case: Case, served: Exchange, answer: Commitment, shadow: Exchange, propensity: float
    ) -> bool:
        """Write down a second answer and, if it can be compared, the battle of the two; in one transaction.

        Returns whether there is a battle.
        """
        kept = await _kept(case, shadow)
        evidence = shadow.evidence("shadow")

        def work(now: Transaction) -> bool:
            if is_erased(now, case.id):
                return False
            second = append_reply(now, case.id, evidence, kept)
            if second is None or not comparable(shadow):
                return False
            battle = BattleStarted(
                mode="blind",
                source="shadow",
                a=served.member.digest,
                b=shadow.member.digest,
                propensity=propensity,
                category=case.category,
                prompt_source="case",
            )
            texts = {"prompt": case.request, "a": answer, "b": second}
            now.append(battle, actor=SYSTEM, refs={"case": case.id}, commitments=texts)
            return True

        return await self._ledger.awrite(work)


def _lease(case: str) -> str:
    return f"case:{case}"


def comparable(exchange: Exchange) -> bool:
    """Whether an answer can stand beside another one: it came to its end, and is text."""
    return exchange.finished and bool(exchange.text.strip()) and not exchange.calls


def append_reply(now: Transaction, case: str, evidence: CaseAnswered, kept: Kept | None) -> Commitment | None:
    """Write a reply, with its texts unless the case is erased."""
    texts = kept.texts() if kept is not None else {}
    entry = now.append(evidence, actor=SYSTEM, refs={"case": case}, texts=texts)
    return entry.record.commitments.get("answer")


def is_erased(reader: Snapshot | Transaction, case: str) -> bool:
    """Whether the texts of a case are gone."""
    found = reader.connection.execute(_standing, {"case": case}).one_or_none()
    return found is None or found.state == "erased"


async def erased(ledger: Ledger, case: Case) -> bool:
    """Whether the texts of a case are gone by now, whichever process erased them: ask before they are sent on."""

    def look() -> bool:
        with ledger.read() as snapshot:
            return is_erased(snapshot, case.id)

    return await asyncio.to_thread(look)


async def _kept(case: Case, exchange: Exchange) -> Kept:
    def keep() -> Kept:
        calls = kept_calls(exchange.calls, case.redactor) if exchange.calls else ""
        return Kept(kept_text(exchange.text, case.redactor), calls)

    small = len(exchange.text) <= _INLINE and not exchange.calls
    return keep() if small else await asyncio.to_thread(keep)
