"""Waking those who wait."""

import asyncio

from fieldmark.arena._signal import Signal


async def test_everybody_who_waits_is_woken_once() -> None:
    signal = Signal()
    waiting = [asyncio.create_task(signal.wait(60.0)) for _ in range(3)]
    await asyncio.sleep(0)
    signal.give()
    assert await asyncio.gather(*waiting) == [True] * 3
    assert await signal.wait(0.01) is False


async def test_who_gives_up_is_not_woken() -> None:
    signal = Signal()
    waiting = asyncio.create_task(signal.wait(60.0))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    signal.give()
    assert waiting.cancelled()
