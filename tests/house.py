"""A served field for tests: real HTTP, real ledger, contenders behind the scripted upstream server."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Self, TypeVar

import aiohttp
import uvicorn

from fieldmark.ledger.evidence import Evidence
from fieldmark.server._front import Front
from fieldmark.server._guard import Limits
from fieldmark.server._house import House
from fieldmark.server.app import create_app
from fieldmark.server.run import HouseServer
from tests.upstream import Upstream

T = TypeVar("T")
E = TypeVar("E", bound=Evidence)

GENEROUS = Limits(reads=10**6, writes=10**6, battles=10**6)


def write_field(folder: Path, contenders: str, more: str = "") -> Path:
    """A small field; `contenders` and `more` are TOML."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "field.toml").write_text(
        'name = "Test field"\ndescription = "For tests."\n'
        f'{more}\n[[categories]]\nid = "letters"\nname = "Letters"\n\n'
        f'[[categories]]\nid = "notes"\nname = "Notes"\n\n{contenders}\n'
    )
    (folder / "prompts.toml").write_text('[[prompts]]\ntext = "Say hello."\ncategory = "letters"\n')
    (folder / "guidelines.md").write_text("Prefer the answer you would use.\n")
    return folder


def two(
    folder: Path, upstream: Upstream, a: str = "echo", b: str = "echo", more: str = "", **settings: str
) -> Path:
    """A field with two contenders, `alder-7b` and `birch-7b`, that behave as the upstream's `a` and `b`; `settings` are
    lines of TOML for one of them (`alder=...`)."""
    lines = {"alder": 'system = "You are terse."', "birch": 'system = "You are kind."', **settings}
    tables = [
        endpoint(f"{name}-7b", upstream.url, model, lines[name])
        for name, model in (("alder", a), ("birch", b))
    ]
    return write_field(folder, "\n".join(tables), more)


def endpoint(name: str, url: str, model: str, more: str = "") -> str:
    """TOML of an endpoint contender."""
    return f'[[contenders]]\nname = "{name}"\nkind = "endpoint"\nurl = "{url}"\nmodel = "{model}"\n{more}\n'


class Served:
    """A server in a thread; `with Served(folder) as served:` answers at `served.url`."""

    def __init__(
        self, folder: Path, *, limits: Limits = GENEROUS, port: int = 0, front: Front | None = None
    ) -> None:
        self.folder = folder
        self._front = front
        self._limits = limits
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.house: House
        self._server: uvicorn.Server
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        if self._error:
            raise self._error
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._error = error
            self._ready.set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the server's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def refresh(self) -> None:
        """Have the field folder read now."""
        self.run(self.house.refresh())

    def records(self, kind: type[E]) -> list[E]:
        """The bodies of all records of one type."""
        with self.house.ledger.read() as snapshot:
            return [e.record.body for e in snapshot.entries(types=[kind]) if isinstance(e.record.body, kind)]

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.house = await House.open(self.folder, front=self._front)
        try:
            app = create_app(self.house, limits=self._limits)
            config = uvicorn.Config(
                app, log_level="warning", lifespan="off", proxy_headers=False, timeout_graceful_shutdown=1
            )
            self._server = HouseServer(config, self.house)
            serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
            while not self._server.started:  # noqa: ASYNC110 (uvicorn sets no event)
                await asyncio.sleep(0.01)
            self._ready.set()
            await serving
        finally:
            await self.house.close()


@dataclass
class Reply:
    """One reply."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """Its body."""
        return json.loads(self.text)


@dataclass
class Browser:
    """An HTTP client that keeps its cookie and sends its CSRF token, as the page does. One voter."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""
    heard: list[str] = field(default_factory=list)
    """Every body and header that came, as text."""

    async def begin(self) -> Self:
        """Begin a session."""
        self.csrf = (await self.get("/api/v1/session")).json["csrf"]
        return self

    async def get(self, path: str, **headers: str) -> Reply:
        """GET."""
        return await self.send("GET", path, headers=headers)

    async def post(self, path: str, body: Any = None) -> Reply:
        """POST JSON."""
        return await self.send("POST", path, json={} if body is None else body)

    async def patch(self, path: str, body: Any) -> Reply:
        """PATCH JSON."""
        return await self.send("PATCH", path, json=body)

    async def sign_in(self, name: str, password: str) -> Reply:
        """Sign in, as the page does: the new session's token is sent from then on."""
        reply = await self.post("/api/v1/login", {"name": name, "password": password})
        if reply.status == 200:
            self.csrf = reply.json["csrf"]
        return reply

    async def delete(self, path: str) -> Reply:
        """DELETE."""
        return await self.send("DELETE", path)

    async def send(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> Reply:
        """Any request."""
        own = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())} if self.cookies else {}
        own |= {"X-Fieldmark-CSRF": self.csrf} if self.csrf else {}
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(method, self.url + path, headers={**own, **(headers or {})}, **more) as response,
        ):
            for cookie in response.headers.getall("Set-Cookie", []):
                self.cookies |= {k: m.value for k, m in SimpleCookie(cookie).items()}
            reply = Reply(response.status, response.headers.copy(), await response.text())
            self.heard += [reply.text, str(reply.headers)]
            return reply

    async def events(
        self, path: str, *, until: str, headers: dict[str, str] | None = None
    ) -> list[tuple[int, Any]]:
        """Server-sent events up to and including the first of type `until`."""
        seen: list[tuple[int, Any]] = []
        own = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), **(headers or {})}
        timeout = aiohttp.ClientTimeout(total=30)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(self.url + path, headers=own) as response,
        ):
            assert response.status == 200, await response.text()
            number = -1
            async for raw in response.content:
                line = raw.decode().rstrip("\n")
                self.heard.append(line)
                if line.startswith("id: "):
                    number = int(line[4:])
                elif line.startswith("data: "):
                    event = json.loads(line[6:])
                    seen.append((number, event))
                    if event.get("type") == until:
                        return seen
        return seen

    async def start(self, prompt: str = "Say hello.", **more: Any) -> str:
        """Begin a round; its id."""
        started = await self.post("/api/v1/battles", {"prompt": prompt, **more})
        assert started.status == 201, started.text
        return str(started.json["id"])

    async def battle(self, prompt: str = "Say hello.", **more: Any) -> Any:
        """Begin a round and wait until both sides are at their end; the round as it then is."""
        return await self.ready(await self.start(prompt, **more))

    async def ready(self, battle: str, after: int = 0) -> Any:
        """Wait until both sides are at their end; the round as it then is."""
        await self.events(f"/api/v1/battles/{battle}/events?after={after}", until="ready")
        return await self.look(battle)

    async def look(self, battle: str) -> Any:
        """The round now."""
        reply = await self.get(f"/api/v1/battles/{battle}")
        assert reply.status == 200, reply.text
        return reply.json

    async def act(self, battle: str, what: str, body: Any = None, *, status: int = 200) -> Any:
        """POST an act of a round (`undo` is DELETE vote); the reply's JSON."""
        path = f"/api/v1/battles/{battle}/{what}"
        reply = await (
            self.delete(f"/api/v1/battles/{battle}/vote") if what == "undo" else self.post(path, body)
        )
        assert reply.status == status, reply.text
        return reply.json

    async def vote(self, battle: str, choice: str = "a", *, status: int = 200) -> Any:
        """Vote."""
        return await self.act(battle, "vote", {"choice": choice}, status=status)


async def until(found: Callable[[], object], seconds: float = 5) -> None:
    """Wait until something is so; TimeoutError if it is not in time."""
    async with asyncio.timeout(seconds):
        while not found():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@contextmanager
def served(folder: Path, **options: Any) -> Iterator[Served]:
    """Shorthand for `Served` as a context."""
    with Served(folder, **options) as house:
        yield house
