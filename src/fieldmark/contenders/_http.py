"""One aiohttp session per event loop, shared by every contender and closed with the last of them."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary

from fieldmark.contenders._reach import Reach
from fieldmark.errors import InputError

if TYPE_CHECKING:
    import aiohttp

CONNECTIONS = 1024
"""Most connections at once. aiohttp reads an unset limit as 100."""
CONNECT_SECONDS = 10.0
KEPT_SECONDS = 15.0
"""How long a connection waits for the next request."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Lease:
    """A share in the running loop's session; with `reach`, in one that connects to allowed addresses only."""

    def __init__(self) -> None:
        self.reach: Reach | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def session(self, *, anywhere: bool = False) -> aiohttp.ClientSession:
        """The session of the running loop, opened when first asked for; `anywhere` passes over `reach`."""
        loop = asyncio.get_running_loop()
        reach = None if anywhere else self.reach
        sessions = _shared.setdefault(loop, {})
        if reach not in sessions:
            sessions[reach] = (_open(reach), set())
        self._loop = loop
        sessions[reach][1].add(self)
        return sessions[reach][0]

    async def towards(self, url: str, proxy: str | None) -> aiohttp.ClientSession:
        """The session for one request. A proxy resolves the name itself: then it is looked up here beforehand.

        Raises:
            ContenderFailure: the URL leads where `reach` does not allow.
        """
        if self.reach is None or self.reach.frees(url):
            return self.session(anywhere=True)
        if proxy is None:
            return self.session()
        await self.reach.check(url)
        return self.session(anywhere=True)

    async def close(self) -> None:
        """Give the share back; the last one closes the session."""
        loop, self._loop = self._loop, None
        if loop is None or loop is not asyncio.get_running_loop() or loop not in _shared:
            return
        sessions = _shared[loop]
        for reach, (session, holders) in list(sessions.items()):
            holders.discard(self)
            if not holders:
                del sessions[reach]
                await session.close()


_Sessions = dict[Reach | None, "tuple[aiohttp.ClientSession, set[Lease]]"]
_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, _Sessions] = WeakKeyDictionary()


def _open(reach: Reach | None) -> aiohttp.ClientSession:
    import aiohttp

    tracing = aiohttp.TraceConfig()
    tracing.on_connection_reuseconn.append(_reused)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=CONNECTIONS,
            keepalive_timeout=KEPT_SECONDS,
            ttl_dns_cache=300,
            socket_factory=None if reach is None else reach.socket,
        ),
        trace_configs=[tracing],
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        headers={"User-Agent": "fieldmark", "Accept-Encoding": "identity"},
        # With it aiohttp would also send passwords from ~/.netrc; `proxy_for` does what is wanted of it.
        trust_env=False,
    )


@dataclass
class Sending:
    """How one request goes out: its `trace_request_ctx`."""

    reused: bool = False
    """By a connection that had carried another: its server may have closed it just then."""


async def _reused(_: aiohttp.ClientSession, trace: SimpleNamespace, __: object) -> None:
    if isinstance(trace.trace_request_ctx, Sending):
        trace.trace_request_ctx.reused = True


def proxy_for(url: str) -> str | None:
    """The proxy that the environment sets for this address; never one for this machine itself."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def is_loopback(host: str) -> bool:
    """Whether this names the machine itself. A name other than localhost could be pointed anywhere (DNS rebinding)."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def normalise_url(url: str) -> str:
    """One spelling for one base URL, so that the same server has the same identity.

    Raises:
        InputError: not http or https, no host, or with credentials, a query or a fragment.
    """
    example = "such as http://127.0.0.1:11434/v1"
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise InputError("the URL of an endpoint cannot be read", hint=example) from None
    if parts.scheme.lower() not in _DEFAULT_PORTS or not parts.hostname:
        raise InputError("the URL of an endpoint begins with http:// or https:// and a host", hint=example)
    if "@" in parts.netloc:
        raise InputError(
            "the URL of an endpoint must not hold a user or password",
            hint="name the environment variable that holds the key with key_env",
        )
    if parts.query or parts.fragment:
        raise InputError("the URL of an endpoint is a base URL, without '?' or '#'", hint=example)
    return _join(parts, port)


def _join(parts: SplitResult, port: int | None) -> str:
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    place = host if port in (None, _DEFAULT_PORTS[scheme]) else f"{host}:{port}"
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return urlunsplit((scheme, place, path, "", ""))
