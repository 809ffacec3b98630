"""Who takes part in a run: contenders of the field, and the seeded ones that prove the numbers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from fieldmark.contenders import Identity, make_contender
from fieldmark.errors import Conflict, FieldmarkError, InputError
from fieldmark.fields import Member, Roster
from fieldmark.scorecards._seal import sealed_for
from fieldmark.scorecards._task import Task
from fieldmark.scorecards.agents import Agent, agent_for, seeded
from fieldmark.scorecards.views import Calling, Kind

PEOPLE = "people"
"""The name under which all people that take tasks are one contender."""
PEOPLE_DIGEST = Identity({"kind": "person"}).digest


_Stamp = tuple[int, int, int]
_SAME: dict[str, _Stamp] = {}
"""Identity digest to its file of weights as it was when it was last found to be the same: to read one takes seconds."""


def _stamp(model: str | None) -> _Stamp | None:
    """What changes when a file does; None for a name on the shelf."""
    try:
        status = os.stat(os.path.expanduser(model or ""))
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


@dataclass(frozen=True)
class Entrant:
    """One contender of a run."""

    name: str
    digest: str
    """Identity digest."""
    kind: Kind
    agent: Callable[[Task, int], Agent]
    """Of a task and the number of the trial, who takes it. Raises InputError for a task it cannot take."""
    member: Member | None = None
    calling: Calling | None = None
    trusted: bool = True
    """It may be given sealed tasks."""
    at_once: int | None = None
    """Most trials of it at once; None: as many as there are workers."""

    async def changed(self, roster: Roster) -> str:
        """Why it is no longer who it was, in words; empty while it is.

        Raises:
            Conflict: `unreadable`: it cannot be told now.
        """
        if self.member is None:
            return ""
        if roster.by_digest(self.digest) is None:
            return f"'{self.name}' is no longer what it was when the run began: its settings changed"
        spec = self.member.spec
        stamp = _stamp(spec.model) if spec.kind == "weights" else None
        if stamp is not None and _SAME.get(self.digest) == stamp:
            return ""
        try:
            now = await asyncio.to_thread(lambda: make_contender(spec).identity.digest)
        except FieldmarkError as error:
            said = f"'{self.name}' cannot be told any more: {error.message}"
            raise Conflict(said, code="unreadable") from error
        if now != self.digest:
            return f"'{self.name}' is no longer what it was when the run began: its weights changed"
        if stamp is not None:
            _SAME[self.digest] = stamp
        return ""


def entrant(
    name: str,
    roster: Roster | None,
    trusted: Iterable[str] = (),
    callings: Mapping[str, Calling | None] = {},
) -> Entrant:
    """The contender that a name stands for: `oracle`, `nop`, `seeded:...`, or one of the field's.

    Raises:
        InputError: `seeded:...` is not of the form; or it is 'people', who take tasks on the page.
        NotFound: none is called that.
        ModelError: its weights are not here.
    """
    known = seeded(name)
    if known is not None:
        return Entrant(known.name, known.digest, "seeded", known.agent)
    if name == PEOPLE:
        raise InputError(
            "people take tasks on the page, not in a run", hint="open the scorecard's page: Take a task"
        )
    if roster is None:
        raise InputError(
            f"no contender is called '{name}' here", hint="without a field: oracle, nop, seeded:P"
        )
    member = roster.named(name)
    calling = callings.get(member.digest)
    agent = agent_for(member, calling)
    local = member.spec.kind == "weights"
    return Entrant(
        name,
        member.digest,
        "agent" if member.spec.kind == "agent" else "model",
        lambda _task, _trial: agent,
        member=member,
        calling=calling,
        trusted=sealed_for(name, member.spec, tuple(trusted)),
        at_once=2 if local else None,
    )
