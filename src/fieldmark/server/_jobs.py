"""Long work with progress that can be cancelled and begun again: fetching weights."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from fieldmark.errors import FieldmarkError, NotFound

LOG = logging.getLogger(__name__)
FINISHED = 50
"""So many finished jobs are remembered."""

Report = Callable[[str, int, int | None], None]
"""Called with the step, bytes done, and bytes in all (None when unknown)."""


class Job(BaseModel):
    """Where long work stands."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    what: str
    """What it is about, such as a model's name."""
    state: Literal["running", "done", "failed", "cancelled"]
    step: str = ""
    """What it does now."""
    done: int = 0
    """Bytes so far."""
    total: int | None = None
    """Bytes in all, when known."""
    message: str = ""
    """Why it failed."""
    hint: str = ""


class Jobs:
    """The work of this server, kept until the server ends."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, what: str, work: Callable[[Report], Awaitable[object]]) -> Job:
        """Run `work` beside everything else; the same `what` is not started twice."""
        running = next((j for j in self._jobs.values() if j.what == what and j.state == "running"), None)
        if running is not None:
            return running
        job = Job(id=secrets.token_hex(8), what=what, state="running")
        self._forget()
        self._jobs[job.id] = job
        self._tasks[job.id] = asyncio.create_task(_run(job, work))
        return job

    def _forget(self) -> None:
        finished = [id_ for id_, job in self._jobs.items() if job.state != "running"]
        for id_ in finished[: -FINISHED + 1]:
            del self._jobs[id_], self._tasks[id_]

    def get(self, job_id: str) -> Job:
        """Where it stands.

        Raises:
            NotFound: this server never began it.
        """
        if job_id not in self._jobs:
            raise NotFound("there is no such job", hint="a job ends with the server: start it again")
        return self._jobs[job_id]

    async def cancel(self, job_id: str) -> Job:
        """Stop it; what was fetched whole is kept for the next time."""
        job = self.get(job_id)
        self._tasks[job_id].cancel()
        await asyncio.wait([self._tasks[job_id]])
        return job

    async def close(self) -> None:
        """Stop all work."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


async def _run(job: Job, work: Callable[[Report], Awaitable[object]]) -> None:
    def report(step: str, done: int, total: int | None) -> None:
        job.step, job.done, job.total = step, done, total

    try:
        await work(report)
        job.state = "done"
    except asyncio.CancelledError:
        job.state = "cancelled"
    except FieldmarkError as error:
        job.state, job.message, job.hint = "failed", error.message, error.hint
    except OSError as error:
        job.state, job.message = "failed", str(error)
    except Exception as error:
        LOG.exception("%s failed", job.what)
        job.state, job.message = "failed", type(error).__name__
        job.hint = "the server's log says more"
