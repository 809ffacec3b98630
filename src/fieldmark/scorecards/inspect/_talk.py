"""Inspect's solver asks a model; here a contender answers through the stage, turn by turn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from inspect_ai.model import ChatMessage, GenerateConfig, Model, ModelAPI, ModelOutput, get_model, modelapi
from inspect_ai.tool import ToolChoice, ToolInfo

NAME = "contender"
_CHARACTERS_A_TOKEN = 4


@dataclass(frozen=True)
class Turn:
    """What the solver waits for an answer to."""

    messages: Sequence[ChatMessage]
    tools: Sequence[ToolInfo]


class Over(Exception):
    """The solver asks no more."""


class Talk:
    """Between one run of a solver and one contender. Each side waits for the other."""

    def __init__(self) -> None:
        self._turns: asyncio.Queue[Turn | None] = asyncio.Queue()
        self._replies: asyncio.Queue[ModelOutput] = asyncio.Queue()
        self._known = 0
        self.turn: Turn | None = None
        """What is to be answered now; None when it is over."""

    async def asked(self, messages: Sequence[ChatMessage], tools: Sequence[ToolInfo]) -> ModelOutput:
        """The solver's side: ask, and wait."""
        await self._turns.put(Turn(messages, tools))
        return await self._replies.get()

    def end(self) -> None:
        """The solver's side: nothing more is asked."""
        self._turns.put_nowait(None)

    async def begin(self) -> str:
        """Everything that is said before the first answer."""
        await self._next()
        return self._news()

    async def say(self, text: str) -> str | None:
        """Answer; what is said to that, None when it is over."""
        if self.turn is None:
            return None
        await self._replies.put(ModelOutput.from_content(NAME, text))
        await self._next()
        return self._news() if self.turn else None

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Call a tool of the solver's; what it gave. Raises Over."""
        if self.turn is None:
            raise Over
        await self._replies.put(ModelOutput.for_tool_call(NAME, name, dict(arguments)))
        await self._next()
        return self._news()

    async def _next(self) -> None:
        before = len(self.turn.messages) if self.turn else 0
        self.turn = await self._turns.get()
        self._known = before

    def _news(self) -> str:
        """What was said since the last answer: of the solver, of tools, of a user."""
        if self.turn is None:
            return ""
        messages = list(self.turn.messages)
        start = self._known if self._known < len(messages) else 0
        said = [m.text for m in messages[start:] if m.role != "assistant" and m.text]
        return "\n\n".join(said)


_talks: list[Talk] = []
"""The one that is under way: Inspect runs one evaluation at a time, and knows its models by name only."""


@modelapi(name="fieldmark")
class Asked(ModelAPI):
    """The model that Inspect believes it asks."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig | None = None,
        **_: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config or GenerateConfig())
        self._talk = _talks[-1]

    async def generate(
        self,
        input: list[ChatMessage],  # noqa: A002 (Inspect's name)
        tools: list[ToolInfo],
        tool_choice: ToolChoice,  # noqa: ARG002
        config: GenerateConfig,  # noqa: ARG002
    ) -> ModelOutput:
        """Whatever the contender says."""
        return await self._talk.asked(input, tools)

    async def count_text_tokens(self, text: str) -> int:
        """An estimate: Inspect's own fetches a table from the network."""
        return len(text) // _CHARACTERS_A_TOKEN + 1


@contextmanager
def model_of(talk: Talk) -> Iterator[Model]:
    """For `eval`, as long as it runs."""
    _talks.append(talk)
    try:
        yield get_model(f"fieldmark/{NAME}", memoize=False)
    finally:
        _talks.remove(talk)


def shown(value: Any) -> str:
    """A value of Inspect's as text."""
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
