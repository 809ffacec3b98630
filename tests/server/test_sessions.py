"""Cookies and tokens: a browser is one voter, and no other site can act for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import Browser, Served, two
from tests.upstream import Upstream

WRITES = (
    ("POST", "/api/v1/battles"),
    ("POST", "/api/v1/battles/x/vote"),
    ("DELETE", "/api/v1/battles/x/vote"),
    ("POST", "/api/v1/contenders"),
    ("POST", "/api/v1/contenders/probe"),
    ("DELETE", "/api/v1/contenders/x"),
    ("POST", "/api/v1/models/smollm2-135m/pull"),
    ("DELETE", "/api/v1/jobs/x"),
)
SPEC = {"name": "x", "kind": "endpoint", "url": "http://127.0.0.1:9/v1", "model": "m"}
BODY = {"prompt": "x", "choice": "a"}


async def _send(browser: Browser, method: str, path: str, **headers: str) -> int:
    body = (
        SPEC
        if "contenders" in path
        else {}
        if "models" in path
        else {k: BODY[k] for k in BODY if (k == "choice") == ("vote" in path)}
    )
    return (await browser.send(method, path, json=body, headers=headers)).status


async def test_the_cookie_is_for_this_server_alone(served: Served) -> None:
    reply = await Browser(served.url).get("/api/v1/session")
    cookie = reply.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert reply.json["role"] == "admin"
    assert len(reply.json["csrf"]) > 40


async def test_a_session_is_kept(voter: Browser) -> None:
    before = dict(voter.cookies)
    again = await voter.get("/api/v1/session")
    assert "Set-Cookie" not in again.headers
    assert again.json["csrf"] == voter.csrf
    assert voter.cookies == before


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_no_act_without_session_and_token(
    voter: Browser, other: Browser, method: str, path: str
) -> None:
    stranger = Browser(voter.url)
    assert await _send(stranger, method, path) == 403, "no cookie"
    assert await _send(Browser(voter.url, voter.cookies), method, path) == 403, "no token"
    assert await _send(Browser(voter.url, voter.cookies, "forged"), method, path) == 403, "a forged token"
    assert await _send(Browser(voter.url, voter.cookies, other.csrf), method, path) == 403, (
        "another browser's token"
    )
    assert await _send(Browser(voter.url, {}, voter.csrf), method, path) == 403, "a token without its cookie"


async def test_a_forged_cookie_is_no_session(voter: Browser) -> None:
    battle = await voter.battle()
    name, value = next(iter(voter.cookies.items()))
    for forged in (value[:-2] + "xx", value.split(".")[0], "x.y", "", voter.csrf):
        thief = Browser(voter.url, {name: forged}, voter.csrf)
        assert (await thief.get(f"/api/v1/battles/{battle['id']}")).status == 403
        assert (await thief.get("/api/v1/battles/open")).json is None


async def test_a_cookie_of_another_field_is_another_voter(
    tmp_path: Path, voter: Browser, upstream: Upstream
) -> None:
    with Served(two(tmp_path, upstream)) as elsewhere:
        traveller = Browser(elsewhere.url, dict(voter.cookies), voter.csrf)
        assert (await traveller.post("/api/v1/battles", {"prompt": "x"})).status == 403


async def test_the_secret_is_nowhere_in_the_ledger(voter: Browser, served: Served) -> None:
    from itsdangerous import URLSafeSerializer

    await voter.battle()
    secret = URLSafeSerializer("any").loads_unsafe(next(iter(voter.cookies.values())))[1]
    assert isinstance(secret, str)
    assert len(secret) > 20
    state = served.folder / ".fieldmark"
    for file in state.iterdir():
        assert secret.encode() not in file.read_bytes(), file.name
    assert oct((state / "cookie.key").stat().st_mode)[-3:] == "600"


async def test_a_session_outlives_the_server(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream)) as served:
        voter = await Browser(served.url).begin()
        battle = (await voter.battle())["id"]
    with Served(tmp_path) as served:
        voter.url = served.url
        assert (await voter.look(battle))["state"] == "open"
        assert (await voter.vote(battle))["state"] == "voted"
