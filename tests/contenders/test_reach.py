"""Where a contender that was added over the page may lead: nowhere inside, however it is spelled or resolved."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from fieldmark.contenders import ContenderSpec, Reach, make_contender, probe
from tests.upstream import Upstream

PUBLIC = Reach()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::", "10.0.0.7", "172.16.0.1", "192.168.1.1", "100.64.0.1",
        "169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fc00::1", "224.0.0.1", "ff02::1",
        "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::",
        "::127.0.0.1", "100.100.100.200", "not an address", "",
    ],
)  # fmt: skip
def test_what_is_inside(address: str) -> None:
    assert not PUBLIC.allows(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_what_is_public(address: str) -> None:
    assert PUBLIC.allows(address)


def test_what_an_admin_allows() -> None:
    reach = Reach.of(["10.0.0.0/24", "Ollama.internal", "192.168.1.5", "fd00::/8"], loopback=False)
    assert reach.allows("10.0.0.200")
    assert not reach.allows("10.0.1.1")
    assert reach.allows("192.168.1.5")
    assert not reach.allows("192.168.1.6")
    assert reach.allows("fd00::5")
    assert reach.allows("::ffff:10.0.0.3")
    assert reach.frees("http://ollama.internal:11434/v1")
    assert not reach.frees("http://evil.ollama.internal/v1")
    assert not reach.allows("127.0.0.1")
    own = Reach.of([], loopback=True)
    assert own.allows("127.0.0.1")
    assert own.allows("::1")
    assert not own.allows("0.0.0.0")
    assert not own.allows("10.0.0.1")


def spec(url: str) -> ContenderSpec:
    return ContenderSpec(name="x", kind="endpoint", url=url, model="echo")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]"],
)
async def test_no_spelling_of_loopback_is_reached(upstream: Upstream, host: str) -> None:
    port = upstream.url.split(":")[2].split("/")[0]
    contender = make_contender(spec(f"http://{host}:{port}/v1"), reach=PUBLIC)
    before = len(upstream.seen)
    try:
        found = await probe(contender)
    finally:
        await contender.close()
    assert not found.ok
    assert len(upstream.seen) == before
    # The last is what aiohttp says of a host in decimal or octal.
    words = ("inside this network", "not known", "does not answer in HTTP")
    assert any(each in found.message for each in words)
    if "inside" in found.message:
        assert "private_endpoints" in found.hint


async def test_a_name_that_is_pointed_elsewhere_after_the_check(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: public when it was looked up, loopback when it is connected to."""
    answers = ["93.184.216.34", "127.0.0.1"]
    asked: list[str] = []

    async def resolve(_: object, host: Any, port: Any, **__: Any) -> list[Any]:
        asked.append(str(host))
        address = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 80))]

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(type(loop), "getaddrinfo", resolve)
    port = upstream.url.split(":")[2].split("/")[0]
    url = f"http://rebound.example:{port}/v1"
    await PUBLIC.check(url)  # passes: public
    contender = make_contender(spec(url), reach=PUBLIC)
    before = len(upstream.seen)
    try:
        found = await probe(contender)
    finally:
        await contender.close()
    assert not found.ok
    assert found.failure == "refused"
    assert "inside this network" in found.message
    assert len(upstream.seen) == before
    assert "rebound.example" in asked


async def test_allowed_ones_are_reached(upstream: Upstream) -> None:
    for reach in (
        None,
        Reach(loopback=True),
        Reach.of(["127.0.0.0/8"], loopback=False),
        Reach.of(["localhost"], loopback=False),
    ):
        url = upstream.url.replace("127.0.0.1", "localhost") if reach and reach.hosts else upstream.url
        contender = make_contender(spec(url), reach=reach)
        try:
            assert (await probe(contender)).ok, reach
        finally:
            await contender.close()


async def test_a_proxy_is_not_a_way_round(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", upstream.url.removesuffix("/v1"))
    monkeypatch.setenv("no_proxy", "")
    contender = make_contender(spec("http://10.11.12.13/v1"), reach=PUBLIC)
    before = len(upstream.seen)
    try:
        found = await probe(contender)
    finally:
        await contender.close()
    assert "inside this network" in found.message
    assert len(upstream.seen) == before


async def test_confined_and_free_sessions_are_both_closed(upstream: Upstream) -> None:
    free, confined = make_contender(spec(upstream.url)), make_contender(spec(upstream.url), reach=PUBLIC)
    assert (await probe(free)).ok
    assert not (await probe(confined)).ok
    confined.confine(None)
    assert (await probe(confined)).ok
    await free.close()
    await confined.close()
    from fieldmark.contenders._http import _shared

    assert not _shared.get(asyncio.get_running_loop())
