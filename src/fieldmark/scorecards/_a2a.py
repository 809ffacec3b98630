"""A conversation with an A2A agent (protocol 1.x; older ones as far as the SDK speaks them)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from fieldmark.contenders import Reach, proxy_for, retry_after
from fieldmark.errors import ContenderFailure, FailureKind

WELL_KNOWN = "/.well-known/agent-card.json"
_POLL_SECONDS = 0.5

_FAILED: Mapping[str, tuple[FailureKind, str]] = {
    "TASK_STATE_FAILED": ("cut_off", "the agent says that it failed"),
    "TASK_STATE_CANCELED": ("cut_off", "the agent stopped the task"),
    "TASK_STATE_REJECTED": ("unsupported", "the agent refused the task"),
    "TASK_STATE_AUTH_REQUIRED": ("refused", "the agent wants somebody to sign in"),
}
_ENDED = frozenset({*_FAILED, "TASK_STATE_COMPLETED", "TASK_STATE_INPUT_REQUIRED"})


@dataclass
class Told:
    """What the agent said to one message."""

    text: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """Name to content, of artifacts that are files."""


@dataclass
class _Heard:
    """What one message's events come to."""

    message: str = ""
    status: str = ""
    artifacts: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    state: str = ""
    task: str = ""


class A2ATalk:
    """`async with A2ATalk(...) as talk: await talk.say("...")`: one context of the agent's, with its task."""

    def __init__(
        self, url: str, *, key: str | None = None, timeout: float = 60.0, reach: Reach | None = None
    ) -> None:
        """`timeout` is in seconds without a byte; `key` is sent as a bearer token.

        Raises:
            ContenderFailure: `refused`, when the extra `agents` is not installed.
        """
        try:
            import a2a.client
            import httpx
        except ImportError:
            raise ContenderFailure(
                "refused", "A2A agents need the extra 'agents'", hint="pip install 'fieldmark[agents]'"
            ) from None
        del a2a
        logging.getLogger("a2a").setLevel(logging.WARNING)  # it would log every card
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._url = url
        self._reach = reach
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            headers={"Authorization": f"Bearer {key}"} if key else {},
            trust_env=False,
            proxy=proxy_for(url),
        )
        self._client: Any = None
        self._context: str | None = None
        self._task: str | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._connect()
        except BaseException:
            await self._http.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()
        await self._http.aclose()

    async def _connect(self) -> None:
        from a2a.client import A2ACardResolver, ClientConfig, ClientFactory

        if self._reach is not None:
            await self._reach.check(self._url)
        parts = urlsplit(self._url)
        path = parts.path if parts.path.endswith(".json") else parts.path.rstrip("/") + WELL_KNOWN
        with _failures():
            resolver = A2ACardResolver(self._http, f"{parts.scheme}://{parts.netloc}", path)
            card = await resolver.get_agent_card()
            if self._reach is not None:
                for interface in card.supported_interfaces:
                    await self._reach.check(interface.url)
            config = ClientConfig(
                httpx_client=self._http, supported_protocol_bindings=["JSONRPC", "HTTP+JSON"]
            )
            self._client = ClientFactory(config).create(card)

    async def say(self, text: str, files: Mapping[str, bytes] | None = None) -> Told:
        """Send a message and wait for what comes of it.

        Raises:
            ContenderFailure: unreachable, refused, timeout, garbage, cut_off, unsupported or empty.
        """
        from a2a.helpers import new_raw_part, new_text_part
        from a2a.helpers.proto_helpers import new_message
        from a2a.types import Role, SendMessageRequest

        parts = [new_text_part(text)]
        parts += [new_raw_part(content, filename=name) for name, content in (files or {}).items()]
        message = new_message(parts, self._context, self._task, Role.ROLE_USER)
        heard = _Heard()
        with _failures():
            async for event in self._client.send_message(SendMessageRequest(message=message)):
                self._take(heard, event)
            while heard.task and heard.state not in _ENDED:
                await asyncio.sleep(_POLL_SECONDS)
                await self._look(heard)
        return self._told(heard)

    def _take(self, heard: _Heard, event: Any) -> None:
        what = event.WhichOneof("payload")
        body = getattr(event, what)
        self._context = body.context_id or self._context
        if what == "message":
            heard.message = _text(body.parts)
            heard.files |= _files(body.parts)
        elif what == "task":
            _take_task(heard, body)
        elif what == "status_update":
            heard.task = body.task_id
            _take_status(heard, body.status)
        else:
            heard.task = body.task_id
            _take_artifact(heard, body.artifact, append=body.append)

    async def _look(self, heard: _Heard) -> None:
        from a2a.types import GetTaskRequest

        _take_task(heard, await self._client.get_task(GetTaskRequest(id=heard.task)))

    def _told(self, heard: _Heard) -> Told:
        # A task that wants more is gone on with; one that is over is never written to again.
        self._task = heard.task if heard.state == "TASK_STATE_INPUT_REQUIRED" else None
        if heard.state in _FAILED:
            kind, words = _FAILED[heard.state]
            said = f": {heard.status}" if heard.status else ""
            raise ContenderFailure(kind, f"{words}{said}"[:500])
        artifacts = "\n".join(filter(None, ("".join(texts) for texts in heard.artifacts.values())))
        text = heard.message or artifacts or heard.status
        if not text.strip() and not heard.files:
            raise ContenderFailure("empty", "the agent said nothing")
        return Told(text, heard.files)


def _take_task(heard: _Heard, task: Any) -> None:
    heard.task = task.id
    _take_status(heard, task.status)
    for artifact in task.artifacts:
        _take_artifact(heard, artifact, append=False)


def _take_status(heard: _Heard, status: Any) -> None:
    from a2a.types import TaskState

    heard.state = TaskState.Name(status.state)
    if status.HasField("message"):
        heard.status = _text(status.message.parts)


def _take_artifact(heard: _Heard, artifact: Any, *, append: bool) -> None:
    texts = heard.artifacts.setdefault(artifact.artifact_id, [])
    if not append:
        texts.clear()
    # Pieces of an artifact come one by one, or put together as parts: no break belongs between them either way.
    texts.append(_text(artifact.parts, ""))
    heard.files |= _files(artifact.parts)


def _text(parts: Any, between: str = "\n") -> str:
    return between.join(part.text for part in parts if part.WhichOneof("content") == "text")


def _files(parts: Any) -> dict[str, bytes]:
    return {p.filename: p.raw for p in parts if p.WhichOneof("content") == "raw" and p.filename}


@contextmanager
def _failures() -> Generator[None, None, None]:
    """What the SDK raises becomes a failure of the contender."""
    import httpx
    from a2a.client import AgentCardResolutionError
    from a2a.client.errors import A2AClientTimeoutError
    from a2a.utils.errors import A2AError

    try:
        yield
    except A2AClientTimeoutError:
        raise ContenderFailure("timeout", "the agent took too long") from None
    except A2AError as error:
        if isinstance(error.__cause__, httpx.TimeoutException) and isinstance(
            error, AgentCardResolutionError
        ):
            raise ContenderFailure("unreachable", "the agent's card did not come in time") from None
        raise _failure(error) from None
    except httpx.HTTPError as error:
        raise ContenderFailure("cut_off", f"the connection broke off: {type(error).__name__}") from None
    except (ValueError, TypeError) as error:
        raise ContenderFailure("garbage", f"the agent's answer makes no sense: {error}"[:300]) from None


def _failure(error: Exception) -> ContenderFailure:
    import httpx

    words = str(error)
    cause = error.__cause__
    if isinstance(cause, httpx.HTTPStatusError):
        failure = ContenderFailure(
            "refused", f"the agent's server answered with {cause.response.status_code}",
            status=cause.response.status_code,
        )  # fmt: skip
        failure.retry_after = retry_after(cause.response.headers.get("Retry-After"))
        return failure
    if isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout):
        return ContenderFailure("unreachable", "no connection to the agent")
    if isinstance(cause, httpx.RequestError):
        return ContenderFailure("cut_off", "the connection to the agent broke off")
    return ContenderFailure("garbage" if cause is not None else "cut_off", words[:300])
