"""Servers of models that run on this machine, found at their usual ports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fieldmark.contenders._http import Lease

if TYPE_CHECKING:
    import aiohttp

PORTS: Mapping[int, str] = {11434: "Ollama", 1234: "LM Studio", 8000: "vLLM", 8080: "llama.cpp"}
"""Usual port of each server."""

_SECONDS = 0.6
_BYTES = 1 << 20
_MOST_MODELS = 500
_LONGEST_NAME = 200
# Only the server in question answers these with JSON; the usual port alone proves nothing.
_SIGNS = {"/api/version": "Ollama", "/api/v0/models": "LM Studio", "/version": "vLLM"}


@dataclass(frozen=True)
class LocalServer:
    """A server that answers OpenAI's protocol on this machine."""

    kind: str
    """`Ollama`, `LM Studio`, `vLLM`, `llama.cpp`, or `OpenAI-compatible`."""
    url: str
    """Base URL for a contender."""
    models: tuple[str, ...]
    """Names it gives."""


async def detect(ports: Mapping[int, str] = PORTS) -> list[LocalServer]:
    """Ask all ports of the loopback address at once; takes under a second or two."""
    lease = Lease()
    try:
        found = await asyncio.gather(*(_look(lease, port) for port in ports))
    finally:
        await lease.close()
    return [server for server in found if server is not None]


async def _look(lease: Lease, port: int) -> LocalServer | None:
    root = f"http://127.0.0.1:{port}"
    answer = await _get(lease, f"{root}/v1/models")
    if answer is None:
        return None
    said, banner = answer
    listed = said.get("data") if isinstance(said, dict) else None
    if not isinstance(listed, list):
        return None
    names = [model.get("id") for model in listed[:_MOST_MODELS] if isinstance(model, dict)]
    models = tuple(n for n in names if isinstance(n, str) and n.isprintable() and 0 < len(n) <= _LONGEST_NAME)
    return LocalServer(await _kind(lease, root, banner), f"{root}/v1", models)


async def _kind(lease: Lease, root: str, banner: str) -> str:
    if banner == "llama.cpp":
        return banner
    answers = await asyncio.gather(*(_get(lease, root + path) for path in _SIGNS))
    kinds = [kind for kind, answer in zip(_SIGNS.values(), answers, strict=True) if answer is not None]
    return kinds[0] if kinds else "OpenAI-compatible"


async def _get(lease: Lease, url: str) -> tuple[Any, str] | None:
    """The JSON at an address and what the server calls itself; None when there is none."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    try:
        async with lease.session().get(url, timeout=timeout, allow_redirects=False) as response:
            if response.status != 200:
                return None
            return json.loads(await _body(response)), response.headers.get("Server", "")
    except (aiohttp.ClientError, OSError, ValueError, RecursionError):
        return None


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    while len(body) < _BYTES and (chunk := await response.content.readany()):
        body += chunk
    return body
