"""Contenders over the page: this server is not led inside, unless the admin says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fieldmark.server._guard import Limits
from tests.house import Browser, Served, two, until
from tests.server.test_accounts import make_admin, quick_hashes
from tests.upstream import Upstream

__all__ = ["quick_hashes"]
LIMITS = Limits(reads=10**6, writes=10**6, battles=10**6, logins=1000)
INSIDE = (
    "http://10.0.0.1/v1", "http://192.168.1.1/v1", "http://169.254.169.254/latest/v1", "http://[fe80::1]/v1",
    "http://[::ffff:10.0.0.1]/v1", "http://0.0.0.0:8421/v1", "http://[fd00:ec2::254]/v1", "http://100.64.0.1/v1",
)  # fmt: skip


def spec(url: str, **more: Any) -> dict[str, Any]:
    return {"name": "cedar-7b", "kind": "endpoint", "url": url, "model": "echo", "system": "Be dry.", **more}


async def test_on_loopback_without_accounts_only_this_machine_is_inside(
    tmp_path: Path, upstream: Upstream
) -> None:
    with Served(two(tmp_path, upstream), limits=LIMITS) as served:
        browser = await Browser(served.url).begin()
        for url in INSIDE:
            for path in ("contenders/probe", "contenders", "contenders?force=true"):
                reply = await browser.post(f"/api/v1/{path}", spec(url))
                assert reply.status == 400, (url, path)
                assert "private_endpoints" in reply.json["error"]["hint"]
        assert (await browser.post("/api/v1/contenders", spec(upstream.url))).status == 201


@pytest.mark.parametrize("allowed", [False, True])
async def test_with_accounts_it_takes_the_admins_word(
    tmp_path: Path, upstream: Upstream, allowed: bool
) -> None:
    more = '[access]\nprivate_endpoints = ["127.0.0.1"]\n' if allowed else ""
    with Served(two(tmp_path, upstream, more=more), limits=LIMITS) as served:
        admin = await make_admin(served)
        port = upstream.url.split(":")[2]
        for url in (upstream.url, f"http://localhost:{port}", f"http://[::ffff:127.0.0.1]:{port}"):
            reply = await admin.post("/api/v1/contenders/probe", spec(url))
            assert (reply.status != 400) == allowed, url
        battle = await admin.battle()
        assert battle["sides"]["a"] if "sides" in battle else battle
        for kind in served.house.roster.members:
            assert kind.contender.readiness.state != "failed"


async def test_what_the_page_added_is_confined_with_the_first_account(
    tmp_path: Path, upstream: Upstream
) -> None:
    """Also at the moment of connecting: it was added when loopback was allowed."""
    with Served(two(tmp_path, upstream), limits=LIMITS) as served:
        browser = await Browser(served.url).begin()
        assert (await browser.post("/api/v1/contenders", spec(upstream.url))).status == 201
        written = tmp_path / "contenders" / "cedar-7b.toml"
        assert written.read_text().startswith("# Added on the page")
        await make_admin(served)
        await until(lambda: not served.house.roster.trusting)
        await until(lambda: served.house.roster.named("cedar-7b").contender._lease.reach is not None)  # type: ignore[attr-defined]
        before = len(upstream.seen)
        contender = served.house.roster.named("cedar-7b").contender

        async def ask() -> list[object]:
            return [part async for part in contender.stream([{"role": "user", "content": "hello"}])]

        with pytest.raises(Exception, match="inside this network"):
            served.run(ask())
        assert len(upstream.seen) == before
        written.write_text(written.read_text().split("\n", 1)[1])  # the operator makes it their own
        served.refresh()
        assert served.run(ask_again(served))


async def ask_again(served: Served) -> list[object]:
    contender = served.house.roster.named("cedar-7b").contender
    return [part async for part in contender.stream([{"role": "user", "content": "hello"}])]
