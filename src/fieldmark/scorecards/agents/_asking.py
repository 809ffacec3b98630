"""One question to a contender's model, with patience for an endpoint that is at its limit or away for a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fieldmark.errors import ContenderFailure
from fieldmark.scorecards._stage import Stage

if TYPE_CHECKING:
    from fieldmark.fields import Member

AWAY_SECONDS = (0.5, 2.0, 6.0)
"""Pauses before an endpoint that cannot be reached, or has an error of its own before the contender has acted, is asked
again."""
LIMIT_SECONDS = 2.0
"""First pause at a rate limit that does not say how long; it doubles."""
_LIMITED = 429
_SERVER_ERROR = 500


@dataclass(frozen=True)
class Reply:
    """What the model said in one turn."""

    text: str
    calls: tuple[Mapping[str, Any], ...]
    """In OpenAI's form."""
    cut: bool
    """It ended by its length."""
    prompt_tokens: int | None
    answer_tokens: int | None
    cost: float | None


async def ask(member: Member, stage: Stage, request: Mapping[str, Any]) -> Reply:
    """Ask once, or again while waiting helps and the trial has time; the cost is added to the contender's.

    An error of its server after it has acted may be what it does in place of a wrong answer: that is not asked again.

    Raises:
        ContenderFailure: what the contender failed by. `refused` and `unreachable` when waiting did not help.
    """
    tried = 0
    while True:
        await stage.await_turn(member.next_turn())
        member.check_budget()
        try:
            async with member.asked():
                return reply_of(member, await member.contender.complete(request))
        except ContenderFailure as failure:
            pause = _pause(failure, tried, acted=bool(stage.steps or stage.calls))
            if pause is None or pause >= stage.left:
                raise
            stage.note("note", text=f"{failure.message}; asked again in {pause:g} s")
        tried += 1
        await stage.await_endpoint(pause)


def _pause(failure: ContenderFailure, tried: int, *, acted: bool) -> float | None:
    """Seconds to wait before asking again; None when that would not help."""
    if failure.status == _LIMITED:
        return LIMIT_SECONDS * 2**tried if failure.retry_after is None else max(failure.retry_after, 0.1)
    away = failure.kind == "unreachable" or (
        not acted and failure.kind == "refused" and (failure.status or 0) >= _SERVER_ERROR
    )
    return AWAY_SECONDS[tried] if away and tried < len(AWAY_SECONDS) else None


def reply_of(member: Member, answer: Mapping[str, Any]) -> Reply:
    """What an answer says, with its cost added to what the contender has spent."""
    choice = answer["choices"][0]
    usage = answer.get("usage") or {}
    counts = usage.get("prompt_tokens"), usage.get("completion_tokens")
    cost = member.cost(*counts)
    member.spent += cost or 0.0
    message = choice["message"]
    text = message.get("content") or message.get("refusal") or ""
    return Reply(
        text, tuple(message.get("tool_calls") or ()), choice["finish_reason"] == "length", *counts, cost
    )
