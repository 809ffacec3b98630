"""A field with an application key, and an application that asks through `/v1` and says what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldmark.fields import Application, Scope, create_key
from tests.house import Browser, Reply, Served, endpoint, write_field
from tests.upstream import Upstream

ASK: list[dict[str, Any]] = [{"role": "user", "content": "one two three"}]


def field(folder: Path, upstream: Upstream, gateway: str = "", **behaviours: str) -> Path:
    """A field with `[gateway]` lines; contenders by name and upstream behaviour."""
    behaviours = behaviours or {"alder": "echo", "birch": "echo"}
    tables = [
        endpoint(name, upstream.url, model, f'system = "You are {name}."')
        for name, model in behaviours.items()
    ]
    return write_field(folder, "\n".join(tables) + f"\n[gateway]\n{gateway}\n")


@dataclass
class Desk:
    """An application with its key."""

    served: Served
    application: Application
    secret: str

    async def ask(
        self,
        text: str = "one two three",
        *,
        model: str = "field",
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> Reply:
        """Ask through `/v1`."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return await self.send("POST", "/v1/chat/completions", body, headers)

    async def case(self, text: str = "one two three", **more: Any) -> str:
        """Ask; the case's id."""
        reply = await self.ask(text, **more)
        assert reply.status == 200, reply.text
        await self.settle()
        return reply.headers["x-fieldmark-case"]

    async def report(self, case: str, result: str = "solved", **more: Any) -> Reply:
        """Say what became of a case."""
        return await self.send("POST", f"/api/v1/cases/{case}/outcome", {"result": result, **more})

    async def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """Any request with the key."""
        given = {"Authorization": f"Bearer {self.secret}", **(headers or {})}
        return await Browser(self.served.url).send(
            method, path, given, **({} if body is None else {"json": body})
        )

    async def settle(self) -> None:
        """Wait until all that happens beside the answers has happened."""
        self.served.run(self.served.house.gateway.settled())


def desk(served: Served, name: str = "desk", scopes: tuple[Scope, ...] = ("ask", "outcome")) -> Desk:
    """A new application of a served field."""
    application, secret = served.house.ledger.write(lambda now: create_key(now, name, scopes, actor="system"))
    served.house.gateway.keys.forget()
    return Desk(served, application, secret)


def text_of(served: Served, name: str, kind: str, place: int = -1) -> str | None:
    """The text that the newest (or another) record of a type commits to under a name."""
    with served.house.ledger.read() as snapshot:
        entries = list(snapshot.entries(types=[kind]))
        return snapshot.text(entries[place].record.commitments[name].text_id)
