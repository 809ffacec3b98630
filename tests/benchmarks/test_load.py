"""The load tests with tiny loads: they count right, and their faults show."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import _load, gateway, streams, votes_http
from benchmarks._row import Row, measure


async def _stream(folder: Path, tokens: int, *options: str) -> streams.Seen:
    with (
        _load.stub(tokens=tokens, rate=400, first=10) as port,
        _load.server(_load.write_field(folder, port), *options) as server,
    ):
        return await streams._generate(server.url, 4)


async def test_every_token_of_a_few_streams_is_seen_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "TOKENS", 12)
    monkeypatch.setattr(streams, "OVER", 0.1)
    seen = await _stream(tmp_path, 12)
    assert (seen.wrong, seen.deltas) == (0, 4 * 2 * 12)


async def test_lost_events_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "TOKENS", 12)
    monkeypatch.setattr(streams, "OVER", 0.1)
    assert (await _stream(tmp_path, 12, "--fault", "--lose-every", "5")).wrong > 0


async def test_every_acknowledged_vote_is_counted(tmp_path: Path) -> None:
    with _load.stub() as port, _load.server(_load.write_field(tmp_path, port)) as server:
        browsers = votes_http.prepare(tmp_path, 3, 4)
        said = await votes_http._generate(server.url, browsers)
    assert said["rate"] > 0
    assert votes_http.counted(tmp_path) == 12


def test_the_gateways_figures_are_measured_and_a_fault_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "STREAMS", 4)
    monkeypatch.setattr(gateway, "REQUESTS", 12)
    rows: list[Row] = list(measure("gateway", fault=True))
    assert all(row.value is not None for row in rows), rows
    assert [(row.bound, row.met) for row in rows if row.bound] == [("<= 15", False), (">= 40", False)]
