"""Waking those who wait, at most for some time."""

from __future__ import annotations

import asyncio


class Signal:
    """Wakes everybody who waits when it is given, and is then forgotten.

    `asyncio.timeout` around an `asyncio.Event` does the same and costs a stream more than sending its event.
    """

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[bool]] = set()

    def give(self) -> None:
        """Wake them."""
        waiting, self._waiting = self._waiting, set()
        for waiter in waiting:
            _wake(waiter, True)

    async def wait(self, seconds: float) -> bool:
        """Whether it was given before so many seconds were over."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiting.add(waiter)
        timer = loop.call_later(seconds, _wake, waiter, False)
        try:
            return await waiter
        finally:
            timer.cancel()
            self._waiting.discard(waiter)


def _wake(waiter: asyncio.Future[bool], given: bool) -> None:
    if not waiter.done():
        waiter.set_result(given)
