"""What many ask for at once and the server does once, or not for everybody."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from starlette.exceptions import HTTPException

from fieldmark.fields import known_contenders
from fieldmark.ledger import Ledger
from fieldmark.reports import Card, build_card

T = TypeVar("T")
_CARDS = 64


class Shared(Generic[T]):
    """Work on another thread, done once for all who want the same."""

    def __init__(self) -> None:
        self._key: object = None
        self._task: asyncio.Task[T] | None = None

    async def get(self, key: object, work: Callable[[], T]) -> T:
        """What `work` gives for `key`, which is newer than any key before."""
        if self._task is None or key != self._key:
            self._key, self._task = key, asyncio.create_task(asyncio.to_thread(work))
        return await asyncio.shield(self._task)


class PastCards:
    """Cards as of an earlier head. Each replays the ledger: one at a time, and the latest are kept."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._kept: OrderedDict[tuple[str, str], tuple[Card, str | None]] = OrderedDict()

    async def get(self, ledger: Ledger, name: str, at: str) -> Card:
        """The card of `name` at the head `at`; raises as `Ledger.at` and `build_card` do."""
        key = (name, await asyncio.to_thread(_head, ledger, at))
        async with self._turn:
            if key not in self._kept:
                self._kept[key] = await asyncio.to_thread(_card, ledger, *key)
            kept = self._kept[key]
            self._kept.move_to_end(key)
            if len(self._kept) > _CARDS:
                self._kept.popitem(last=False)
        return await asyncio.to_thread(_as_held, ledger, *kept)

    def forget(self) -> None:
        """Keep none: something was erased."""
        self._kept.clear()


def _head(ledger: Ledger, at: str) -> str:
    with ledger.read() as snapshot:
        return str(snapshot.find_head(at))


def _card(ledger: Ledger, name: str, at: str) -> tuple[Card, str | None]:
    """The card, and the id of the one text on it."""
    with ledger.at(at) as snapshot:
        card = build_card(snapshot, name)
        return card, known_contenders(snapshot)[card.digest].system


def _as_held(ledger: Ledger, card: Card, text_id: str | None) -> Card:
    """Without a text that was erased since, by this process or another one."""
    if card.system is None or text_id is None:
        return card
    with ledger.read() as snapshot:
        held = snapshot.text(text_id) is not None
    return card if held else card.model_copy(update={"system": None})


class Places:
    """So many at once, and no more."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    @property
    def open(self) -> int:
        """How many are taken."""
        return self._taken

    def check(self) -> None:
        """Refuse (429) when all are taken."""
        if self._taken >= self._most:
            raise HTTPException(429, f"more than {self._most} streams at once", headers={"retry-after": "10"})

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take one."""
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
