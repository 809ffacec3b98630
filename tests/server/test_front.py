"""Serving others: names, proxies, certificates, cookies; and what is refused before anything is served."""

from __future__ import annotations

import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fieldmark.errors import ServeError
from fieldmark.fields import accounts, load_field, open_ledger
from fieldmark.server._front import Front, networks
from fieldmark.server._guard import HSTS, Limits
from fieldmark.server._passwords import hash_password
from fieldmark.server.run import Outside, serve
from tests.house import GENEROUS, Browser, Served, two
from tests.upstream import Upstream

BEHIND = Front(frozenset({"field.example.org"}), networks(["127.0.0.1"]), tls=False, secure=True, public=True)
OUTSIDE = {
    "Host": "field.example.org",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "203.0.113.9",
}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Served]:
    """A field behind a proxy that is this test."""
    folder = two(tmp_path_factory.mktemp("field"), upstream)
    with Served(folder, front=BEHIND, limits=GENEROUS) as served:
        yield served


async def test_only_names_that_were_allowed(behind: Served) -> None:
    browser = Browser(behind.url)
    for host, status in (
        ("field.example.org", 200),
        ("FIELD.example.org:443", 200),
        ("127.0.0.1", 200),
        ("evil.example", 421),
        ("field.example.org.evil.example", 421),
        ("xfield.example.org", 421),
    ):
        reply = await browser.get("/api/v1/session", **{**OUTSIDE, "Host": host})
        assert reply.status == status, host
    assert (await browser.get("/healthz", Host="10.0.0.3")).status == 200, "supervisors ask by address"


async def test_origins_are_compared_with_the_address_outside(behind: Served) -> None:
    browser = Browser(behind.url)
    for origin, status in (
        ("https://field.example.org", 200),
        ("http://field.example.org", 403),
        ("https://evil.example", 403),
        ("https://field.example.org:8443", 403),
    ):
        reply = await browser.get("/api/v1/session", **{**OUTSIDE, "Origin": origin})
        assert reply.status == status, origin


async def test_cookies_and_replies_are_for_encrypted_connections_only(behind: Served) -> None:
    reply = await Browser(behind.url).get("/api/v1/session", **OUTSIDE)
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith("__Host-fieldmark-")
    assert "secure" in cookie.lower()
    assert "domain" not in cookie.lower()
    assert reply.headers["Strict-Transport-Security"] == HSTS
    assert reply.json["role"] is None, "before the first account too, since others can reach it"
    assert reply.json["accounts"] is True


async def test_nothing_is_open_before_the_first_account(behind: Served) -> None:
    browser = Browser(behind.url)
    for path in ("/api/v1/board", "/api/v1/contenders", "/v1/models", "/metrics"):
        assert (await browser.get(path, **OUTSIDE)).status in {401, 403}, path
    direct = await browser.get("/metrics")
    assert direct.status == 403, "a proxy that tells nothing of the caller is not this machine's own user"


def test_whom_a_proxy_is_believed_about() -> None:
    front = Front(proxies=networks(["127.0.0.1", "10.0.0.0/24"]))
    assert front.client("127.0.0.1", "203.0.113.9") == "203.0.113.9"
    assert front.client("127.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.5") == "203.0.113.9"
    assert front.client("192.0.2.1", "203.0.113.9") == "192.0.2.1", "no proxy of ours"
    assert front.client("127.0.0.1", "nonsense") == "127.0.0.1"
    assert front.client("127.0.0.1", None) == "127.0.0.1"
    with pytest.raises(ServeError, match="no address"):
        networks(["proxy.example"])


async def test_headers_of_strangers_are_not_believed(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream), limits=Limits(reads=5)) as served:
        browser = Browser(served.url)
        own = {"X-Forwarded-Proto": "https", "Origin": f"https://127.0.0.1:{served.port}"}
        assert (await browser.get("/api/v1/status", **own)).status == 403
        statuses = [
            (await browser.get("/api/v1/status", **{"X-Forwarded-For": f"203.0.113.{i}"})).status
            for i in range(8)
        ]
        assert 429 in statuses, "an address of one's own making is not another caller"


async def test_new_cookies_do_not_lift_an_addresss_limit(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream), front=BEHIND, limits=Limits(reads=4, per_address=2)) as served:
        statuses: list[int] = []
        for _ in range(12):
            browser = Browser(served.url)
            reply = await browser.get("/api/v1/session", **OUTSIDE)
            if reply.status == 200:
                reply = await browser.get("/api/v1/session", **OUTSIDE)
            statuses.append(reply.status)
        assert statuses[0] == 200
        assert statuses[-1] == 429
        other = {**OUTSIDE, "X-Forwarded-For": "198.51.100.7"}
        assert (await Browser(served.url).get("/api/v1/session", **other)).status == 200


async def test_so_many_requests_at_once(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream), limits=Limits(at_once=3)) as served:
        browser = await Browser(served.url).begin()
        own = {"Cookie": "; ".join(f"{k}={v}" for k, v in browser.cookies.items())}
        async with aiohttp.ClientSession() as session:
            open_ = [await session.get(f"{served.url}/api/v1/status/events", headers=own) for _ in range(3)]
            assert [r.status for r in open_] == [200, 200, 200]
            full = await browser.get("/api/v1/status")
            assert full.status == 429
            assert "at once" in full.text
            assert (await (await Browser(served.url).begin()).get("/api/v1/status")).status == 200
            for reply in open_:
                reply.close()


@pytest.mark.parametrize(
    ("outside", "host", "message"),
    [
        (Outside(hosts=["field.example.org"]), "127.0.0.1", "without encryption"),
        (Outside(hosts=["field.example.org"]), "0.0.0.0", "without encryption"),
        (Outside(hosts=["not a name"]), "127.0.0.1", "no host name"),
        (Outside(certificate=Path("a.pem")), "127.0.0.1", "needs its key"),
        (Outside(certificate=Path("no.pem"), key=Path("no.key")), "127.0.0.1", "there is no file"),
        (Outside(proxies=["nonsense"]), "127.0.0.1", "no address"),
        (Outside(hosts=["field.example.org"], proxies=["127.0.0.1"]), "127.0.0.1", "nobody is admin"),
        (Outside(hosts=["field.example.org"], plain_http=True), "0.0.0.0", "nobody is admin"),
    ],
)
def test_what_is_refused_before_it_serves(
    tmp_path: Path, upstream: Upstream, outside: Outside, host: str, message: str
) -> None:
    with pytest.raises(ServeError, match=message) as error:
        serve(two(tmp_path, upstream), host=host, port=0, ready=lambda *_: None, outside=outside)
    assert error.value.hint


def certificate(folder: Path, host: str = "localhost") -> tuple[Path, Path]:
    """A self-signed certificate for that name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    return cert, secret


async def test_its_own_certificate_and_the_first_admins_link(tmp_path: Path, upstream: Upstream) -> None:
    folder = two(tmp_path / "field", upstream)
    cert, key = certificate(tmp_path)
    command = [
        sys.executable,
        "-m",
        "fieldmark",
        "up",
        str(folder),
        "--port",
        "0",
        "--allow-host",
        "field.example.org",
    ]
    command += ["--tls-cert", str(cert), "--tls-key", str(key), "--first-admin"]
    trusting = ssl.create_default_context(cafile=str(cert))
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:  # noqa: ASYNC220
        assert process.stderr is not None
        killer = threading.Timer(60, process.kill)
        killer.start()
        url, token = "", ""
        for line in process.stderr:
            url = line.split(" on ")[1].split()[0] if "is served on" in line else url
            if "/invite#" in line:
                token = line.strip().split("#")[1]
                break
        assert url.startswith("https://127.0.0.1:")
        local = url.replace("127.0.0.1", "localhost")
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusting), cookie_jar=jar
        ) as session:
            begun = await session.get(f"{local}/api/v1/session")
            assert begun.headers["Strict-Transport-Security"]
            assert "Secure" in begun.headers["Set-Cookie"]
            own = {"X-Fieldmark-CSRF": (await begun.json())["csrf"]}
            body = {"token": token, "name": "ada", "password": "seven quiet herons"}
            made = await session.post(f"{local}/api/v1/invitations/accept", json=body, headers=own)
            assert (await made.json())["role"] == "admin"
            assert (await session.get(f"{local}/api/v1/accounts")).status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(15) in {0, 130}
        rest = process.stderr.read()
        killer.cancel()
        assert "Traceback" not in rest
        assert token not in rest


def test_with_an_admin_it_starts_for_others(tmp_path: Path, upstream: Upstream) -> None:
    folder = two(tmp_path, upstream)
    with open_ledger(load_field(folder)) as ledger:
        new = accounts.NewAccount("ada", "admin", hash_password("seven quiet herons"))
        ledger.write(lambda now: accounts.add_account(now, new, by="system"))
    command = [sys.executable, "-m", "fieldmark", "up", str(folder), "--port", "0"]
    command += ["--proxy", "127.0.0.1", "--allow-host", "field.example.org"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        killer = threading.Timer(60, process.kill)
        killer.start()
        assert any("is served on" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        assert process.wait(15) in {0, 130}
        killer.cancel()
