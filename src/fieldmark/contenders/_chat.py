"""One chat request to one OpenAI-compatible server, streamed; every way it can fail has its kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fieldmark.contenders._http import Lease, Sending, proxy_for
from fieldmark.contenders._reach import WHY, refused
from fieldmark.contenders._sse import EventParser
from fieldmark.contenders._trouble import redact, refusal, retry_after
from fieldmark.contenders._wire import Piece, read
from fieldmark.errors import ContenderFailure

if TYPE_CHECKING:
    import aiohttp

ANSWER_LIMIT = 1 << 20
"""Most characters of an answer; it then counts as ended by length."""
BYTES_LIMIT = 64 << 20
"""Most bytes of one response, whatever they hold."""
_ERROR_BYTES = 64 << 10
_LOOK_SECONDS = 0.25
_PATIENCE_AFTER_END = 2.0  # seconds for a usage count, or for the words of a refusal
_LAST_SECONDS = 0.05  # for a stream to end once all of it has come


@dataclass(frozen=True)
class Address:
    """Where to ask. The key is kept out of the repr."""

    url: str
    key: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What tells the server who asks."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


async def ask(
    lease: Lease, address: Address, body: Mapping[str, Any], *, patience: float
) -> AsyncGenerator[Piece, None]:
    """The pieces of the answer; the last but for a usage count has `finish` set.

    `patience` is in seconds without a token. Closing the generator before its end closes the connection: the server
    stops.

    Raises:
        ContenderFailure: unreachable, refused, too_long, timeout, garbage or cut_off.
    """
    clock = _Patience(patience)
    characters = 0
    async with (
        _failures(address),
        _post(lease, address, body, clock) as response,
        aclosing(_payloads(response, clock)) as payloads,
    ):
        async for payload in payloads:
            piece = read(payload)
            characters += len(piece.text)
            if piece.tool_calls:
                characters += sum(len(str(call)) for call in piece.tool_calls)
            if characters > ANSWER_LIMIT:
                yield Piece(finish="length")
                return
            yield piece
            if piece.alive:
                clock.renew()
            if piece.finish:
                clock.finished = True
                clock.renew(min(patience, _PATIENCE_AFTER_END))
            if clock.finished and piece.usage:
                return
    if not clock.finished:
        raise ContenderFailure("cut_off", "the answer broke off before its end")


class _Patience:
    """The moment until which the next token is waited for."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.finished = False
        self.reading = False
        """Nothing has arrived that was not taken: who takes long is not the server then."""
        self.renew()

    def renew(self, seconds: float | None = None) -> None:
        self._until = self._loop.time() + (self._seconds if seconds is None else seconds)

    def limit(self) -> asyncio.Timeout:
        return asyncio.timeout_at(self._until)

    @contextmanager
    def watching(self, content: aiohttp.StreamReader) -> Iterator[None]:
        """Reading raises TimeoutError once the moment has come: a timer for a whole stream, not one for each piece."""
        self._look(content)
        try:
            yield
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _look(self, content: aiohttp.StreamReader) -> None:
        left = self._until - self._loop.time()
        if left <= 0 and self.reading:
            content.set_exception(TimeoutError())
        else:
            wait = min(left, _LOOK_SECONDS) if left > 0 else _LOOK_SECONDS
            self._timer = self._loop.call_later(wait, self._look, content)

    def failure(self) -> ContenderFailure:
        return ContenderFailure("timeout", f"no token came within {self._seconds:g} s")


@asynccontextmanager
async def _post(
    lease: Lease, address: Address, body: Mapping[str, Any], patience: _Patience
) -> AsyncGenerator[aiohttp.ClientResponse, None]:
    import aiohttp

    url = f"{address.url}/chat/completions"
    proxy = proxy_for(url)
    session = await lease.towards(url, proxy)
    response = None
    while response is None:
        sending = Sending()
        request = session.post(
            url,
            json=body,
            headers=address.headers,
            proxy=proxy,
            allow_redirects=False,
            trace_request_ctx=sending,
        )
        try:
            async with patience.limit():
                response = await request
        except aiohttp.ServerTimeoutError:  # also a TimeoutError, but of connecting
            raise
        except TimeoutError:
            raise patience.failure() from None
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if not sending.reused:
                raise
            # The server closed the kept connection as this went out: no failure of the contender.
    async with response:
        if response.status != 200:
            raise await _refused(response, address)
        with patience.watching(response.content):
            yield response
            if patience.finished:
                await _read_out(response)


async def _read_out(response: aiohttp.ClientResponse) -> None:
    """A response that was read to its end leaves its connection to the next request."""
    import aiohttp

    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(_LAST_SECONDS):
            while await response.content.readany():
                pass


async def _refused(response: aiohttp.ClientResponse, address: Address) -> ContenderFailure:
    if 300 <= response.status < 400:
        place = redact(response.headers.get("Location", "another address"), address.key)
        return ContenderFailure("refused", f"the server points to {place}", status=response.status)
    said = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_AFTER_END):
            while len(said) < _ERROR_BYTES and (chunk := await response.content.readany()):
                said += chunk
    failure = refusal(response.status, said[:_ERROR_BYTES], address.key)
    failure.retry_after = retry_after(response.headers.get("Retry-After"))
    return failure


async def _payloads(response: aiohttp.ClientResponse, patience: _Patience) -> AsyncGenerator[str, None]:
    """The JSON texts of a stream, or the one of a server that answers a stream request whole."""
    first = await _next(response, patience)
    kind = response.content_type
    if kind != "text/event-stream" and (kind == "application/json" or first.lstrip().startswith(b"{")):
        yield await _whole(response, first, patience)
        return
    parser, seen, size, chunk = EventParser(), 0, len(first), first
    while chunk:
        for payload in parser.feed(chunk):
            seen += 1
            if payload.strip() == "[DONE]":
                return
            yield payload
        chunk = await _next(response, patience)
        size += len(chunk)
        if size > BYTES_LIMIT:
            raise ContenderFailure("garbage", f"the server sent more than {BYTES_LIMIT:,} bytes")
    for payload in parser.end():
        if payload.strip() != "[DONE]" and payload.rstrip().endswith("}"):
            seen += 1
            yield payload
    if size and not seen:
        raise ContenderFailure(
            "garbage", f"the server sent {kind}, which is neither a stream of events nor JSON"
        )


async def _whole(response: aiohttp.ClientResponse, text: bytes, patience: _Patience) -> str:
    parts, size = [text], len(text)
    while chunk := await _next(response, patience):
        parts.append(chunk)
        size += len(chunk)
        if size > BYTES_LIMIT:
            raise ContenderFailure("garbage", f"the server sent more than {BYTES_LIMIT:,} bytes")
    return b"".join(parts).decode("utf-8", "replace")


async def _next(response: aiohttp.ClientResponse, patience: _Patience) -> bytes:
    """What has arrived, at least one byte, or nothing at the end."""
    patience.reading = True
    try:
        return await response.content.readany()
    except TimeoutError:
        if patience.finished:
            return b""
        raise patience.failure() from None
    finally:
        patience.reading = False


@asynccontextmanager
async def _failures(address: Address) -> AsyncGenerator[None, None]:
    """Exceptions of the transport become failures. `from None`: theirs hold the request, and so the key."""
    import aiohttp

    try:
        yield
    except ContenderFailure as error:
        error.message = redact(error.message, address.key)
        error.args = (error.message,)
        raise
    except aiohttp.ClientConnectorCertificateError:
        raise ContenderFailure("unreachable", "the server's certificate is not valid") from None
    except (
        aiohttp.ClientConnectorError,
        aiohttp.ServerTimeoutError,
        aiohttp.ClientProxyConnectionError,
    ) as error:
        if WHY in str(error):
            raise refused(address.url) from None
        raise ContenderFailure("unreachable", f"no connection to {address.url}: {_reason(error)}") from None
    except (aiohttp.ClientResponseError, aiohttp.InvalidURL):
        raise ContenderFailure("garbage", "the server does not answer in HTTP") from None
    except (aiohttp.ClientError, ConnectionError):
        raise ContenderFailure("cut_off", "the server closed the connection before the end") from None


def _reason(error: Exception) -> str:
    import aiohttp

    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(error, aiohttp.ServerTimeoutError):
        return "it takes too long"
    return getattr(cause, "strerror", None) or "the host name is not known"
