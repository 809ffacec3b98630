"""Every entrance of a served field, tried with one hostile text; what comes back is looked at."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp

from fieldmark.gateway import CASE

PASSWORD = "correct horse battery"
NAMES = ("quartz-nine", "basalt-seven")
"""Of the contenders; nothing hostile holds them."""
KEY = "sk-canary-5b1c0de9"
"""The key of the contenders' endpoint."""
SYSTEM = "SYSTEM-CANARY-77"
"""In the contenders' system prompts."""
BLIND = (*NAMES, KEY, SYSTEM)
_INJECTED = ("x-injected", "owned=")
_FRAME = re.compile(r"(id: \d+|data: .*|event: \w+|retry: \d+|:.*)?")
_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What a header cannot hold, says aiohttp; `_raw` sends some of it."""


@dataclass
class Said:
    """One reply."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        """Its body."""
        return json.loads(self.text)


@dataclass
class Doors:
    """An admin's browser and an application's key at a served field."""

    session: aiohttp.ClientSession
    url: str
    admin: dict[str, str]
    stranger: dict[str, str]
    application: dict[str, str]
    upstream: str
    """URL of an endpoint that may be added as a contender."""
    asked: int = 0
    cases: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    entry: str = ""

    async def everything(self, name: str, text: str, number: int) -> None:
        """Bring one text in everywhere."""
        self.entry = name
        await self._battle(text)
        await self._gateway(text, number)
        await self._names(text, number)
        for path in _paths(text):
            await self.ask("GET", path)
        for path in ("keys", "invitations", "accounts", "contenders"):
            await self.ask("DELETE", f"/api/v1/{path}/{quote(text[:2000], safe='')}")

    def note(self, what: str) -> None:
        """Something is wrong."""
        self.wrong.append(f"{self.entry}: {what}")

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: dict[str, str] | None = None,
        hidden: tuple[str, ...] = (KEY,),
        headers: Mapping[str, str] | None = None,
    ) -> Said:
        """One request; notes a failure of the server, and anything `hidden` in the reply."""
        self.asked += 1
        where = f"{method} {path[:60]}"
        given = {**(self.admin if by is None else by), **(headers or {})}
        try:
            async with self.session.request(method, self.url + path, json=body, headers=given) as reply:
                said = Said(reply.status, await reply.text(), reply.headers.copy())
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            self.note(f"{where} brought no reply: {error!r}")
            return Said(0, "{}", {})
        if said.status >= 500:
            self.note(f"{where} gave {said.status}: {said.text[:200]}")
        found = [word for word in hidden if word in said.text or word in str(said.headers)]
        if found:
            self.note(f"{where} told {', '.join(found)}")
        if any(word in str(said.headers).lower() for word in _INJECTED):
            self.note(f"{where} took a header from the text")
        if said.headers.get("x-content-type-options") != "nosniff":
            self.note(f"{where} lets browsers guess what it is")
        return said

    async def _battle(self, text: str) -> None:
        begun = await self.ask("POST", "/api/v1/battles", {"prompt": text}, hidden=BLIND)
        await self.ask("POST", "/api/v1/battles", {"prompt": "x", "category": text}, hidden=BLIND)
        if begun.status != 201:
            return
        begun = await self.ask("POST", "/api/v1/battles", {"prompt": text}, hidden=BLIND)
        path = f"/api/v1/battles/{begun.json['id']}"
        await self._written(path)
        await self.ask("POST", f"{path}/turns", {"prompt": text}, hidden=BLIND)
        await self._written(path)
        await self._events(path)
        await self.ask("POST", f"{path}/vote", {"choice": text}, hidden=BLIND)
        await self.ask("POST", f"{path}/vote", {"choice": "a"}, hidden=BLIND)
        await self.ask("POST", f"{path}/remark", {"tags": {"a": [text]}}, hidden=BLIND)
        await self.ask("POST", f"{path}/remark", {"comment": text[:4000]}, hidden=BLIND)
        await self.ask("POST", f"{path}/reveal", {})

    async def _written(self, path: str) -> None:
        for _ in range(600):
            view = (await self.ask("GET", path, hidden=BLIND)).json
            sides = [view["turns"][-1][side]["state"] for side in "ab"] if view.get("turns") else []
            if not view.get("writing") and not {"waiting", "writing"} & set(sides):
                return
            await asyncio.sleep(0.03)
        self.note("a round never ends")

    async def _events(self, path: str) -> None:
        """A text must not end an event, or begin one."""
        async with self.session.get(f"{self.url}{path}/events", headers=self.admin) as reply:
            async for raw in reply.content:
                line = raw.decode().rstrip("\n")
                if any(word in line for word in BLIND):
                    self.note("the events told a name or a key")
                if not _FRAME.fullmatch(line):
                    self.note(f"the events hold the line {line[:60]!r}")
                    return
                if line.startswith("data: ") and json.loads(line[6:])["type"] == "ready":
                    return

    async def _gateway(self, text: str, number: int) -> None:
        body = {"model": "field", "messages": [{"role": "user", "content": text}]}
        path, by = "/v1/chat/completions", self.application
        plain = _UNFIT.sub(" ", text)[:3000]
        for header in (
            "x-fieldmark-person",
            "x-fieldmark-category",
            "x-fieldmark-consent",
            "x-fieldmark-case",
        ):
            await self.ask("POST", path, body, by=by, headers={header: plain})
        await self._raw(text)
        await self.ask("POST", path, {**body, "model": text}, by=by)
        await self.ask("POST", path, {**body, "tools": text, "stop": text, "user": text}, by=by)
        await self.ask("GET", "/v1/models", by={"authorization": f"Bearer {plain}"})
        await self.ask("POST", path, {"model": "field", "messages": [{"role": text, "content": text}]}, by=by)
        said = await self.ask("POST", path, {**body, "stream": number % 2 == 0}, by=by, hidden=(KEY, SYSTEM))
        if said.status != 200:
            return
        heard = (
            "".join(_heard(said.text)) if number % 2 == 0 else said.json["choices"][0]["message"]["content"]
        )
        if heard != text:
            self.note(f"/v1 gave {heard[:80]!r} for what was said")
        await self._outcome(said.headers[CASE], text)

    async def _raw(self, text: str) -> None:
        """Headers as no client would send them."""
        place = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        value = text.encode().replace(b"\n", b" ")[:3000]
        head = f"GET /v1/models HTTP/1.1\r\nhost: {place.netloc}\r\nconnection: close\r\n".encode()
        writer.write(head + b"x-fieldmark-person: " + value + b"\r\nauthorization: " + value + b"\r\n\r\n")
        said = (await reader.read()).decode("utf-8", "replace")
        writer.close()
        self.asked += 1
        if not re.match(r"HTTP/1\.1 4\d\d ", said) or KEY in said:
            self.note(f"odd headers gave {said[:80]!r}")

    async def _outcome(self, case: str, text: str) -> None:
        self.cases.append(case)
        path = f"/api/v1/cases/{case}/outcome"
        await self.ask("POST", path, {"result": text}, by=self.application)
        body = {"result": "edited", "edit": text, "note": text[:4000]}
        await self.ask("POST", path, body, by=self.application)
        await self.ask("GET", f"/api/v1/cases/{case}", hidden=BLIND)

    async def _names(self, text: str, number: int) -> None:
        contender = {"name": text, "kind": "endpoint", "url": self.upstream, "model": "mirror"}
        await self.ask("POST", "/api/v1/contenders?force=true", contender)
        guest = {**contender, "name": f"guest-{number}", "system": text, "model": text}
        added = await self.ask("POST", "/api/v1/contenders?force=true", guest)
        if added.status == 201:
            await self.ask("DELETE", f"/api/v1/contenders/guest-{number}")
        await self.ask("POST", "/api/v1/keys", {"name": text, "scopes": ["outcome"]})
        await self.ask("POST", "/api/v1/keys", {"name": "x", "scopes": [text]})
        account = {"name": text, "password": PASSWORD, "role": "viewer", "credentials": [text]}
        await self.ask("POST", "/api/v1/accounts", account)
        await self.ask("POST", "/api/v1/accounts", {**account, "name": f"guest {number}"})
        invited = await self.ask("POST", "/api/v1/invitations", {"role": "viewer", "credentials": [text]})
        accept = {"token": text[:200], "name": f"invited {text}"[:200], "password": PASSWORD}
        await self.ask("POST", "/api/v1/invitations/accept", accept, by=self.stranger)
        if invited.status == 201:
            accept["token"] = invited.json["token"]
            await self.ask("POST", "/api/v1/invitations/accept", accept, by=self.stranger)
        await self.ask(
            "POST", "/api/v1/login", {"name": text[:200], "password": text[:200]}, by=self.stranger
        )


def _paths(text: str) -> Iterator[str]:
    quoted = quote(text[:2000], safe="")
    for place in ("cards", "battles", "cases", "jobs", "shadow"):
        yield f"/api/v1/{place}/{quoted}"
    for place in ("cases", "board", "outcomes", "board/field"):
        yield f"/api/v1/{place}?category={quoted}"
    yield f"/api/v1/cases?before={quoted}"
    yield f"/v1/models/{quoted}"
    yield f"/{quoted}"


def _heard(stream: str) -> Iterator[str]:
    """The answer's pieces in a stream of OpenAI's."""
    for line in stream.split("\n"):
        if line and not line.startswith("data: "):
            raise ValueError(f"the stream holds the line {line[:60]!r}")
        if line.startswith("data: ") and line != "data: [DONE]":
            for choice in json.loads(line[6:])["choices"]:
                yield choice["delta"].get("content") or ""
