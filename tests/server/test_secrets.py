"""A served field with known secrets does everything; none of them is in a log, an error, an export or the ledger."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from fieldmark.fields import create_key, load_field
from fieldmark.server._guard import Limits
from tests.house import Browser, Served, endpoint, two
from tests.server.test_accounts import PASSWORD, make_admin, quick_hashes
from tests.upstream import Upstream

__all__ = ["quick_hashes"]
ENDPOINT_KEY = "sk-endpoint-SECRET-0123456789abcdef"
CLIENT_SECRET = "oidc-client-SECRET-0123456789"
NEW_PASSWORD = "nine loud SECRET herons"


async def _everything(served: Served, admin: Browser, token: str, app_key: str) -> list[str]:
    """Every route with something wrong and something right; all that came back."""
    stranger = await Browser(served.url).begin()
    body = {"token": token, "name": "bo", "password": PASSWORD}
    await stranger.post("/api/v1/invitations/accept", {**body, "role": "admin"})  # 422
    await stranger.post("/api/v1/invitations/accept", {**body, "password": 7})
    await stranger.post("/api/v1/login", {"name": ["ada"], "password": PASSWORD})
    await stranger.post("/api/v1/login", {"name": "ada", "password": PASSWORD, "more": 1})
    await stranger.sign_in("ada", NEW_PASSWORD)
    entered = await stranger.post("/api/v1/invitations/accept", body)
    stranger.csrf = entered.json["csrf"]
    battle = await stranger.battle()
    await stranger.vote(battle["id"])
    await stranger.patch("/api/v1/account/password", {"old": PASSWORD, "new": NEW_PASSWORD, "x": 1})
    changed = await stranger.patch("/api/v1/account/password", {"old": PASSWORD, "new": NEW_PASSWORD})
    stranger.csrf = changed.json["csrf"]
    spec = {"name": "cedar", "kind": "endpoint", "url": "http://u:pw-SECRET@127.0.0.1/v1", "model": "m"}
    await admin.post("/api/v1/contenders", spec)
    await admin.post(
        "/api/v1/contenders/probe", {**spec, "url": "http://127.0.0.1:9/v1", "key_env": "X_API_KEY"}
    )
    bearer = {"Authorization": f"Bearer {app_key}"}
    ask = {"model": "alder-7b", "messages": [{"role": "user", "content": "hello"}]}
    for request in (ask, {**ask, "stream": True}, {**ask, "model": "none"}, {**ask, "tools": 7}):
        await stranger.send("POST", "/v1/chat/completions", headers=bearer, json=request)
    await stranger.send(
        "POST", "/v1/chat/completions", headers={"Authorization": f"Bearer {app_key}x"}, json=ask
    )
    await stranger.send("POST", "/api/v1/cases/none/outcome", headers=bearer, json={"result": "solved"})
    await stranger.send("GET", "/metrics", headers=bearer)
    await stranger.send("GET", "/api/v1/oidc/start", allow_redirects=False)
    await stranger.send("GET", "/api/v1/oidc/callback?code=code-SECRET&state=s", allow_redirects=False)
    for path in (
        "accounts",
        "audit",
        "keys",
        "invitations",
        "votes.csv",
        "contenders",
        "session",
        "field",
        "openapi.json",
    ):
        await admin.get(f"/api/v1/{path}")
    await stranger.post("/api/v1/logout")
    return [*stranger.heard, *admin.heard]


async def test_no_secret_anywhere(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ALDER_API_KEY", ENDPOINT_KEY)
    monkeypatch.setenv("X_API_KEY", ENDPOINT_KEY)
    monkeypatch.setenv("FIELDMARK_TEST_OIDC", CLIENT_SECRET)
    caplog.set_level(logging.DEBUG)
    more = (
        '[access]\nprivate_endpoints = ["127.0.0.0/8"]\n[access.oidc]\nissuer = "http://127.0.0.1:9"\n'
        'client_id = "x"\nclient_secret_env = "FIELDMARK_TEST_OIDC"\n'
    )
    folder = two(tmp_path, upstream, more=more, alder='key_env = "ALDER_API_KEY"')
    (folder / "contenders").mkdir()
    refusing = endpoint("refusing", upstream.url, "refuse:401", 'key_env = "ALDER_API_KEY"')
    (folder / "contenders" / "refusing.toml").write_text(refusing.replace("[[contenders]]\n", ""))
    secrets: dict[str, str] = {
        "endpoint key": ENDPOINT_KEY,
        "OIDC secret": CLIENT_SECRET,
        "code": "code-SECRET",
    }
    secrets |= {"password": PASSWORD, "new password": NEW_PASSWORD, "url password": "pw-SECRET"}
    with Served(folder, limits=Limits(reads=10**6, writes=10**6, logins=1000)) as served:
        admin = await make_admin(served)
        app, app_key = served.house.ledger.write(
            lambda now: create_key(now, "desk", ["ask", "outcome", "metrics"], actor="system")
        )
        served.house.gateway.keys.forget()
        token = (await admin.post("/api/v1/invitations", {"role": "voter"})).json["token"]
        admin.heard.clear()  # the token is told in that reply, once
        heard = await _everything(served, admin, token, app_key)
        for name, value in admin.cookies.items():
            loaded: Any = served.house.sessions._signer.loads(value)
            secrets |= {f"cookie {name}": loaded[0]}
        secrets |= {"application key": app_key, "invitation": token}
        secrets |= {"cookie key": (folder / ".fieldmark" / "cookie.key").read_text()}
        served.house.ledger.export(tmp_path / "export.jsonl", texts=tmp_path / "texts.jsonl", withheld=True)
        assert app.id in "".join(heard), "the key's id is no secret"
    places = {
        "replies": "\n".join(heard).encode(),
        "log": caplog.text.encode(),
        **{f.name: f.read_bytes() for f in (tmp_path / "export.jsonl", tmp_path / "texts.jsonl")},
        **{
            f.name: f.read_bytes()
            for f in (folder / ".fieldmark").iterdir()
            if f.is_file() and f.name != "cookie.key"
        },
    }
    # A browser's own cookie and token come in its own replies, signed; what is searched for is what they stand for.
    found = [
        (name, place)
        for name, secret in secrets.items()
        for place, content in places.items()
        if secret.encode() in content and not (place == "replies" and name.startswith("cookie "))
    ]
    assert found == []
    assert load_field(folder)


async def test_addresses_are_told_to_admins_only(tmp_path: Path, upstream: Upstream) -> None:
    folder = two(tmp_path, upstream, alder='key_env = "ALDER_API_KEY"')
    with Served(folder, limits=Limits(logins=1000)) as served:
        admin = await make_admin(served)
        await admin.post("/api/v1/accounts", {"name": "vi", "role": "viewer", "password": PASSWORD})
        viewer = await Browser(served.url).begin()
        await viewer.sign_in("vi", PASSWORD)
        assert upstream.url in (await admin.get("/api/v1/contenders")).text
        told = (await viewer.get("/api/v1/contenders")).text
        assert upstream.url not in told
        assert "ALDER_API_KEY" not in told
