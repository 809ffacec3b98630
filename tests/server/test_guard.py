"""Who may call: host, origin, size, rate; and what stands on every reply."""

from __future__ import annotations

import http.client
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fieldmark.contenders import is_loopback
from fieldmark.server._guard import CSP, Limits
from tests.house import Browser, Served, two
from tests.upstream import Upstream

ROUTES = (
    "/", "/leaderboard", "/assets/none.js", "/api/v1/session", "/api/v1/status", "/api/v1/board", "/api/v1/nothing",
    "/api/v1/openapi.json", "/v1/models", "/v1/nothing", "/api/v1/votes.csv", "/api/v1/battles/nothing",
)  # fmt: skip


def shape(text: str) -> dict[str, object]:
    """The error inside the API's one shape."""
    body = json.loads(text)
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "hint", "problems"}
    assert body["error"]["message"]
    found: dict[str, object] = body["error"]
    return found


@pytest.mark.parametrize("path", ROUTES)
async def test_security_headers_are_on_every_reply(voter: Browser, path: str) -> None:
    for method in ("GET", "POST", "DELETE", "PUT"):
        headers = {k.lower(): v for k, v in (await voter.send(method, path)).headers.items()}
        assert headers["content-security-policy"] == CSP
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert "unsafe" not in CSP
        if path.startswith(("/api", "/v1")):
            assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.0.0.7", "0.0.0.0", ""]
)
async def test_another_host_is_refused(voter: Browser, host: str) -> None:
    reply = await voter.get("/api/v1/session", Host=host)
    assert reply.status == 421
    assert shape(reply.text)["code"] == "wrong_host"
    assert "Set-Cookie" not in reply.headers


def test_every_name_of_this_machine_is_taken(served: Served) -> None:
    for host in (
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost",
        "LOCALHOST:8421",
        "[::1]",
        "[::1]:8421",
        "127.8.9.1:80",
    ):
        connection = http.client.HTTPConnection("127.0.0.1", served.port)
        connection.request("GET", "/api/v1/status", headers={"Host": host})
        assert connection.getresponse().status == 200, host
        connection.close()
    assert not is_loopback("localhost.evil.example")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_origin_is_refused(voter: Browser, headers: dict[str, str]) -> None:
    for method, path in (
        ("GET", "/api/v1/status"),
        ("POST", "/api/v1/battles"),
        ("POST", "/v1/chat/completions"),
    ):
        reply = await voter.send(method, path, headers=headers)
        assert reply.status == 403
        assert reply.json["error"]["code"] == "wrong_origin"
        if path.startswith("/api"):
            shape(reply.text)


async def test_its_own_origin_and_a_link_to_the_page_are_fine(voter: Browser) -> None:
    own = {"Origin": voter.url, "Sec-Fetch-Site": "same-origin"}
    assert (await voter.send("GET", "/api/v1/status", headers=own)).status == 200
    assert (await voter.get("/", **{"Sec-Fetch-Site": "cross-site"})).status in {200, 503}


async def test_a_body_has_a_limit_with_and_without_its_length(voter: Browser) -> None:
    big = b'{"prompt": "' + b"x" * 300_000 + b'"}'

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(big), 50_000):
            yield big[start : start + 50_000]

    json_type = {"Content-Type": "application/json"}
    for data in (big, chunks()):
        reply = await voter.send("POST", "/api/v1/battles", data=data, headers=json_type)
        assert reply.status == 413, reply.text
        assert shape(reply.text)["code"] == "too_large"
        assert "262,144 bytes" in reply.text
    reply = await voter.send("POST", "/v1/chat/completions", data=big, headers=json_type)
    assert reply.status == 400, "an application may send more: images"


async def test_rates_are_limited(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream), limits=Limits(reads=20, writes=3, battles=2)) as served:
        voter = await Browser(served.url).begin()
        battles = [(await voter.post("/api/v1/battles", {"prompt": "x"})).status for _ in range(4)]
        assert battles == [201, 201, 429, 429]
        writes = [await voter.post("/api/v1/battles/nothing/reveal") for _ in range(4)]
        assert [r.status for r in writes] == [404, 404, 404, 429]
        assert shape(writes[-1].text)["code"] == "too_many"
        reads = [(await voter.get("/api/v1/status")).status for _ in range(25)]
        assert reads[0] == 200
        assert reads[-1] == 429


async def test_errors_have_one_shape_everywhere(
    voter: Browser, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for method, path, status in (
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/nothing.js", 404),
        ("PUT", "/api/v1/status", 405),
        ("POST", "/", 405),
        ("GET", "/api/v1/board?model=elo", 422),
        ("GET", "/api/v1/cards/nobody", 404),
        ("GET", "/api/v1/jobs/nothing", 404),
    ):
        reply = await voter.send(method, path)
        assert reply.status == status, (path, reply.text)
        shape(reply.text)
    assert "GET" in (await voter.send("PUT", "/api/v1/status")).headers["Allow"]

    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(served.house.arena.boards, "standings", broken)
    reply = await voter.get("/api/v1/board")
    assert reply.status == 500
    assert shape(reply.text)["code"] == "internal"
    assert "secret detail" not in reply.text
    assert reply.headers["content-security-policy"] == CSP


@pytest.mark.parametrize(
    "path",
    [
        "/../server/app.py", "/..%2f..%2fserver/app.py", "/%2e%2e/%2e%2e/errors.py", "/assets/../../app.py",
        "//etc/passwd", "/%2fetc%2fpasswd", "/assets/%2e%2e/%2e%2e/run.py", "/a%00b.js", "/x%00",
        "/" + "a" * 300, "/" + "a/" * 3000, "/..\\..\\app.py", "/.fieldmark/cookie.key",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_page(served: Served, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    connection.request("GET", path)
    reply = connection.getresponse()
    text = reply.read().decode(errors="replace")
    connection.close()
    assert reply.status in {200, 400, 404, 503}, (path, reply.status)
    assert "import" not in text or text.lstrip().lower().startswith("<!doctype")
    assert "root:" not in text
