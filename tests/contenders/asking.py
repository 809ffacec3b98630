"""Short ways to ask in tests."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fieldmark.contenders import Contender, ContenderSpec, Delta, Finish, Message, Shelf, make_contender


def user(text: str) -> list[Message]:
    return [{"role": "user", "content": text}]


@asynccontextmanager
async def contending(spec: ContenderSpec, shelf: Shelf | None = None) -> AsyncGenerator[Contender, None]:
    contender = make_contender(spec, shelf=shelf)
    try:
        yield contender
    finally:
        await contender.close()


async def answer(contender: Contender, text: str, max_tokens: int | None = None) -> tuple[str, Finish]:
    """All of its text, and the finish that must come last and once."""
    got = [part async for part in contender.stream(user(text), max_tokens=max_tokens)]
    finish = got.pop()
    assert isinstance(finish, Finish)
    assert all(isinstance(part, Delta) for part in got)
    return "".join(part.text for part in got if isinstance(part, Delta)), finish
