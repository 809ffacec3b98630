"""Runs the field's monitors on recorded answers, in a process of their own, and writes down what they find."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from fieldmark.errors import FieldmarkError
from fieldmark.fields import SYSTEM, Field, Monitor
from fieldmark.gateway._keep import kept_text
from fieldmark.gateway._recorder import Case, erased, is_erased
from fieldmark.ledger import Ledger, Transaction
from fieldmark.ledger.evidence import MonitorFound
from fieldmark.monitors import CaseFacts, MonitorProcess, Report

LOG = logging.getLogger(__name__)
MOST_WAITING = 200


@dataclass(frozen=True)
class _Job:
    case: Case
    facts: CaseFacts


class Watch:
    """One after the other, in the order of the answers."""

    def __init__(self, ledger: Ledger, field: Field) -> None:
        self.field = field
        self.dropped = 0
        self._ledger = ledger
        self._process = MonitorProcess()
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(MOST_WAITING)
        self._worker: asyncio.Task[None] | None = None

    def offer(self, case: Case, facts: CaseFacts) -> None:
        """Have a case looked at, when there is room."""
        if not self.field.monitors:
            return
        try:
            self._jobs.put_nowait(_Job(case, facts))
        except asyncio.QueueFull:
            self.dropped += 1
            return
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())

    async def settled(self) -> None:
        """Return once every case that waits has been looked at."""
        await self._jobs.join()

    async def close(self) -> None:
        """Stop; what waits is not looked at."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        await self._process.close()

    async def _work(self) -> None:
        while True:
            job = await self._jobs.get()
            try:
                await self._look(job)
            except Exception as error:  # the next case may go better
                known = isinstance(error, FieldmarkError)
                LOG.warning("what monitors found could not be kept: %s", error, exc_info=not known)
            finally:
                self._jobs.task_done()

    async def _look(self, job: _Job) -> None:
        if await erased(self._ledger, job.case):
            return
        wanted = [m for m in self.field.monitors if not m.categories or job.facts.category in m.categories]
        found = [(m, await self._process.run(m, self.field.folder, job.facts)) for m in wanted]
        if found:
            await self._ledger.awrite(lambda now: _write(now, job, found))


def _write(now: Transaction, job: _Job, found: Sequence[tuple[Monitor, Report]]) -> None:
    if is_erased(now, job.case.id):
        return
    for monitor, report in found:
        explanation = kept_text(report.explanation, job.case.redactor)
        evidence = MonitorFound(
            monitor=monitor.name,
            version=report.version,
            contender=job.facts.contender,
            passed=report.passed,
            score=report.score,
            error=report.error,
            ms=report.ms,
        )
        texts = {"explanation": explanation} if explanation else {}
        now.append(evidence, actor=SYSTEM, refs={"case": job.case.id}, texts=texts)
