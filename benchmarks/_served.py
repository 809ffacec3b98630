"""`python -m benchmarks._served FOLDER` serves a field with limits raised for load; prints its address when ready.

`--fault` makes the server do wrong on purpose: it stalls at every event and loses some. `--slow-commit MS` adds to
every commit of the ledger. `--early` acknowledges writes before their commit. `--broken` lets a route raise.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MOST = 10**6


def main() -> None:
    """Serve until terminated."""
    given = arguments()
    prepare(given)
    serve_until_ended(given, lambda address: print(address, flush=True))


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks._served")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fault", action="store_true")
    parser.add_argument("--lose-every", type=int, default=500, metavar="N", help="with --fault")
    parser.add_argument("--early", action="store_true")
    parser.add_argument("--broken", action="store_true")
    parser.add_argument("--slow-commit", type=float, default=0.0, metavar="MS")
    return parser.parse_args()


def prepare(given: argparse.Namespace) -> None:
    """Raise what is no argument of `serve`, and do wrong as told."""
    from fieldmark.server import _house

    _house.STREAMS = MOST
    if given.fault:
        _do_wrong(given.lose_every)
    if given.early:
        _acknowledge_early()
    if given.broken:
        _break_a_route()
    if given.slow_commit:
        _commit_slowly(given.slow_commit / 1000)


def serve_until_ended(given: argparse.Namespace, ready: Callable[[str], None]) -> None:
    """Serve."""
    from fieldmark.server._guard import Limits
    from fieldmark.server.run import serve

    limits = Limits(reads=MOST, writes=MOST, battles=MOST, completions=MOST, at_once=MOST, at_once_v1=MOST)
    serve(
        given.folder,
        host="127.0.0.1",
        port=given.port,
        limits=limits,
        ready=lambda address, _: ready(address),
    )


def _do_wrong(lose_every: int) -> None:
    from fieldmark.server import _sse

    right, sent = _sse.event, 0

    def wrong(data: str, number: int | None = None) -> bytes:
        nonlocal sent
        sent += '"delta"' in data
        time.sleep(0.005)
        lost = '"delta"' in data and sent % lose_every == 0
        return b"" if lost else right(data, number)

    _sse.event = wrong


def _acknowledge_early() -> None:
    from fieldmark.ledger import _writer

    run, finish = _writer.Writer._run, _writer.Writer._finish

    def wrong(self: _writer.Writer, log: Any, job: Any) -> None:
        run(self, log, job)
        _writer._deliver([job])

    def late(self: _writer.Writer, connection: Any) -> None:
        time.sleep(0.05)
        finish(self, connection)

    _writer.Writer._run, _writer.Writer._finish = wrong, late  # type: ignore[method-assign]


def _break_a_route() -> None:
    from fieldmark.server import _cases

    cases: Any = _cases
    right = cases.outcome_table

    def wrong(snapshot: Any, confidence: float, category: str | None = None) -> Any:
        if category is not None and len(category) > 3:
            raise ZeroDivisionError(category)
        return right(snapshot, confidence, category)

    cases.outcome_table = wrong


def _commit_slowly(seconds: float) -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "commit")
    def _wait(_: object) -> None:
        time.sleep(seconds)


if __name__ == "__main__":
    main()
