"""Health, readiness, and numbers that give nobody away."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fieldmark.errors import LedgerUnavailable
from fieldmark.fields import create_key
from fieldmark.server._guard import Limits
from tests.house import Browser, Served, two
from tests.server.test_accounts import make_admin, quick_hashes
from tests.upstream import Upstream

__all__ = ["quick_hashes"]


async def test_health_and_readiness(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(served.url)
    assert (await browser.get("/healthz")).text == "ok\n"
    assert (await browser.get("/readyz")).text == "ready\n"

    async def full(_: object) -> None:
        raise LedgerUnavailable("the disk is full")

    monkeypatch.setattr(served.house.ledger, "awrite", full)
    reply = await browser.get("/readyz")
    assert reply.status == 503
    assert "disk" not in reply.text
    assert (await browser.get("/healthz")).status == 200


async def test_numbers_are_prometheus_and_name_nobody(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream, "echo", "garbage")) as served:
        browser = await Browser(served.url).begin()
        battle = await browser.start()
        await browser.ready(battle)
        await browser.get(f"/api/v1/battles/{battle}")
        await browser.get("/api/v1/cards/alder-7b")
        await browser.get("/no/such/page/alder-7b")
        text = (await browser.get("/metrics")).text
        families = {f.name: f for f in text_string_to_metric_families(text)}
        values = {
            s.name + str(sorted(s.labels.items())): s.value for f in families.values() for s in f.samples
        }
        assert values["fieldmark_records_total[('type', 'battle')]"] == 1
        assert values["fieldmark_answer_failures_total[('kind', 'garbage')]"] >= 1
        assert values["fieldmark_ledger_records[]"] > 3
        assert "fieldmark_streams_open[]" in values
        assert values["fieldmark_commit_seconds_count[]"] >= 2
        routes = {s.labels["route"] for s in families["fieldmark_requests"].samples if "route" in s.labels}
        assert "/api/v1/battles/{battle}" in routes
        for name in ("alder", "birch", battle, "garbage-7b", "echo"):
            assert name not in text, "an open round's contenders are in no label"


async def test_who_may_read_the_numbers(tmp_path: Path, upstream: Upstream) -> None:
    from tests.server.test_front import BEHIND, OUTSIDE

    with Served(two(tmp_path, upstream), front=BEHIND, limits=Limits(logins=1000)) as served:
        _, key = served.house.ledger.write(lambda now: create_key(now, "prom", ["metrics"], actor="system"))
        _, other = served.house.ledger.write(lambda now: create_key(now, "app", ["ask"], actor="system"))
        browser = Browser(served.url)
        statuses = [
            (await browser.get("/metrics", **OUTSIDE, **more)).status
            for more in (
                {},
                {"Authorization": f"Bearer {key}"},
                {"Authorization": f"Bearer {other}"},
                {"Authorization": "Bearer nonsense"},
            )
        ]
        assert statuses == [403, 200, 403, 401]
    with Served(tmp_path, limits=Limits(logins=1000)) as served:
        admin = await make_admin(served) if not await served.house.sessions.needed() else Browser(served.url)
        assert (await admin.get("/metrics")).status == 200
