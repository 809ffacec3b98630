"""llama.cpp in child processes of our own, one for each distinct model, context and template."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from fieldmark.contenders._chat import Address
from fieldmark.contenders._shelf import Model, verify
from fieldmark.errors import ContenderFailure, ModelError

SLOTS = 4
"""Conversations at once in one child; more wait their turn here, where no clock runs for them."""
DEFAULT_CONTEXT = 4096
"""Tokens per conversation."""
_LOAD_SECONDS = 600.0
_END_SECONDS = 3.0
_LOG_LINES = 200
_FORGET_CRASHES_SECONDS = 300.0
_LONGEST_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Settings:
    """What makes one child differ from another."""

    model: Model
    context: int = DEFAULT_CONTEXT
    template: str = ""
    """Jinja text; empty means the one inside the file."""


class LlamaServer:
    """One child, started when first asked for and again after it died."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.log: deque[str] = deque(maxlen=_LOG_LINES)
        """The child's last lines, for diagnosis."""
        self.failure: ModelError | None = None
        """Why it could not be loaded, the last time it was tried."""
        self.holders: set[object] = set()
        self._slots = asyncio.Semaphore(SLOTS)
        self._forgetting = asyncio.Lock()
        self._process: Process | None = None
        self._address: Address | None = None
        self._starting: asyncio.Task[Address] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._crashes: deque[float] = deque(maxlen=8)
        self._wait_until = 0.0

    @property
    def pid(self) -> int | None:
        """Process id of the child, if it lives."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def starting(self) -> bool:
        """Whether the weights are being loaded now."""
        return self._starting is not None and not self._starting.done()

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[Address, None]:
        """The address to ask, for as long as one conversation takes.

        Raises:
            ModelError: the weights are not there, not what they were, or llama.cpp cannot load them.
            ContenderFailure: `crashed`, when it did so again and again just now.
        """
        async with self._slots:
            yield await self.start()

    async def start(self) -> Address:
        """Where it listens, after starting it if need be. Raises as `slot` does."""
        if self.pid is not None and self._address is not None and not self.starting:
            return self._address
        if not self.starting:
            self._note_crash()
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(_seen)
        assert self._starting is not None
        return await asyncio.shield(self._starting)  # one who leaves must not stop it for the others

    async def died(self) -> bool:
        """Whether the child is dead or about to be: its end is noticed a little after its connections'."""
        if self._process is None:
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._process.wait()
        return self._process.returncode is not None

    async def close(self) -> None:
        """End the child."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await self._end()

    async def forget(self) -> None:
        """End the child once nobody asks it: llama.cpp keeps the prompts it was given, to reuse them."""
        async with self._forgetting, AsyncExitStack() as taken:
            for _ in range(SLOTS):
                await taken.enter_async_context(self._slots)
            if not self.starting:
                await self._end()

    def _note_crash(self) -> None:
        """A dead child that nobody ended is a crash; after a second one there is a pause that doubles."""
        if self._process is None or self._process.returncode is None:
            return
        self._process = self._address = None
        now = time.monotonic()
        self._crashes.append(now)
        again = sum(now - at < _FORGET_CRASHES_SECONDS for at in self._crashes) - 1
        self._wait_until = now + (min(2.0**again, _LONGEST_WAIT_SECONDS) if again else 0)

    async def _start(self) -> Address:
        wait = self._wait_until - time.monotonic()
        if wait > 0:
            raise ContenderFailure(
                "crashed", f"llama.cpp died {len(self._crashes)} times; it is tried again in {wait:.0f} s"
            )
        try:
            await asyncio.to_thread(verify, self.settings.model)
            address = await self._launch()
        except ModelError as error:
            self.failure = error
            raise
        except BaseException:
            await self._end()
            raise
        self.failure = None
        return address

    async def _launch(self) -> Address:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "fieldmark.contenders._llama_child",
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
            # Threads that wait by spinning starve each other when two children, a server and a browser share
            # the cores: 2 tokens/s in place of 20, measured on two cores.
            env={"OMP_WAIT_POLICY": "passive", **os.environ},
        )
        self._process = process
        self._reader = asyncio.create_task(self._keep_log(process))
        assert process.stdin is not None
        assert process.stdout is not None
        key = secrets.token_urlsafe(24)
        with suppress(ConnectionError):
            process.stdin.write(json.dumps(self._child_settings(key)).encode() + b"\n")
            await process.stdin.drain()
        answer: dict[str, object] = {}
        with suppress(TimeoutError, ValueError):
            async with asyncio.timeout(_LOAD_SECONDS):
                answer = json.loads(await process.stdout.readline())
        if "port" not in answer:
            await self._end()
            raise self._not_loaded(answer.get("error"))
        self._address = Address(f"http://127.0.0.1:{answer['port']}/v1", key)
        return self._address

    def _child_settings(self, key: str) -> dict[str, object]:
        return {
            "path": str(self.settings.model.path),
            "template": self.settings.template,
            "context": self.settings.context,
            "slots": SLOTS,
            "threads": _threads(),
            "key": key,
        }

    def _not_loaded(self, said: object) -> ModelError:
        """llama.cpp has one message for everything; its log says more."""
        lines = [line for line in self.log if " E " in line or "error" in line.lower()]
        words = (lines or [str(said or "it ended without a word")])[-1].partition(" E ")
        return ModelError(
            f"llama.cpp cannot load '{self.settings.model.name}': {(words[2] or words[0]).strip()[:300]}",
            hint="is it a GGUF file of a language model, and is there memory enough?",
        )

    async def _keep_log(self, process: Process) -> None:
        assert process.stderr is not None
        with suppress(ValueError):  # a line over the reader's limit
            async for line in process.stderr:
                self.log.append(line.decode("utf-8", "replace").rstrip())

    async def _end(self) -> None:
        process, self._process, self._address = self._process, None, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._reader is not None:
            await asyncio.gather(self._reader, return_exceptions=True)


_servers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Settings, LlamaServer]] = WeakKeyDictionary()


def hold(settings: Settings, holder: object) -> LlamaServer:
    """The running loop's child for these settings, shared with everyone else who holds it."""
    servers = _servers.setdefault(asyncio.get_running_loop(), {})
    server = servers.setdefault(settings, LlamaServer(settings))
    server.holders.add(holder)
    return server


async def let_go(server: LlamaServer, holder: object) -> None:
    """Give a share back; the child ends with the last one."""
    server.holders.discard(holder)
    if not server.holders:
        servers = _servers.get(asyncio.get_running_loop(), {})
        if servers.get(server.settings) is server:
            del servers[server.settings]
        await server.close()


def _seen(task: asyncio.Task[Address]) -> None:
    """Take note of a failure that nobody waits for any more."""
    if not task.cancelled():
        task.exception()


def _threads() -> int:
    """Cores that this process may use: llama.cpp would count those of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
