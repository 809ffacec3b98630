"""Fuzz the whole API of a served field with schemathesis: `python -m soak.api_fuzz --minutes 30`.

In rounds with a new field each: a real server with accounts, keys, cases, rounds and a shadow battle, described by its
own OpenAPI document (into whose parameters the ids that exist are put, so that half of the requests get past `404`).
An admin's browser (cookie and CSRF token) fuzzes everything, an application its part with its key, and a stranger
without either everything again. There must be no status of 500 or above, no reply that is not as its document says, no
word of an unexpected error in the server's log, and a server that is still there. With `--sabotage` one route raises.

Left out, and why: see `EXCLUDED`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import _load
from fieldmark.fields import SYSTEM, accounts, create_key, load_field, open_ledger
from fieldmark.gateway import CASE
from fieldmark.server._passwords import hash_password

PASSWORD = "correct horse battery"
EXCLUDED = {
    "/api/v1/battles/{battle}/events": "a stream that ends with its round: the fuzzer waits for its end",
    "/api/v1/status/events": "a stream that never ends",
    "/api/v1/models/{name}/pull": "downloads gigabytes; the route's own tests call it",
    "/api/v1/contenders/probe": "connects to addresses of the fuzzer's choice; the route's own tests call it",
}
ENDS_SESSION = ("/api/v1/logout", "/api/v1/me", "/api/v1/account/password")
"""Fuzzed by a session of its own: after them there is none."""
APPLICATION = "^/(v1/|api/v1/cases)"
CHECKS = "not_a_server_error,response_schema_conformance,status_code_conformance,content_type_conformance"
"""Not of /v1: what OpenAI's protocol answers is not in the document, since it is not ours to describe."""
V1_CHECKS = "not_a_server_error"
MORE = """
[gateway]
record = "always"
shadow_share = 1.0

[[categories]]
id = "letters"
name = "Letters"
"""
_CASES = re.compile(r"(\d[\d,]*) generated")
_SUSPICIOUS = ("Traceback", "unexpected error", "ERROR")


@dataclass(frozen=True)
class Part:
    """Some operations, asked by somebody."""

    who: str
    share: float
    options: tuple[str, ...]
    checks: str = CHECKS


PARTS = (
    Part(
        "admin",
        0.6,
        (*(f"--exclude-path={path}" for path in (*EXCLUDED, *ENDS_SESSION)), "--exclude-path-regex=^/v1/"),
    ),
    Part("application", 0.2, (f"--include-path-regex={APPLICATION}",), V1_CHECKS),
    Part("stranger", 0.1, tuple(f"--exclude-path={path}" for path in EXCLUDED), V1_CHECKS),
    Part("leaver", 0.1, tuple(f"--include-path={path}" for path in ENDS_SESSION)),
)


@dataclass
class Result:
    """What was asked and found."""

    rounds: int = 0
    requests: dict[str, int] = field(default_factory=dict)
    """By who asked."""
    wrong: list[str] = field(default_factory=list)


@dataclass
class Place:
    """A served field with something in it."""

    url: str
    headers: dict[str, dict[str, str]]
    """By who asks."""
    known: dict[str, list[str]]
    """Path or query parameter to values that exist."""


def run(
    folder: Path, seconds: float, *, every: float = 300.0, seed: int = 1, sabotage: bool = False
) -> Result:
    """Fuzz for so long, with a new field every so many seconds."""
    result, until = Result(), time.monotonic() + seconds
    while not result.rounds or time.monotonic() < until - 20:
        result.rounds += 1
        place = folder / f"round{result.rounds}"
        _round(place, min(every, until - time.monotonic()), seed + result.rounds, result, sabotage=sabotage)
        if result.wrong:
            break
    return result


def _round(folder: Path, seconds: float, seed: int, result: Result, *, sabotage: bool) -> None:
    log = folder / "server.log"
    with _served(folder, log, ["--broken"] if sabotage else []) as (server, place):
        document = folder / "openapi.json"
        document.write_text(json.dumps(_document(place)))
        for part in PARTS:
            _fuzz(folder, part, place, max(2, int(seconds * part.share)), seed, result)
            if server.process.poll() is not None:
                result.wrong.append(f"the server went down under the {part.who}")
                return
    for line in log.read_text("utf-8", "replace").splitlines():
        if any(word in line for word in _SUSPICIOUS):
            result.wrong.append(f"the server's log says: {line}")


def _fuzz(folder: Path, part: Part, place: Place, seconds: int, seed: int, result: Result) -> None:
    headers = [f"--header={name}: {value}" for name, value in place.headers[part.who].items()]
    report = folder / f"{part.who}.ndjson"
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", str(folder / "openapi.json"), "--url", place.url),
        *(*headers, *part.options, "--checks", part.checks, "--max-time", str(seconds), "--seed", str(seed)),
        *("--max-examples=60", "--continue-on-failure", "--no-color", "--request-timeout=20", "--warnings=off"),
        *("--suppress-health-check=all", "--generation-database=none", f"--report-ndjson-path={report}"),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    found = [int(number.replace(",", "")) for number in _CASES.findall(said)]
    result.requests[part.who] = result.requests.get(part.who, 0) + sum(found)
    if done.returncode or not sum(found):
        what = said[said.find("FAILURES") :] if "FAILURES" in said else said
        result.wrong.append(f"{part.who} (schemathesis ended with {done.returncode}): {what[-6000:]}")


@contextmanager
def _served(folder: Path, log: Path, options: list[str]) -> Iterator[tuple[_load.Server, Place]]:
    home = folder / "home"
    home.mkdir(parents=True)
    environment = {"HOME": str(home), "FIELDMARK_MODELS": str(home / "models"), "HF_HUB_OFFLINE": "1"}
    with _load.stub(tokens=4, rate=1000, first=1) as port:
        fielded = _load.write_field(folder / "field", port, MORE)
        with open_ledger(load_field(fielded)) as ledger:
            _, key = ledger.write(lambda now: create_key(now, "Fuzz", ["ask", "outcome"], actor=SYSTEM))
            for name in ("admin", "leaver"):
                new = accounts.NewAccount(name, "admin", hash_password(PASSWORD))
                ledger.write(lambda now, new=new: accounts.add_account(now, new, by=SYSTEM))  # type: ignore[misc]
        with (
            log.open("w") as stderr,
            _load.server(fielded, *options, environment=environment, stderr=stderr) as server,
        ):
            yield server, asyncio.run(_fill(server.url, key))


async def _fill(url: str, key: str) -> Place:
    """Sign in, and have something there that requests can be about."""
    application = {"authorization": f"Bearer {key}"}
    headers = {"application": application, "stranger": {"accept": "*/*"}}
    async with _load.pool() as session:
        for name in ("admin", "leaver"):
            caller = await _load.Caller(session, url).begin()
            headers[name] = (await caller.sign_in(name, PASSWORD)).headers

        async def ask(method: str, path: str, by: str, body: Any = None) -> Any:
            async with session.request(method, url + path, headers=headers[by], json=body) as reply:
                if reply.status >= 300:
                    raise RuntimeError(f"{method} {path}: {reply.status} {await reply.text()}")
                return reply.headers.get(CASE) or await reply.json()

        battles = [
            (await ask("POST", "/api/v1/battles", "admin", {"prompt": f"{n}?"}))["id"] for n in range(3)
        ]
        messages = [{"role": "user", "content": "Hello?"}]
        body = {"model": "field", "messages": messages}
        cases = [await ask("POST", "/v1/chat/completions", "application", body) for _ in range(3)]
        await asyncio.sleep(1.0)  # second answers
        contenders = await ask("GET", "/api/v1/contenders", "admin")
        shadow = await ask("POST", "/api/v1/shadow/next", "admin")
    known = {
        "battle": [*battles, shadow["id"]] if shadow else battles,
        "case": cases,
        "before": cases,
        "category": ["letters"],
        "name": [each["name"] for each in contenders],
        "digest": [each["digest"] for each in contenders],
    }
    return Place(url, headers, known)


def _document(place: Place) -> Any:
    """The API's description, with values that exist offered for its parameters."""
    from fieldmark.server.app import create_app

    document = create_app(None).openapi()
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if values := place.known.get(parameter["name"]):
                    parameter["schema"] = {"anyOf": [{"enum": values}, parameter["schema"]]}
    return document


def main() -> int:
    """0: nothing found."""
    parser = argparse.ArgumentParser(prog="python -m soak.api_fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "1")))
    parser.add_argument("--sabotage", action="store_true", help="let a route raise, to see it found")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        result = run(Path(folder), given.minutes * 60, seed=given.seed, sabotage=given.sabotage)
    asked = ", ".join(f"{number:,} by the {who}" for who, number in result.requests.items())
    print(
        f"{result.rounds} fields in {(time.monotonic() - began) / 60:.1f} minutes, seed {given.seed}: {asked}; "
        f"{len(result.wrong)} things wrong"
    )
    for path, reason in EXCLUDED.items():
        print(f"not fuzzed: {path}: {reason}")
    print(*result.wrong[:10], sep="\n\n")
    return 1 if result.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
