"""Real cases: the policy chooses who answers, what the policy wants is recorded, and the rest happens beside."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from fieldmark.errors import ContenderFailure, FieldmarkError, LedgerError
from fieldmark.fields import Applications, Field, KeyRefused, Roster
from fieldmark.gateway._exchange import Exchange
from fieldmark.gateway._policy import check_category, choose, happens
from fieldmark.gateway._recorder import Asker, Basis, Case, Recorder, comparable
from fieldmark.gateway._redact import Redactor
from fieldmark.gateway._reports import Report, Reporter, own_case
from fieldmark.gateway._shadow import Shadows
from fieldmark.gateway._watch import Watch
from fieldmark.gateway.views import BusyView, OutcomeView
from fieldmark.ledger import Ledger, erase
from fieldmark.monitors import CaseFacts

LOG = logging.getLogger(__name__)
RECOVER_SECONDS = 60.0
"""How often cases of server processes that are gone are looked for, where there are several."""


class Served:
    """One request that is being answered. `chunks` must be closed, whoever stops reading it."""

    def __init__(self, gateway: Gateway, exchange: Exchange, asker: Asker) -> None:
        self.exchange = exchange
        self.case: Case | None = None
        self.failure: FieldmarkError | None = None
        """Why nobody answered, when nobody did."""
        self._gateway = gateway
        self._asker = asker
        self._source = exchange.chunks()
        self._first: dict[str, Any] | None = None
        self._over = False

    async def begin(self) -> None:
        """Wait for the first chunk, or the failure of the last contender."""
        try:
            self._first = await anext(self._source, None)
        except ContenderFailure as failure:
            self.failure = failure

    async def chunks(self) -> AsyncGenerator[dict[str, Any], None]:
        """OpenAI's chunks.

        Raises:
            ContenderFailure: the answer broke off.
            KeyRefused: the key was revoked meanwhile.
        """
        application, keys = self._asker.application, self._gateway.keys
        try:
            if self.failure is not None:
                raise self.failure
            async with aclosing(self._source) as source:
                if self._first is not None:
                    yield self._first
                async for chunk in source:
                    if application is not None and not keys.holds(application):
                        raise KeyRefused("this application key was revoked")
                    yield chunk
        finally:
            self.end()

    async def whole(self) -> dict[str, Any]:
        """The reply in one piece; raises as `chunks` does."""
        async with aclosing(self.chunks()) as chunks:
            async for _ in chunks:
                pass
        return self.exchange.reply()

    async def give_up(self) -> None:
        """Stop the contender; nobody hears the answer."""
        await self._source.aclose()
        self.end()

    def end(self) -> None:
        """What there is will not grow: have it written down."""
        if not self._over:
            self._over = True
            self._gateway.ended(self)


class Gateway:
    """Answers chat-completions requests of one field. `close` it before the ledger."""

    def __init__(
        self,
        ledger: Ledger,
        roster: Roster,
        field: Field,
        secret: str,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.keys = Applications(ledger)
        self._ledger = ledger
        self._roster = roster
        self._recorder = Recorder(ledger, secret)
        self._shadows = Shadows(ledger, self._recorder, roster, field)
        self._watch = Watch(ledger, field)
        self._changed = changed
        self._keeping: dict[str, asyncio.Task[None]] = {}
        self._following: asyncio.Task[None] | None = None
        self._unrecorded = 0
        self.field = field

    @property
    def field(self) -> Field:
        """The rules in force."""
        return self._field

    @field.setter
    def field(self, field: Field) -> None:
        self._field = self._shadows.field = self._watch.field = field
        self._redactor = Redactor(field.gateway)

    async def recover(self) -> int:
        """Close the cases that a server which went down left open; call once, before serving."""
        recovered = await self._recorder.recover()
        if self._ledger.presence.shared and self._following is None:
            self._following = asyncio.create_task(self._recover_for_ever())
        return recovered

    async def _recover_for_ever(self) -> None:
        while True:
            await asyncio.sleep(RECOVER_SECONDS)
            try:
                await self._recorder.recover()
            except LedgerError as error:
                LOG.warning("cases of other servers could not be closed: %s", error.message)

    async def begin(self, request: Mapping[str, Any], asker: Asker) -> Served:
        """Ask; returns once the first words are there (or nobody answered) and the case, if it is one, is on disk.

        Raises:
            InputError: the request asks for what does not pass through, or names no category of the field.
            NotFound: no contender has that name.
            ContenderFailure: the policy has nobody to ask.
            LedgerUnavailable: the policy records always, and the ledger refuses: nothing is answered then.
        """
        check_category(self.field, asker.category)
        choice = choose(self.field, self._roster, request.get("model"), asker.category)
        basis = self._basis(asker)
        served = Served(self, Exchange(request, choice.members), asker)
        opening: asyncio.Task[Case] | None = None
        if basis is not None:
            opening = asyncio.create_task(
                self._recorder.open(self.field, self._redactor, choice, asker, basis, request)
            )
        try:
            await served.begin()  # its first step, which checks the request, comes before that of `opening`
            if opening is not None:
                served.case = await asyncio.shield(opening)
        except LedgerError:
            if basis == "always":
                await served.give_up()
                raise
            self._unrecorded += 1
        except BaseException:  # a wrong request, or the application left
            if opening is not None:
                if inspect.getcoroutinestate(opening.get_coro()) == inspect.CORO_CREATED:  # type: ignore[arg-type]
                    opening.cancel()
                opening.add_done_callback(lambda done: self._orphan(done, served))
            await served.give_up()
            raise
        return served

    def _orphan(self, opening: asyncio.Task[Case], served: Served) -> None:
        """The application left before its case was on disk."""
        if not opening.cancelled() and opening.exception() is None:
            served.case = opening.result()
            self.ended(served)

    def _basis(self, asker: Asker) -> Basis | None:
        """Why a request is recorded; None when it is not."""
        rules = self.field.gateway
        if asker.application is None or rules.record == "never":
            return None
        if rules.record == "consent":
            return "consent" if asker.consent else None
        if rules.record == "sampled":
            return "sampled" if happens(rules.share) else None
        return "always"

    def ended(self, served: Served) -> None:
        """Write down how an answer ended, without making anybody wait."""
        case = served.case
        if case is not None and case.id not in self._keeping:
            task = self._keeping[case.id] = asyncio.create_task(self._keep(case, served.exchange))
            task.add_done_callback(lambda done: self._kept(case, done))

    def _kept(self, case: Case, done: asyncio.Task[None]) -> None:
        self._keeping.pop(case.id, None)
        if not done.cancelled() and (error := done.exception()) is not None:
            known = isinstance(error, FieldmarkError)
            LOG.error("an answer could not be written down: %s", error, exc_info=None if known else error)

    async def _keep(self, case: Case, exchange: Exchange) -> None:
        answer = await self._recorder.keep(case, exchange)
        if exchange.failure is not None or not exchange.finished:
            return
        self._look(case, exchange)
        if answer is not None and comparable(exchange) and happens(self.field.gateway.shadow_share):
            self._shadows.offer(case, exchange, answer)

    def _look(self, case: Case, exchange: Exchange) -> None:
        facts = CaseFacts(
            messages=exchange.request.get("messages") or (),
            answer=exchange.text,
            category=case.category,
            contender=exchange.member.digest,
            tool_calls=exchange.calls,
        )
        self._watch.offer(case, facts)

    async def report(self, case: str, reporter: Reporter, **said: Any) -> OutcomeView:
        """Take down what became of a case: `result`, `edit`, `number`, `note`. See `_reports.Report`.

        Raises:
            InputError: an edit without its text, or a text without an edit.
            NotFound: there is no such case, or it is not this application's.
            LedgerUnavailable: nothing was recorded.
        """
        report = Report(case, reporter, **said)
        if (keeping := self._keeping.get(case)) is not None:
            await asyncio.wait([keeping])
        done = await asyncio.to_thread(report.write, self._ledger, self._redactor)
        self._changed()
        return done

    async def erase(self, case: str, reporter: Reporter) -> None:
        """Erase the texts of a case, since consent was withdrawn. Once more changes nothing.

        Raises:
            NotFound: there is no such case, or it is not this application's.
        """
        if (keeping := self._keeping.get(case)) is not None:
            await asyncio.wait([keeping])
        await asyncio.to_thread(self._erase, case, reporter)
        self._shadows.forget(case)
        self._changed()

    def _erase(self, case: str, reporter: Reporter) -> None:
        with self._ledger.read() as snapshot:
            if own_case(snapshot, case, reporter).state == "erased":
                return
        erase(self._ledger, "case", case, reason="consent", register=self.field.state / "erasures.jsonl")

    async def application_names(self) -> dict[str, str]:
        """Names of applications by id."""
        await self.keys.any()
        return self.keys.names()

    def busy(self) -> BusyView:
        """Work beside the answers since the start."""
        return BusyView(
            shadows_running=self._shadows.running,
            shadows_done=self._shadows.done,
            shadows_dropped=self._shadows.dropped,
            monitors_dropped=self._watch.dropped,
            unrecorded=self._unrecorded,
        )

    async def settled(self) -> None:
        """Return once every ended answer is written down and every case that waits was looked at."""
        while self._keeping:
            await asyncio.wait(list(self._keeping.values()))
        await self._watch.settled()
        await self._shadows.settled()

    async def close(self) -> None:
        """Write down what was received; second answers are given up."""
        if self._following is not None:
            self._following.cancel()
        await self._shadows.close()
        while self._keeping:
            await asyncio.wait(list(self._keeping.values()))
        await self._shadows.close()
        await self._watch.close()
