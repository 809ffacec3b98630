"""Chat completions by a contender's name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from fieldmark.errors import InputError
from fieldmark.fields import Member, Roster


def model_list(roster: Roster) -> dict[str, Any]:
    """The contenders that can be asked, as OpenAI's list of models. `created` is 0: identity is the digest."""
    models = [
        {"id": m.name, "object": "model", "created": 0, "owned_by": "fieldmark"} for m in roster.members
    ]
    return {"object": "list", "data": models}


class Completions:
    """Answers OpenAI chat-completions requests. Nothing is recorded."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    async def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The whole reply.

        Raises:
            InputError: the request asks for what does not pass through.
            NotFound: no contender has that name.
            ContenderFailure: the contender did not answer.
        """
        member = self._member(request)
        async with member.asked():
            reply = await member.contender.complete(request)
        _charge(member, reply.get("usage"))
        return reply

    async def stream(self, request: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """The reply as chunks. Raises before the first chunk where it can, like `complete`."""
        member = self._member(request)
        options = request.get("stream_options") or {}
        asked = not isinstance(options, Mapping) or bool(options.get("include_usage"))
        if not asked:  # counts are needed for the spend cap all the same
            request = {**request, "stream_options": {**options, "include_usage": True}}
        async with member.asked(), aclosing(member.contender.complete_stream(request)) as chunks:
            async for chunk in chunks:
                _charge(member, chunk.get("usage"))
                if asked or chunk.get("choices"):
                    yield chunk

    def _member(self, request: Mapping[str, Any]) -> Member:
        model = request.get("model")
        if not isinstance(model, str) or not model:
            raise InputError(
                "the request names no model", hint="`model` is the name of a contender; see /v1/models"
            )
        member = self._roster.named(model)
        member.check_budget()
        return member


def _charge(member: Member, usage: Any) -> None:
    if isinstance(usage, Mapping):
        member.spent += member.cost(usage.get("prompt_tokens"), usage.get("completion_tokens")) or 0.0
