"""Numbers for Prometheus. Nothing here names a contender, a person or an application.

A count per contender that moved while its blind round is open would tell who answers; so failures are counted by kind
alone, and what is known of each contender stands on the board, after the vote.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import Message, Scope, Send

from fieldmark.ledger.evidence import AnswerEnded

if TYPE_CHECKING:
    from fieldmark.server._house import House

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Meter:
    """Counts requests and times them until their reply begins (a stream may last for hours)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "fieldmark_requests",
            "Requests by route template and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "fieldmark_request_seconds",
            "Seconds until a reply began.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._commits = Histogram(
            "fieldmark_commit_seconds",
            "Seconds that one group commit of the ledger took.",
            buckets=_SECONDS,
            registry=self.registry,
        )

    def committed(self, seconds: float) -> None:
        """A group of writes is on disk."""
        self._commits.observe(seconds)

    def listening(self, scope: Scope, send: Send) -> Send:
        """The same `send`, with the reply's beginning noted."""
        begun = time.perf_counter()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = _route(scope)
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._requests.labels(method, route, str(message["status"])).inc()
                self._seconds.labels(route).observe(time.perf_counter() - begun)
            await send(message)

        return noting

    def watch(self, house: House) -> None:
        """Show the house's own numbers too."""
        self.registry.register(_HouseNumbers(house))
        house.ledger.observe(self.committed)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)


def _route(scope: Scope) -> str:
    """The route's template: addresses themselves hold ids and, for the page, anything at all."""
    path = getattr(scope.get("route"), "path", None)
    if path is None:
        return "refused"
    return "page" if path == "/{path:path}" else str(path)


class _HouseNumbers(Collector):
    """Read when they are asked for. Records are counted since the server started, a scrape at a time."""

    def __init__(self, house: House) -> None:
        self._house = house
        with house.ledger.read() as snapshot:
            self._seen = snapshot.head().size
        self._types: dict[str, int] = {}
        self._failures: dict[str, int] = {}

    def describe(self) -> list[Metric]:
        """Nothing: `register` would otherwise collect once."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The numbers now."""
        house = self._house
        size = self._count()
        yield GaugeMetricFamily("fieldmark_ledger_records", "Records in the ledger.", value=size)
        yield GaugeMetricFamily("fieldmark_streams_open", "Open event streams.", value=house.streams.open)
        members, absent = len(house.roster.members), len(house.roster.absent)
        contenders = GaugeMetricFamily("fieldmark_contenders", "Contenders of the field.", labels=["state"])
        contenders.add_metric(["active"], members)
        contenders.add_metric(["waiting"], absent)
        yield contenders
        records = CounterMetricFamily(
            "fieldmark_records", "Records appended since the start.", labels=["type"]
        )
        for kind, count in sorted(self._types.items()):
            records.add_metric([kind], count)
        yield records
        failures = CounterMetricFamily(
            "fieldmark_answer_failures", "Answers that failed since the start, by how.", labels=["kind"]
        )
        for kind, count in sorted(self._failures.items()):
            failures.add_metric([kind], count)
        yield failures

    def _count(self) -> int:
        with self._house.ledger.read() as snapshot:
            size = snapshot.head().size
            for entry in snapshot.entries(self._seen, size):
                body = entry.record.body
                self._types[entry.record.type] = self._types.get(entry.record.type, 0) + 1
                if isinstance(body, AnswerEnded) and body.failure is not None:
                    kind = body.failure.kind
                    self._failures[kind] = self._failures.get(kind, 0) + 1
        self._seen = size
        return size
