"""Fields with real work and with accounts, made as applications and admins make them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fieldmark.fields import SYSTEM
from fieldmark.ledger.evidence import DriftFound
from tests.e2e import told
from tests.e2e.screens import apart
from tests.gateway.desk import Desk, desk
from tests.house import Browser, Served, endpoint, write_field

SHORT = "Dear Ms Okafor, Thursday before ten suits us well. Kind regards"
told.TEXTS["short"] = SHORT
PASSWORD = "correct horse battery"
QUESTIONS = (
    "Ms Okafor asks whether her delivery can come on Thursday instead of Tuesday. Write her a short reply.",
    "The parcel of Mr Lindqvist arrived with one lamp broken. He wants his money back, not another lamp. "
    "Answer him politely and tell him what happens next.",
    "Invoice 2291 was paid twice. Write to the customer.",
    "Please translate the opening hours for our door sign: weekdays nine to six, Saturdays ten to two.",
)
INSTRUCTIONS = (
    "You write for a shop that sells lamps. Be brief and kind; promise nothing that is not in the order."
)
GATEWAY = """
[gateway]
champion = "amber-north"
shadow_share = 1.0

[drift]
samples = 1

[[monitors]]
name = "no-promises"
kind = "forbidden"
settings = { words = ["guarantee", "Thursday"] }

[[monitors]]
name = "greeting"
kind = "forbidden"
settings = { words = ["Hey"] }
"""

PROVIDER = """
[access.oidc]
issuer = "http://127.0.0.1:9"
client_id = "fieldmark"
name = "Example ID"
anyone = true
"""
"""A sign-in provider that does not answer."""


def field(folder: Path, url: str, gateway: str = GATEWAY) -> Path:
    """The field of two told contenders, with a gateway: both answer every case."""
    both = endpoint(told.NAMES[1], url, "told:1") + endpoint(told.NAMES[2], url, "told:5")
    tags = '[reason_tags]\npositive = ["useful", "clear"]\nnegative = ["incorrect", "too long"]'
    return write_field(folder, both, f"{gateway}\n[policy]\nundo_seconds = 3\n\n{tags}\n")


def ask(
    served: Served, questions: Sequence[str] = QUESTIONS, app: Desk | None = None
) -> tuple[Desk, list[str]]:
    """An application asks; the ids of its cases, oldest first."""
    app = app or desk(served, "letter desk")

    async def asking() -> list[str]:
        found = []
        for n, question in enumerate(questions):
            messages = [{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": question}]
            model = told.NAMES[1 + n % 2]
            headers = {"x-fieldmark-category": "letters" if n % 3 else "notes"}
            reply = await app.ask(model=model, headers=headers, messages=messages)
            assert reply.status == 200, reply.text
            found.append(reply.headers["x-fieldmark-case"])
        return found

    cases = apart(lambda: asyncio.run(asking()))
    app.served.run(served.house.gateway.settled())
    return app, cases


def report(app: Desk, cases: Sequence[str], results: Sequence[str]) -> None:
    """The application says what became of its cases."""

    async def reporting() -> None:
        for case, result in zip(cases, results, strict=False):
            edit = {"edit": "Dear Ms Okafor, Friday it is. Kind regards"} if result == "edited" else {}
            reply = await app.report(case, result, **edit)
            assert reply.status == 200, reply.text

    apart(lambda: asyncio.run(reporting()))


def judge(served: Served, choices: Sequence[str], voters: int = 3) -> None:
    """People judge the real cases that wait for them, and learn the names."""

    async def judging() -> None:
        for n in range(voters):
            client = await Browser(served.url).begin()
            for choice in [*choices[n:], *choices[:n]]:
                view = (await client.post("/api/v1/shadow/next", {})).json
                if view is None:
                    break
                reply = await client.post(f"/api/v1/shadow/{view['id']}/vote", {"choice": choice})
                assert reply.status == 200, reply.text

    apart(lambda: asyncio.run(judging()))


def alarm(served: Served, name: str = told.NAMES[2]) -> str:
    """What the drift test writes when a contender's answers changed; its digest."""
    digest = next(m.digest for m in served.house.roster.members if m.spec.name == name)
    found = DriftFound(
        contender=digest,
        canaries="0" * 16,
        state="alarm",
        statistic=3.2,
        p=0.0002,
        alpha=0.0005,
        baseline=10,
        window=1,
    )
    served.house.ledger.write(lambda now: now.append(found, actor=SYSTEM))
    served.house.changed.ring()
    return digest


def wait_for(found: Callable[[], object], seconds: float = 10) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.05)


# --- accounts ---


async def _first(url: str) -> Browser:
    client = await Browser(url).begin()
    body = {"name": "Ada Admin", "role": "admin", "password": PASSWORD}
    assert (await client.post("/api/v1/accounts", body)).status == 201
    assert (await client.sign_in("Ada Admin", PASSWORD)).status == 200
    return client


async def _people(url: str, people: dict[str, str]) -> None:
    admin = await _first(url)
    for name, role in people.items():
        body = {"name": name, "role": role, "password": PASSWORD, "credentials": ["physician"]}
        assert (await admin.post("/api/v1/accounts", body)).status == 201
    revoked = {"name": "Rex Revoked", "role": "voter", "password": PASSWORD}
    account: dict[str, Any] = (await admin.post("/api/v1/accounts", revoked)).json
    assert (await admin.delete(f"/api/v1/accounts/{account['id']}")).status == 200
    assert (await admin.post("/api/v1/invitations", {"role": "viewer"})).status == 201


def people(served: Served, **others: str) -> None:
    """An admin, Ada; others by name and role, all with one password; a revoked account and an open invitation."""
    names = {name.replace("_", " "): role for name, role in others.items()}
    apart(lambda: asyncio.run(_people(served.url, names)))
