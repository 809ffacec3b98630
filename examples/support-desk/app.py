"""A support desk's application: it drafts answers through Fieldmark and says what became of each.

    python app.py                                serves this folder while it runs
    python app.py --url http://127.0.0.1:8421    uses a server that is running

It needs `pip install openai`. Customers and agents are scripted; in a real desk, the last lines of `handle` are what
your ticket system calls when an agent sends, edits or discards the draft.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Ticket:
    """What a customer wrote, and what the desk knows."""

    customer: str
    category: str
    text: str
    notes: str
    expects: tuple[str, ...]
    """Words of which a good answer has one."""


TICKETS = (
    Ticket(
        "C-10231", "delivery", "Where is my parcel A-1007? It should have been here on Monday.",
        "A-1007 left on Friday, now at the depot in Linz, out for delivery tomorrow.", ("tomorrow", "linz"),
    ),
    Ticket(
        "C-10877", "delivery", "You sent the wrong colour with A-1013, I wanted blue. My number is 0660 123 45 67.",
        "A-1013: blue ordered, red packed. A free swap is allowed.", ("swap", "blue", "exchange"),
    ),
    Ticket(
        "C-11002", "returns", "I sent order A-1020 back two weeks ago. When do I get my money?",
        "A-1020 return arrived yesterday; the refund takes five working days.", ("five", "working days"),
    ),
    Ticket(
        "C-11050", "returns", "Can I return A-1031 without the box?",
        "A-1031: yes, if the label is on it. Within 30 days.", ("label", "30 days", "yes"),
    ),
    Ticket(
        "C-11177", "account", "Why was my card charged twice?",
        "One of the two charges is a reservation; it falls away within three days.", ("reservation", "three days"),
    ),
    Ticket(
        "C-11102", "account", "I cannot log in, please write to anna.meier@shop.example",
        "Account locked after five attempts; a reset link unlocks it.", ("reset", "link"),
    ),
)  # fmt: skip


class Desk:
    """The desk's side of things: drafts by the OpenAI client, outcomes by one POST."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key
        self._client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def handle(self, ticket: Ticket) -> str:
        """Draft an answer, let the (scripted) agent decide, report; what became of it."""
        asked = self._client.chat.completions.with_raw_response.create(
            model="field",
            messages=[
                {"role": "system", "content": f"Notes of the desk: {ticket.notes}"},
                {"role": "user", "content": f"I am customer {ticket.customer}. {ticket.text}"},
            ],
            extra_headers={"x-fieldmark-category": ticket.category, "x-fieldmark-person": ticket.customer},
        )
        case = asked.headers["x-fieldmark-case"]
        draft = asked.parse().choices[0].message.content or ""
        outcome = decide(ticket, draft)
        if outcome is None:
            return "not reported"
        self._report(case, outcome)
        return str(outcome["result"])

    def _report(self, case: str, outcome: dict[str, Any]) -> None:
        request = urllib.request.Request(  # noqa: S310 - the address is the desk's own
            f"{self._url}/api/v1/cases/{case}/outcome",
            data=json.dumps(outcome).encode(),
            headers={"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
        )
        urllib.request.urlopen(request).close()  # noqa: S310


def decide(ticket: Ticket, draft: str) -> dict[str, Any] | None:
    """A scripted agent: sends what helps as it is, shortens what rambles, discards the rest, forgets one customer."""
    said = draft.lower()
    if ticket.customer.endswith("77"):
        return None
    if "guarantee" in said:
        return {"result": "harm", "note": "it promised what the notes do not"}
    if not any(word in said for word in ticket.expects):
        return {"result": "rejected"}
    sentences = re.split(r"(?<=[.!?])\s+", draft.strip())
    if len(sentences) > 5:
        return {"result": "edited", "edit": " ".join(sentences[:5]), "number": 1.0}
    return {"result": "solved", "number": 3.0}


@contextmanager
def server(url: str | None, field: Path) -> Iterator[str]:
    """The address of a running server; without `url`, of one that serves the folder meanwhile."""
    if url is not None:
        yield url.rstrip("/")
        return
    command = [sys.executable, "-m", "fieldmark", "up", str(field), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = ""
            while not (found := re.search(r"http://127\.0\.0\.1:\d+", said)):
                line = process.stderr.readline() if process.stderr else ""
                if not line:
                    raise SystemExit(f"the field cannot be served:\n{said}")
                said += line
            yield found[0]
        finally:
            process.terminate()
            process.communicate()


def rates(url: str) -> Iterator[str]:
    """The table of outcomes, as lines."""
    with urllib.request.urlopen(f"{url}/api/v1/outcomes") as reply:  # noqa: S310
        table = json.load(reply)
    for row in table["rows"]:
        yield f"{row['name']}: {row['cases']} cases, {row['reported']} reported, {row['not_reported']} not reported"
        for what in ("solved", "edited", "rejected", "harm"):
            if rate := row[what]:
                yield f"  {what:<9}{rate['value']:>5.0%}   {rate['lower']:.0%} to {rate['upper']:.0%}"


def main() -> None:
    """Work through the tickets once, or `--rounds` times."""
    parser = argparse.ArgumentParser(description="A small support desk on top of Fieldmark.")
    parser.add_argument("--url", help="address of a running server; without it, one is started")
    parser.add_argument("--field", type=Path, default=HERE, help="the field's folder (default: this one)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each customer writes")
    options = parser.parse_args()
    command = [
        sys.executable,
        "-m",
        "fieldmark",
        "keys",
        "create",
        "support-desk",
        "--field",
        str(options.field),
    ]
    with server(options.url, options.field) as url:
        key = subprocess.check_output([*command, "--format", "secret"], text=True).strip()
        desk = Desk(url, key)
        for _ in range(options.rounds):
            for ticket in TICKETS:
                print(f"{ticket.customer} ({ticket.category}): {desk.handle(ticket)}", flush=True)
        print()
        print("\n".join(rates(url)))


if __name__ == "__main__":
    main()
