"""Runs the server: on this machine's loopback, or with accounts for others too."""

from __future__ import annotations

import asyncio
import errno
import gc
import ipaddress
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from fieldmark.contenders import is_loopback
from fieldmark.errors import ServeError
from fieldmark.fields import accounts
from fieldmark.server._front import Front, networks
from fieldmark.server._guard import Limits
from fieldmark.server._house import House
from fieldmark.server.app import create_app

DEFAULT_PORT = 8421
BACKLOG = 2048
SWITCH_SECONDS = 0.0005
"""How long a thread may keep the others from running: at Python's own 5 ms every stream waits for every view."""
_NAME = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\]")

Ready = Callable[[str, House], None]
"""Called once with the address, when requests are answered."""


@dataclass(frozen=True)
class Outside:
    """What a person says of how the server is reached by others."""

    hosts: Sequence[str] = ()
    """Names that requests may be for, beside the loopback ones."""
    certificate: Path | None = None
    """PEM file, with its chain."""
    key: Path | None = None
    """PEM file of the certificate's key."""
    proxies: Sequence[str] = ()
    """Addresses and ranges of proxies that are believed."""
    plain_http: bool = False
    """Serve others without encryption, knowing that passwords and cookies can then be read on the way."""
    first_admin: bool = False
    """Serve others although nobody can administer the field: whoever calls makes an invitation."""

    def front(self, host: str) -> Front:
        """The same, checked.

        Raises:
            ServeError: something in it is wrong, or it would serve others without encryption.
        """
        hosts = [name.lower().rstrip(".") for name in self.hosts]
        for name in hosts:
            if not _NAME.fullmatch(name):
                raise ServeError(
                    f"--allow-host {name} is no host name", hint="such as field.example.org, without a port"
                )
        if (self.certificate is None) != (self.key is None):
            raise ServeError(
                "a certificate needs its key, and a key its certificate", hint="--tls-cert and --tls-key"
            )
        for file in (self.certificate, self.key):
            if file is not None and not file.is_file():
                raise ServeError(f"there is no file {file}", hint="a PEM file")
        proxies, tls = networks(self.proxies), self.certificate is not None
        public = not is_loopback(host) or bool(proxies) or any(not is_loopback(name) for name in hosts)
        if public and not (tls or proxies or self.plain_http):
            raise ServeError(
                "serving others without encryption would show passwords and cookies to the network",
                hint="give --tls-cert and --tls-key, or --proxy with the address of a proxy that has a certificate; "
                "--plain-http says that you want it all the same",
            )
        if public and not is_loopback(host) and not _wildcard(host):
            hosts.append(f"[{host}]" if ":" in host else host.lower())
        secure = tls or (bool(proxies) and not self.plain_http)
        return Front(frozenset(hosts), proxies, tls=tls, secure=secure, public=public)


def serve(
    folder: Path,
    *,
    host: str,
    port: int,
    ready: Ready,
    limits: Limits | None = None,
    outside: Outside | None = None,
) -> None:
    """Serve the field in `folder` until interrupted.

    Raises:
        ServeError: others could reach it and there is no admin or no encryption, the port is in use, or the field is
            served already.
        FieldError: the folder is wrong.
        LedgerError: its ledger cannot be opened.
    """
    outside = outside or Outside()
    if not is_loopback(host) and outside == Outside():
        raise _not_loopback(host)
    front = outside.front(host)
    with _listen(host, port) as listening, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(folder, listening, ready, limits, (front, outside)))


async def _serve(
    folder: Path, listening: socket.socket, ready: Ready, limits: Limits | None, said: tuple[Front, Outside]
) -> None:
    front, outside = said
    address = _address(listening, front)
    house = await House.open(folder, address, front)
    try:
        if front.public and not outside.first_admin:
            await asyncio.to_thread(_check_admin, house)
        config = uvicorn.Config(
            create_app(house, limits=limits),
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the guard believes the proxies that were named, and no others
            lifespan="off",
            timeout_graceful_shutdown=2,
            ssl_certfile=outside.certificate,
            ssl_keyfile=outside.key,
        )
        server = HouseServer(config, house)
        _calm_collector()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listening]))
            tasks.create_task(_say_ready(server, lambda: ready(address, house)))
    finally:
        await house.close()


def _check_admin(house: House) -> None:
    with house.ledger.read() as snapshot:
        if accounts.has_admin(snapshot):
            return
    raise ServeError(
        "others could reach this server, and nobody is admin yet",
        hint="`fieldmark accounts add NAME --role admin` makes one; "
        "`fieldmark up --first-admin ...` prints a link for one instead",
    )


class HouseServer(uvicorn.Server):
    """Ends the event streams before it waits for open connections: they would never end by themselves."""

    def __init__(self, config: uvicorn.Config, house: House) -> None:
        super().__init__(config)
        self._stopping = house.stopping

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop when told to. A second SIGTERM, which uvicorn would send itself, would end the process before the field
        is closed: answers just given were not written down."""
        with super().capture_signals():
            yield
            self._captured_signals = [each for each in self._captured_signals if each != signal.SIGTERM]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving."""
        self._stopping.set()
        await super().shutdown(sockets)


async def _say_ready(server: uvicorn.Server, ready: Callable[[], None]) -> None:
    while not server.started and not server.should_exit:  # noqa: ASYNC110 (uvicorn sets no event)
        await asyncio.sleep(0.02)
    if server.started:
        ready()


def _address(listening: socket.socket, front: Front | None = None) -> str:
    host, port = listening.getsockname()[:2]
    return _url(host, port, scheme="https" if front and front.tls else "http")


def _url(host: str, port: int, *, scheme: str = "http") -> str:
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


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
    sys.setswitchinterval(SWITCH_SECONDS)


def _listen(host: str, port: int) -> socket.socket:
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


def _wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _not_loopback(host: str) -> ServeError:
    return ServeError(
        f"'{host}' is not this machine's loopback address: others could reach the server",
        hint="leave --host out, or say how: --allow-host NAME, with --tls-cert and --tls-key or with --proxy; "
        "from another machine, tunnel with `ssh -L 8421:127.0.0.1:8421`",
    )
