"""Put the shipped configurations of nginx and Caddy in front of a served field: `python -m soak.proxies`.

Each proxy that is installed runs with `deploy/nginx.conf` or `deploy/Caddyfile` as it stands, but for the port, the
certificate and the upstream's port. Through it, by HTTPS and under the field's name, a page is opened, an admin signs
in, a round and `/v1` are streamed while it is watched when each piece arrives, and what must be refused is tried.
`--sabotage` leaves out what each configuration does for streams and for the sender's address; that must be found.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver

from benchmarks import _load
from fieldmark.fields import SYSTEM, accounts, create_key, load_field, open_ledger
from fieldmark.server._passwords import hash_password
from soak._workspace import ROOT
from tests.server.test_front import certificate

NAME = "field.example.org"
PASSWORD = "correct horse battery"
TOKENS, RATE = 40, 20.0
"""Of an answer, and how many come in a second."""
LUMP = 0.4
"""Seconds between two reads of a stream that flows at `RATE`, at most."""


def main() -> int:
    """0: each proxy at hand passes on all that it must."""
    parser = argparse.ArgumentParser(prog="python -m soak.proxies", description=__doc__)
    parser.add_argument("--sabotage", action="store_true")
    given = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, _load.stub(tokens=TOKENS, rate=RATE) as stub:
        field = _load.write_field(Path(folder) / "field", stub)
        key = _prepare(field)
        cert, secret = certificate(Path(folder), NAME)
        for program, start in (("nginx", _nginx), ("caddy", _caddy)):
            if shutil.which(program) is None:
                print(f"{program}: not installed, not tried")
                continue
            with _served(field) as port, start(Path(folder), port, cert, secret, given.sabotage) as front:
                wrong += asyncio.run(_look(program, front, cert, key))
    print(f"{wrong} things wrong")
    return 1 if wrong else 0


def _prepare(field: Path) -> str:
    with open_ledger(load_field(field)) as ledger:
        new = accounts.NewAccount("ada", "admin", hash_password(PASSWORD))
        ledger.write(lambda now: accounts.add_account(now, new, by=SYSTEM))
        return ledger.write(lambda now: create_key(now, "post-room", ["ask"], actor=SYSTEM))[1]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def _running(command: list[str], **more: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, text=True, **more)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:  # Caddy waits for its last connection
            process.kill()
            process.wait()


@contextmanager
def _served(field: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "fieldmark", "up", str(field), "--port", "0"]
    command += ["--allow-host", NAME, "--proxy", "127.0.0.1"]
    with _running(command, stderr=subprocess.PIPE) as process:
        assert process.stderr
        for line in process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                yield int(found[1])
                return
        raise RuntimeError("the server did not start")


@contextmanager
def _nginx(folder: Path, upstream: int, cert: Path, secret: Path, sabotage: bool) -> Iterator[str]:
    port = _free_port()
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    text = re.sub(r"listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;", text)
    text = re.sub(r"(?m)^\s*listen \[::\].*\n", "", text)
    text = re.sub(r"ssl_certificate\s+\S+;", f"ssl_certificate {cert};", text)
    text = re.sub(r"ssl_certificate_key\s+\S+;", f"ssl_certificate_key {secret};", text)
    text = text.replace("127.0.0.1:8421", f"127.0.0.1:{upstream}")
    if sabotage:
        text = text.replace("proxy_buffering off;", "proxy_buffering on;")
        text = text.replace("X-Forwarded-For $remote_addr", "X-Forwarded-For $http_x_forwarded_for")
    places = "".join(
        f"{each}_temp_path {folder}/{each};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log stderr warn; events {{}}\n"
        f"http {{ access_log off; {places}\n{text}\n}}\n"
    )
    with _running(["nginx", "-p", str(folder), "-c", str(config)]):
        yield _ready(port)


@contextmanager
def _caddy(folder: Path, upstream: int, cert: Path, secret: Path, sabotage: bool) -> Iterator[str]:
    port = _free_port()
    text = (ROOT / "deploy" / "Caddyfile").read_text()
    text = text.replace(f"{NAME} {{", f"https://{NAME}:{port} {{\n\ttls {cert} {secret}\n\tbind 127.0.0.1")
    text = text.replace("127.0.0.1:8421", f"127.0.0.1:{upstream}")
    if sabotage:
        text = text.replace("flush_interval -1", "header_up X-Forwarded-For {header.X-Forwarded-For}")
        text = text.replace("encode zstd gzip", "encode gzip")
    config = folder / "Caddyfile"
    config.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + text)
    more = {"env": {"PATH": "/usr/bin:/bin", "HOME": str(folder), "XDG_DATA_HOME": str(folder)}}
    with _running(
        ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)],
        stderr=subprocess.DEVNULL,
        **more,
    ):
        yield _ready(port)


def _ready(port: int) -> str:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return f"https://{NAME}:{port}"
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the proxy did not start")


class _Here(AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[Any]:
        """127.0.0.1."""
        return [
            {"hostname": host, "host": "127.0.0.1", "port": port, "family": family, "proto": 0, "flags": 0}
        ]

    async def close(self) -> None:
        """Nothing to do."""


async def _look(program: str, url: str, cert: Path, key: str) -> int:
    trusting = ssl.create_default_context(cafile=str(cert))
    connector = aiohttp.TCPConnector(ssl=trusting, resolver=_Here())
    wrong = 0

    def say(what: str, fine: bool, seen: object = "") -> None:
        nonlocal wrong
        wrong += not fine
        print(f"{program}: {what}: {'as it must be' if fine else 'WRONG'}{f' ({seen})' if seen else ''}")

    async with aiohttp.ClientSession(connector=connector, headers={"origin": url}) as session:
        async with session.get(f"{url}/api/v1/session") as reply:
            cookie = reply.headers.get("set-cookie", "")
            say("cookie is for HTTPS only", "Secure" in cookie)
            say("HTTPS is remembered", "strict-transport-security" in reply.headers)
            own = {"x-fieldmark-csrf": (await reply.json())["csrf"]}
        async with session.get(f"{url}/") as reply:
            say("page", reply.status == 200 and "<html" in await reply.text(), reply.status)
        body = {"name": "ada", "password": PASSWORD}
        async with session.post(f"{url}/api/v1/login", json=body, headers=own) as reply:
            said = await reply.json()
            say("signing in", reply.status == 200, reply.status)
            own = {"x-fieldmark-csrf": said.get("csrf", "")}
        start = {"prompt": "Say hello."}
        async with session.post(f"{url}/api/v1/battles", json=start, headers=own) as reply:
            battle = (await reply.json()).get("id")
            say("a round begins", reply.status == 201, reply.status)
        gap = await _longest_gap(session.get(f"{url}/api/v1/battles/{battle}/events"), b'"finished"', 2)
        say("a round's events flow", gap < LUMP, f"at most {gap * 1000:.0f} ms without one")
        ask = {"model": "alder", "stream": True, "messages": [{"role": "user", "content": "Say hello."}]}
        asking = session.post(
            f"{url}/v1/chat/completions", json=ask, headers={"authorization": f"Bearer {key}"}
        )
        gap = await _longest_gap(asking, b"[DONE]", 1)
        say("/v1 flows", gap < LUMP, f"at most {gap * 1000:.0f} ms without a piece")
        for header, value, status in (
            ("origin", "https://evil.example", {403}),
            ("x-fieldmark-csrf", "", {403}),
        ):
            async with session.post(
                f"{url}/api/v1/battles", json=start, headers={**own, header: value}
            ) as reply:
                say(f"{header} of somebody else is refused", reply.status in status, reply.status)
        async with session.get(f"{url}/api/v1/session", headers={"host": "evil.example"}) as reply:
            told = await reply.text()
            say("another name gets nothing", "csrf" not in told, reply.status)
        async with session.post(f"{url}/api/v1/battles", data=b"x" * (17 << 20), headers=own) as reply:
            say("a body too large is refused", reply.status == 413, reply.status)
        said = []
        for number in range(60):
            body = {"name": "ada", "password": "wrong"}
            forged = {"x-forwarded-for": f"192.0.2.{number}"}
            async with session.post(f"{url}/api/v1/login", json=body, headers={**own, **forged}) as reply:
                said.append(reply.status)
        say(
            "a forged address does not get round the limit of sign-ins",
            429 in said,
            f"after {said.index(429)}" if 429 in said else "never",
        )
    return wrong


async def _longest_gap(asking: Any, end: bytes, ends: int) -> float:
    """Seconds between two arrivals at most, until the end was said so often; endless if it never was."""
    gap, seen = 0.0, b""
    with suppress(TimeoutError):
        async with asyncio.timeout(30), asking as reply:
            last = time.monotonic()
            async for chunk in reply.content.iter_any():
                now = time.monotonic()
                gap, last, seen = max(gap, now - last), now, seen + chunk
                if seen.count(end) >= ends:
                    return gap
    return float("inf")


if __name__ == "__main__":
    sys.exit(main())
