"""Two hundred battles that stream at once in one server process, with stub endpoints and the generator on its cores."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks import _load
from benchmarks._row import Row, at_most, benchmark, unbounded
from benchmarks._stub import TOKEN, WIDTH

TOKENS = 240
"""Per side: twelve seconds at 20 a second, so that battles arriving over 8 s all stream at once."""
RATE = 20.0
FIRST_MS = 100.0
OVER = 8.0
BREAKING = (300, 400)


@benchmark("200 battles streaming at once: delay added to each delta and to the first; where it breaks")
def run(fault: bool) -> Iterator[Row]:
    """With `fault` the server stalls at every event and loses some."""
    cores = f"{os.cpu_count()} cores shared with generator and stub"
    for battles in (200,) if fault else (200, *BREAKING):
        seen = _measure(battles, fault)
        overlap = f"{seen.together} streamed together at most; {cores}; server {seen.cores:.2f} cores"
        if battles == 200:
            yield at_most("events lost or doubled", seen.wrong, "", 0, f"{seen.deltas:,} tokens")
            yield at_most("added delay of a delta, 95%", seen.delay95, "ms", 20, overlap)
            yield at_most("added time to first token, 95%", seen.first95, "ms", 30)
            yield unbounded("added delay of a delta, median", seen.delay50, "ms")
        else:
            held = (
                "holds" if seen.wrong == 0 and seen.delay95 <= 20 and seen.first95 <= 30 else "does not hold"
            )
            note = f"{held}: first token {seen.first95:.0f} ms, {seen.wrong} wrong; {overlap}"
            yield unbounded(f"{battles} battles: added delay, 95%", seen.delay95, "ms", note)


@dataclass
class Seen:
    """What one load gave; times in ms."""

    wrong: int
    deltas: int
    delay50: float
    delay95: float
    first95: float
    together: int
    cores: float = 0.0


def _measure(battles: int, fault: bool) -> Seen:
    with (
        tempfile.TemporaryDirectory() as folder,
        _load.stub(tokens=TOKENS, rate=RATE, first=FIRST_MS) as port,
        _load.server(_load.write_field(Path(folder), port), *(["--fault"] if fault else [])) as server,
    ):
        before, began = server.cpu_seconds(), time.monotonic()
        said = _load.run_apart("benchmarks.streams", server.url, str(battles))
        used = (server.cpu_seconds() - before) / (time.monotonic() - began)
        return Seen(**{**json.loads(said), "cores": used})


# The load generator, in a process of its own.


@dataclass
class _Battle:
    posted: float = 0.0
    first_seen: float = 0.0
    last_seen: float = 0.0
    arrivals: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: {"a": [], "b": []})
    """Per side: (nanosecond seen, nanosecond due) of each token in order."""
    texts: dict[str, str] = field(default_factory=lambda: {"a": "", "b": ""})
    wrong: int = 0

    def take(self, side: str, text: str) -> None:
        now = time.monotonic_ns()
        self.first_seen = self.first_seen or now / 1e9
        self.last_seen = now / 1e9
        self.texts[side] += text
        whole = len(self.texts[side]) // WIDTH
        for number in range(len(self.arrivals[side]), whole):
            found = TOKEN.fullmatch(self.texts[side][number * WIDTH : (number + 1) * WIDTH])
            if found is None or int(found[1]) != number:
                self.wrong += 1
            self.arrivals[side].append((now, int(found[2]) if found else now))

    def delays(self) -> Iterator[float]:
        """Milliseconds from when the rule of one pace makes a token due (both sides have it) to when it was seen."""
        for one, other in zip(*self.arrivals.values(), strict=False):
            due = max(one[1], other[1])
            yield from ((seen - due) / 1e6 for seen, _ in (one, other))


async def _follow(caller: _load.Caller, battle: _Battle, at: float) -> None:
    await _load.until(at)
    battle.posted = time.monotonic()
    body = {"prompt": "Go on."}
    async with caller.session.post(
        f"{caller.url}/api/v1/battles", json=body, headers=caller.headers
    ) as reply:
        battle_id = (await reply.json())["id"]
    expected = 1
    path = f"{caller.url}/api/v1/battles/{battle_id}/events"
    async with caller.session.get(path, headers=caller.headers) as reply:
        async for line in reply.content:
            if line.startswith(b"id: "):
                battle.wrong += int(line[4:]) != expected
                expected = int(line[4:]) + 1
            elif line.startswith(b"data: "):
                event = json.loads(line[6:])
                if event["type"] == "delta":
                    battle.take(event["side"], event["text"])
                elif event["type"] == "ready":
                    break
    battle.wrong += sum(TOKENS - len(seen) for seen in battle.arrivals.values())


async def _generate(url: str, count: int) -> Seen:
    async with _load.pool() as session:
        callers = [await _load.Caller(session, url).begin() for _ in range(count)]
        battles = [_Battle() for _ in callers]
        start = time.monotonic() + 0.5
        await asyncio.gather(
            *(
                _follow(caller, battle, start + OVER * i / count)
                for i, (caller, battle) in enumerate(zip(callers, battles, strict=True))
            )
        )
    delays = [delay for battle in battles for delay in battle.delays()]
    firsts = [(battle.first_seen - battle.posted) * 1000 - FIRST_MS for battle in battles]
    edges = sorted([(b.first_seen, 1) for b in battles] + [(b.last_seen, -1) for b in battles])
    together = most = 0
    for _, step in edges:
        together += step
        most = max(most, together)
    return Seen(
        wrong=sum(battle.wrong for battle in battles),
        deltas=len(delays),
        delay50=statistics.median(delays),
        delay95=_load.percentile(delays, 0.95),
        first95=_load.percentile(firsts, 0.95),
        together=most,
    )


if __name__ == "__main__":
    import uvloop

    print(json.dumps(asdict(uvloop.run(_generate(sys.argv[1], int(sys.argv[2]))))))
