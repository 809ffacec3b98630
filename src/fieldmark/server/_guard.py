"""What stands before every request: who may call this server, how much, and what a browser may do with the reply.

Pure ASGI, so that a stream passes through untouched.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fieldmark.contenders import is_loopback
from fieldmark.server._calls import Calls
from fieldmark.server._front import Front
from fieldmark.server._metrics import Meter

_HOST_PORT = re.compile(r":\d*$")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSP = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
    "x-frame-options": "DENY",
}
_RAW_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
HSTS = "max-age=31536000"
_CALLBACK = "/api/v1/oidc/callback"
_PROBES = frozenset({"/healthz", "/readyz"})


@dataclass(frozen=True)
class Limits:
    """Most bytes of a body; most requests per minute and at once of one caller, for each part of the API."""

    body: int = 256 * 1024
    body_v1: int = 16 * 1024 * 1024
    reads: int = 1200
    writes: int = 240
    battles: int = 60
    completions: int = 600
    logins: int = 10
    """Of one name from one address; five times as many of an address."""
    at_once: int = 64
    at_once_v1: int = 256
    per_address: int = 10
    """So many callers' worth may one address have that is not this machine's own: cookies cost nothing."""


Caller = Callable[[Request], str | None]
"""Tells callers apart by their cookie; None for one without."""


@dataclass(frozen=True)
class _Refusal:
    status: int
    code: str
    message: str
    hint: str = ""
    seconds: int = 0
    """After which it may be tried again."""


class Guard:
    """Refuses unknown hosts, other origins, bodies and rates over the limits, and too many requests at once."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Limits | None = None,
        caller: Caller | None = None,
        front: Front | None = None,
        calls: Calls | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._app = app
        self._caller = caller or (lambda _: None)
        self._limits = limits or Limits()
        self._front = front or Front()
        self._calls = calls or Calls()
        self._meter = meter or Meter()
        self._rates = Rates()
        self._now: Counter[Hashable] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it with the API's error body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._look_behind_proxy(scope)
        send = self._with_headers(self._meter.listening(scope, send), scope["path"])
        caller = self._caller(Request(scope)) or _bearer(scope) or scope["client"][0]
        refusal = self._refusal(scope) or self._too_many(scope, caller)
        if refusal is not None:
            await _refuse(send, refusal, openai=scope["path"].startswith("/v1/"))
            return
        await self._serve(scope, receive, send, caller)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, caller: str) -> None:
        limit = self._limits.body_v1 if scope["path"].startswith("/v1/") else self._limits.body
        place = (caller, scope["path"].startswith("/v1/"))
        self._now[place] += 1
        try:
            await self._calls.run(self._app, scope, _bounded(receive, limit), send)
        finally:
            self._now[place] -= 1
            if not self._now[place]:
                del self._now[place]

    def _look_behind_proxy(self, scope: Scope) -> None:
        """Scheme and address as the browser has them, where a trusted proxy tells them."""
        headers, peer = Headers(scope=scope), (scope.get("client") or ("?", 0))
        scope["fieldmark.direct"] = not self._front.is_proxy(peer[0])
        scope["client"] = (self._front.client(peer[0], headers.get("x-forwarded-for")), peer[1])
        if not scope["fieldmark.direct"]:
            told = headers.get("x-forwarded-proto", "").strip().lower()
            scope["scheme"] = told if told in {"http", "https"} else scope.get("scheme", "http")

    def _refusal(self, scope: Scope) -> _Refusal | None:
        headers, path = Headers(scope=scope), scope["path"]
        host = headers.get("host", "")
        if not self._front.host_allowed(_HOST_PORT.sub("", host)) and path not in _PROBES:
            what = "this server answers to its loopback address only"
            if self._front.hosts:
                what = "this server does not answer to that name"
            return _Refusal(421, "wrong_host", what, "open http://127.0.0.1, or allow it: --allow-host NAME")
        origin = headers.get("origin")
        if origin is not None and origin != f"{scope.get('scheme', 'http')}://{host}":
            return _Refusal(403, "wrong_origin", "requests from another site are refused")
        if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} and not _may_cross(scope):
            return _Refusal(403, "wrong_origin", "requests from another site are refused")
        length = headers.get("content-length", "0")
        limit = self._limits.body_v1 if path.startswith("/v1/") else self._limits.body
        if not (length.isascii() and length.isdigit()) or int(length[:20]) > limit:
            return _Refusal(413, "too_large", f"the body is larger than {limit:,} bytes", "send less")
        return None

    def _too_many(self, scope: Scope, caller: str) -> _Refusal | None:
        path, address = scope["path"], scope["client"][0]
        if path in _PROBES:
            return None
        if scope["method"] in SAFE_METHODS:
            kind, most = "reads", self._limits.reads
        elif path == "/api/v1/battles":
            kind, most = "battles", self._limits.battles
        elif path == "/v1/chat/completions":
            kind, most = "completions", self._limits.completions
        else:
            kind, most = "writes", self._limits.writes
        wait = self._rates.wait((caller, kind), most)
        if not wait and not is_loopback(address):
            wait = self._rates.wait((f"address {address}", kind), most * self._limits.per_address)
        if wait:
            seconds = math.ceil(wait)
            return _Refusal(
                429, "too_many", f"more than {most} {kind} a minute", f"wait {seconds} s", seconds
            )
        openai = path.startswith("/v1/")
        at_once = self._limits.at_once_v1 if openai else self._limits.at_once
        if self._now[(caller, openai)] >= at_once:
            return _Refusal(429, "too_many", f"more than {at_once} requests at once", "wait for some", 1)
        return None

    def _with_headers(self, send: Send, path: str) -> Send:
        more = [*_RAW_HEADERS]
        if self._front.secure:
            more.append((b"strict-transport-security", HSTS.encode()))
        if path.startswith(("/api", "/v1")):
            more.append((b"cache-control", b"no-store"))

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _ in given}
                message["headers"] = given + [each for each in more if each[0] not in names]
            await send(message)

        return sending


def _may_cross(scope: Scope) -> bool:
    """Links to the page, and the way back from a sign-in provider; never the APIs."""
    if scope["path"] == _CALLBACK and scope["method"] == "GET":
        return True
    return not scope["path"].startswith(("/api", "/v1"))


def _bearer(scope: Scope) -> str | None:
    """Tells applications apart, by a hash of their key."""
    key = Headers(scope=scope).get("authorization", "")
    known = key.startswith("Bearer fm_")
    return hashlib.sha256(key.encode()).hexdigest() if known else None


class Rates:
    """A token bucket per caller: `most` at once, refilled over a minute."""

    def __init__(self) -> None:
        self._left: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def wait(self, key: tuple[str, str], most: int) -> float:
        """Seconds until the next one is allowed; 0 allows this one."""
        now = time.monotonic()
        left, since = self._left.pop(key, (float(most), now))
        left = min(float(most), left + (now - since) * most / 60)
        allowed = left >= 1
        wait = 0.0 if allowed else (1 - left) * 60 / most
        self._left[key] = (left - allowed, now)
        while len(self._left) > 10_000:
            self._left.popitem(last=False)
        return wait


class BodyTooLarge(HTTPException):
    """More bytes came than the limit allows. An HTTPException, since FastAPI makes 400 of anything else there."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"the body is larger than {limit:,} bytes")


def _bounded(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise BodyTooLarge(limit)
        return message

    return bounded


async def _refuse(send: Send, refusal: _Refusal, *, openai: bool) -> None:
    said = {"code": refusal.code, "message": refusal.message}
    more = (
        {"type": "invalid_request_error", "param": None} if openai else {"hint": refusal.hint, "problems": []}
    )
    body = json.dumps({"error": {**said, **more}}).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
    }
    if refusal.seconds:
        headers["retry-after"] = str(refusal.seconds)
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
