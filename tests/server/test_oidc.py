"""Signing in by a real OpenID Connect provider over HTTP, and what happens when it is down or lies."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from fieldmark.fields import OidcAccess
from fieldmark.server._guard import Limits
from fieldmark.server._provider import Provider, ProviderTrouble
from tests.house import Browser, Reply, Served, two
from tests.server.test_accounts import make_admin, quick_hashes
from tests.upstream import Upstream

__all__ = ["quick_hashes"]
GENEROUS = Limits(reads=10**6, writes=10**6, battles=10**6, logins=1000)


@pytest.fixture(autouse=True)
def client_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDMARK_TEST_OIDC", "the-clients-secret")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """In a process of its own; its address."""
    port = _free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://localhost:{port}"
        process.terminate()


def access(issuer: str, more: str = 'domains = ["clinic.example"]') -> str:
    client = 'client_id = "fieldmark"\nclient_secret_env = "FIELDMARK_TEST_OIDC"\nname = "Clinic"'
    return f'[access.oidc]\nissuer = "{issuer}"\n{client}\n{more}\n'


async def _authorize(url: str, **claims: str) -> str:
    """Consent at the provider as somebody; where it leads."""
    async with aiohttp.ClientSession() as session:
        sub = claims.pop("sub")
        provider = "http://" + urlsplit(url).netloc
        async with session.put(f"{provider}/users/{sub}", json=_claims(claims)) as made:
            assert made.status < 300, await made.text()
        async with session.post(url, data={"sub": sub}, allow_redirects=False) as reply:
            assert reply.status == 302, await reply.text()
            return reply.headers["Location"]


def _claims(claims: dict[str, str]) -> dict[str, object]:
    return {
        k: v.split(",") if k == "groups" else v == "true" if k == "email_verified" else v
        for k, v in claims.items()
    }


async def _get(browser: Browser, path: str) -> Reply:
    return await browser.send("GET", path, allow_redirects=False)


async def sign_in(browser: Browser, **claims: str) -> str:
    """The whole way; where the page is in the end."""
    leaving = await _get(browser, "/api/v1/oidc/start")
    assert leaving.status == 303
    back = await _authorize(leaving.headers["Location"], **claims)
    parts = urlsplit(back)
    arrived = await _get(browser, f"{parts.path}?{parts.query}")
    assert arrived.status == 303
    return arrived.headers["Location"]


async def test_the_whole_way(tmp_path: Path, upstream: Upstream, provider: str) -> None:
    more = access(
        provider,
        'domains = ["clinic.example"]\nrole_claim = "groups"\nroles = { leads = "admin", guests = "viewer" }',
    )
    with Served(two(tmp_path, upstream, more=more), limits=GENEROUS) as served:
        await make_admin(served)
        browser = await Browser(served.url).begin()
        assert (await browser.get("/api/v1/session")).json["sign_in"]["oidc"] == "Clinic"
        leaving = (await _get(browser, "/api/v1/oidc/start")).headers["Location"]
        asked = {k: v[0] for k, v in parse_qs(urlsplit(leaving).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["state"]) >= 32
        assert len(asked["nonce"]) >= 32
        assert asked["redirect_uri"] == f"{served.url}/api/v1/oidc/callback"

        before = dict(browser.cookies)
        place = await sign_in(browser, sub="bo", email="bo@clinic.example", email_verified="true")
        assert place == "/"
        await browser.begin()
        session = (await browser.get("/api/v1/session")).json
        assert session["role"] == "voter"
        assert session["name"] == "bo@clinic.example"
        assert browser.cookies[served.house.sessions.cookie] != before[served.house.sessions.cookie]
        assert (await browser.post("/api/v1/battles", {"prompt": "x"})).status == 201

        again = await Browser(served.url).begin()
        claims = {
            "sub": "bo",
            "email": "bo@clinic.example",
            "email_verified": "true",
            "groups": "guests,other",
        }
        assert await sign_in(again, **claims) == "/"
        session = (await again.get("/api/v1/session")).json
        assert (session["name"], session["role"]) == ("bo@clinic.example", "viewer"), (
            "the same account, a new role"
        )
        assert (await browser.get("/api/v1/session")).json["role"] == "viewer"


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "mal", "email": "mal@evil.example", "email_verified": "true"},
        {"sub": "mal2", "email": "mal@clinic.example", "email_verified": "false"},
        {"sub": "mal3", "email": "mal@clinic.example.evil.example", "email_verified": "true"},
        {"sub": "mal4"},
        {"sub": "mal5", "groups": "leads"},
    ],
)
async def test_whom_the_field_does_not_name_stays_out(
    tmp_path: Path, upstream: Upstream, provider: str, claims: dict[str, str]
) -> None:
    with Served(two(tmp_path, upstream, more=access(provider)), limits=GENEROUS) as served:
        await make_admin(served)
        browser = await Browser(served.url).begin()
        assert await sign_in(browser, **claims) == "/sign-in?problem=not_allowed"
        assert (await browser.get("/api/v1/session")).json["role"] is None


async def test_a_code_is_for_the_browser_that_began(
    tmp_path: Path, upstream: Upstream, provider: str
) -> None:
    """Otherwise somebody could sign a visitor in as themselves (login CSRF)."""
    with Served(two(tmp_path, upstream, more=access(provider, "anyone = true")), limits=GENEROUS) as served:
        await make_admin(served)
        mallory, victim = await Browser(served.url).begin(), await Browser(served.url).begin()
        leaving = (await _get(mallory, "/api/v1/oidc/start")).headers["Location"]
        back = urlsplit(await _authorize(leaving, sub="mallory"))
        path = f"{back.path}?{back.query}"
        assert (await _get(victim, path)).headers["Location"] == "/sign-in?problem=expired"
        await _get(victim, "/api/v1/oidc/start")
        assert (await _get(victim, path)).headers["Location"] == "/sign-in?problem=expired"
        assert (await victim.get("/api/v1/session")).json["role"] is None
        refused = "/api/v1/oidc/callback?error=access_denied&state="
        assert (await _get(mallory, refused)).headers["Location"].startswith("/sign-in?problem=")
        wrong = await Browser(served.url).begin()
        leaving = (await _get(wrong, "/api/v1/oidc/start")).headers["Location"]
        state = parse_qs(urlsplit(leaving).query)["state"][0]
        forged = await _get(wrong, f"/api/v1/oidc/callback?code=forged&state={state}")
        assert forged.headers["Location"] == "/sign-in?problem=refused"


async def test_a_revoked_identity_stays_out(tmp_path: Path, upstream: Upstream, provider: str) -> None:
    with Served(two(tmp_path, upstream, more=access(provider, "anyone = true")), limits=GENEROUS) as served:
        admin = await make_admin(served)
        browser = await Browser(served.url).begin()
        assert await sign_in(browser, sub="cy") == "/"
        listed = {a["name"]: a for a in (await admin.get("/api/v1/accounts")).json}
        assert listed["cy"]["provider"] == provider
        await admin.delete(f"/api/v1/accounts/{listed['cy']['id']}")
        assert (await browser.get("/api/v1/board")).status == 401
        assert await sign_in(browser, sub="cy") == "/sign-in?problem=revoked"
        await browser.begin()
        assert (await browser.sign_in("cy", "any password at all")).status == 401


async def test_a_provider_that_is_down(tmp_path: Path, upstream: Upstream) -> None:
    issuer = f"http://127.0.0.1:{_free_port()}"
    with Served(two(tmp_path, upstream, more=access(issuer)), limits=GENEROUS) as served:
        await make_admin(served)
        browser = await Browser(served.url).begin()
        leaving = await _get(browser, "/api/v1/oidc/start")
        assert (leaving.status, leaving.headers["Location"]) == (303, "/sign-in?problem=unreachable")
        flow = served.house.sessions.flows.dumps(["state", "nonce", "verifier"])
        browser.cookies[f"{served.house.sessions.cookie}-oidc"] = str(flow)
        back = await _get(browser, "/api/v1/oidc/callback?code=x&state=state")
        assert (back.status, back.headers["Location"]) == (303, "/sign-in?problem=unreachable")
        await browser.begin()
        assert (await browser.sign_in("ada", "seven quiet herons")).status == 200, "passwords still work"


async def test_without_a_provider(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream), limits=GENEROUS) as served:
        await make_admin(served)
        browser = await Browser(served.url).begin()
        assert (await _get(browser, "/api/v1/oidc/start")).headers[
            "Location"
        ] == "/sign-in?problem=unreachable"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('{"issuer": "https://evil.example"}', "invalid"),
        ("{}", "invalid"),
        ("[]", "invalid"),
        ("<html>", "invalid"),
        ("", "invalid"),
    ],
)
async def test_a_provider_that_says_something_else_is_not_believed(said: str, code: str) -> None:
    class Odd(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(said.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Odd) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        issuer = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(ProviderTrouble) as error:
            await Provider(OidcAccess(issuer=issuer, client_id="x")).leave("http://127.0.0.1/callback")
    assert error.value.code == code


async def test_a_missing_client_secret_is_said(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_SECRET", raising=False)
    lacking = Provider(OidcAccess(issuer=provider, client_id="x", client_secret_env="NO_SUCH_SECRET"))
    with pytest.raises(ProviderTrouble) as error:
        await lacking.leave("http://127.0.0.1/api/v1/oidc/callback")
    assert error.value.code == "no_secret"
