"""Runs the server on this machine's loopback."""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from fieldmark.contenders import is_loopback
from fieldmark.errors import ServeError
from fieldmark.server._guard import Limits
from fieldmark.server._house import House
from fieldmark.server.app import create_app

DEFAULT_PORT = 8421
BACKLOG = 2048

Ready = Callable[[str, House], None]
"""Called once with the address, when requests are answered."""


def serve(folder: Path, *, host: str, port: int, ready: Ready, limits: Limits | None = None) -> None:
    """Serve the field in `folder` until interrupted.

    Raises:
        ServeError: the host is not loopback, the port is in use, or the field is served already.
        FieldError: the folder is wrong.
        LedgerError: its ledger cannot be opened.
    """
    with _listen(host, port) as listening, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(folder, listening, ready, limits))


async def _serve(folder: Path, listening: socket.socket, ready: Ready, limits: Limits | None) -> None:
    house = await House.open(folder, _address(listening))
    try:
        config = uvicorn.Config(
            create_app(house, limits=limits),
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        server = HouseServer(config, house)
        _calm_collector()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listening]))
            tasks.create_task(_say_ready(server, lambda: ready(_address(listening), house)))
    finally:
        await house.close()


class HouseServer(uvicorn.Server):
    """Ends the event streams before it waits for open connections: they would never end by themselves."""

    def __init__(self, config: uvicorn.Config, house: House) -> None:
        super().__init__(config)
        self._stopping = house.stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving."""
        self._stopping.set()
        await super().shutdown(sockets)


async def _say_ready(server: uvicorn.Server, ready: Callable[[], None]) -> None:
    while not server.started and not server.should_exit:  # noqa: ASYNC110 (uvicorn sets no event)
        await asyncio.sleep(0.02)
    if server.started:
        ready()


def _address(listening: socket.socket) -> str:
    return _url(*listening.getsockname()[:2])


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _calm_collector() -> None:
    """What stands after start-up stays: a full collection of it stalls every stream by 100 ms."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _listen(host: str, port: int) -> socket.socket:
    _check_host(host)
    if not 0 <= port <= 65_535:
        raise ServeError(f"{port} is no port", hint="a port is 1 to 65535; 0 takes a free one")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)  # now, so that of two that start at once one is refused; early callers wait
    except OSError as error:
        listening.close()
        raise ServeError(
            f"port {port} on {host} cannot be used: {error.strerror}", hint=_hint(error, host, port)
        ) from None
    return listening


def _hint(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EACCES:
        return "ports below 1024 are for root: `fieldmark up --port 8421`"
    return (
        f"if this field's own server has it, open {_url(host, port)}; if another program has, "
        f"`fieldmark up --port {port + 1}`"
    )


def _check_host(host: str) -> None:
    if not is_loopback(host):
        raise ServeError(
            f"'{host}' is not this machine's loopback address, and there are no accounts yet to protect anything else",
            hint="leave --host out, or give 127.0.0.1 or ::1; "
            "from another machine, tunnel with `ssh -L 8421:127.0.0.1:8421`",
        )
