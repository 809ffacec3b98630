"""How long a trial waits for its sandbox; bare bubblewrap and a bare process are the peers, in turn in the same run."""

from __future__ import annotations

import asyncio
import marshal
import math
import subprocess
import time
from collections.abc import Iterator

from benchmarks._row import Row, at_most, benchmark, not_measured, unbounded

ROUNDS = 200
PEER = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL",
        "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--", "true"]  # fmt: skip


@benchmark("start of a sandbox; peers: bare bubblewrap, bare process")
def run(fault: bool) -> Iterator[Row]:
    """With `fault`, process 1 of every sandbox sleeps before it answers."""
    from fieldmark.sandbox import Bubblewrap, _served

    if trouble := Bubblewrap.trouble():
        yield not_measured("sandbox start p50", trouble, "<= 20", "ms")
        yield not_measured("sandbox start p95", trouble, "<= 50", "ms")
        return
    held = ", ".join(f"{what}: {how}" for what, how in Bubblewrap.bounds().items())
    whole = _served.inside
    if fault:
        slow = f"import time; time.sleep(0.1); exec(marshal.loads({whole()!r}))"
        _served.inside = lambda: marshal.dumps(compile(slow, "slow", "exec"))  # type: ignore[assignment]
    try:
        times = asyncio.run(_measure())
    finally:
        _served.inside = whole
    yield at_most("sandbox start p50", _percentile(times["start"], 50), "ms", 20, held)
    yield at_most("sandbox start p95", _percentile(times["start"], 95), "ms", 50)
    for name in ("start and first command", "close", "peer: bwrap true", "peer: true"):
        for percent in (50, 95):
            yield unbounded(f"{name} p{percent}", _percentile(times[name], percent), "ms")


async def _measure() -> dict[str, list[float]]:
    """Milliseconds of each round, by what was done."""
    from fieldmark.sandbox import Bubblewrap

    times: dict[str, list[float]] = {}

    def note(name: str, since: float) -> None:
        times.setdefault(name, []).append((time.perf_counter() - since) * 1000)

    for number in range(ROUNDS + 5):
        begun = time.perf_counter()
        sandbox = Bubblewrap()
        await sandbox.open()
        note("start", begun)
        await sandbox.exec(["true"])
        note("start and first command", begun)
        begun = time.perf_counter()
        await sandbox.close()
        note("close", begun)
        for name, peer in (("peer: bwrap true", PEER), ("peer: true", ["true"])):
            begun = time.perf_counter()
            subprocess.run(peer, check=True)  # noqa: ASYNC221 (nothing else is waiting)
            note(name, begun)
        if number == 4:  # the first ones fill caches
            times.clear()
    return times


def _percentile(values: list[float], percent: int) -> float:
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
