"""What stands before every request: who may call this server, how much, and what a browser may do with the reply.

Pure ASGI, so that a stream passes through untouched.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fieldmark.contenders import is_loopback

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


@dataclass(frozen=True)
class Limits:
    """Most bytes of a body and most requests per minute and caller, for each part of the API."""

    body: int = 256 * 1024
    body_v1: int = 16 * 1024 * 1024
    reads: int = 1200
    writes: int = 240
    battles: int = 60
    completions: int = 600


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
    """Refuses hosts that are not this machine's loopback, other origins, bodies and rates over the limits."""

    def __init__(self, app: ASGIApp, *, limits: Limits | None = None, caller: Caller | None = None) -> None:
        self._app = app
        self._caller = caller or (lambda _: None)
        self._limits = limits or Limits()
        self._rates = _Rates()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it with the API's error body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(send, refusal, openai=scope["path"].startswith("/v1/"))
            return
        limit = self._limits.body_v1 if scope["path"].startswith("/v1/") else self._limits.body
        await self._app(scope, _bounded(receive, limit), _with_headers(send, scope["path"]))

    def _refusal(self, scope: Scope) -> _Refusal | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not is_loopback(_HOST_PORT.sub("", host)):
            what = "this server answers to its loopback address only"
            return _Refusal(421, "wrong_host", what, "open http://127.0.0.1")
        origin = headers.get("origin")
        if origin is not None and origin != f"{scope.get('scheme', 'http')}://{host}":
            return _Refusal(403, "wrong_origin", "requests from another site are refused")
        if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} and scope["path"].startswith(
            ("/api", "/v1")
        ):
            return _Refusal(403, "wrong_origin", "requests from another site are refused")
        length = headers.get("content-length", "0")
        limit = self._limits.body_v1 if scope["path"].startswith("/v1/") else self._limits.body
        if not length.isdigit() or int(length) > limit:
            return _Refusal(413, "too_large", f"the body is larger than {limit:,} bytes", "send less")
        return self._too_many(scope)

    def _too_many(self, scope: Scope) -> _Refusal | None:
        caller = self._caller(Request(scope)) or (scope.get("client") or ("?", 0))[0]
        if scope["method"] in SAFE_METHODS:
            kind, most = "reads", self._limits.reads
        elif scope["path"] == "/api/v1/battles":
            kind, most = "battles", self._limits.battles
        elif scope["path"] == "/v1/chat/completions":
            kind, most = "completions", self._limits.completions
        else:
            kind, most = "writes", self._limits.writes
        seconds = math.ceil(self._rates.wait((caller, kind), most))
        if not seconds:
            return None
        return _Refusal(429, "too_many", f"more than {most} {kind} a minute", f"wait {seconds} s", seconds)


class _Rates:
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


def _with_headers(send: Send, path: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if path.startswith(("/api", "/v1")):
                headers.setdefault("cache-control", "no-store")
        await send(message)

    return sending


async def _refuse(send: Send, refusal: _Refusal, *, openai: bool) -> None:
    said = {"code": refusal.code, "message": refusal.message}
    more = (
        {"type": "invalid_request_error", "param": None} if openai else {"hint": refusal.hint, "problems": []}
    )
    body = json.dumps({"error": {**said, **more}}).encode()
    headers = {
        **HEADERS,
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
    }
    if refusal.seconds:
        headers["retry-after"] = str(refusal.seconds)
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
