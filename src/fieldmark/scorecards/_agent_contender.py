"""Kind `agent`: a contender that brings its own loop, as a command in the sandbox or behind an A2A card."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fieldmark.contenders import (
    Contender,
    ContenderSpec,
    Delta,
    Finish,
    Identity,
    Message,
    Readiness,
    make_contender,
    normalise_url,
    read_key,
)
from fieldmark.errors import ContenderFailure, InputError
from fieldmark.scorecards._a2a import A2ATalk

if TYPE_CHECKING:
    from fieldmark.contenders import Reach, Shelf

_CACHES = frozenset({"__pycache__", ".git", ".venv", "node_modules"})
_BLOCK = 1 << 20


class AgentContender(Contender):
    """Takes tasks of scorecards. One behind an A2A card answers conversations too.

    Raises:
        InputError: it has neither command nor card, or both, or keys that do not go together.
    """

    def __init__(self, spec: ContenderSpec, *, shelf: Shelf | None = None) -> None:
        super().__init__(spec, shelf=shelf)
        _check(spec)
        self.model: Contender | None = None
        """The model that its command may ask."""
        if spec.command and spec.model:
            self.model = make_contender(_model_spec(spec), shelf=shelf)
        self._reach: Reach | None = None

    @property
    def converses(self) -> bool:
        return self.spec.card is not None

    @property
    def identity(self) -> Identity:
        """What it is. Raises ModelError when its weights are not on the shelf, InputError without its files."""
        if self.spec.card:
            return self._identity(card=self.spec.card)
        return self._identity(
            command=list(self.spec.command),
            files=_digest(Path(self.spec.files)) if self.spec.files else None,
            model=self.model.identity.digest if self.model else None,
        )

    @property
    def readiness(self) -> Readiness:
        if self.spec.card and find_spec("a2a") is None:
            return Readiness("missing", "A2A agents need the extra 'agents': pip install 'fieldmark[agents]'")
        return self.model.readiness if self.model else Readiness("unknown")

    def confine(self, reach: Reach | None) -> None:
        self._reach = reach
        if self.model is not None:
            self.model.confine(reach)

    async def start(self) -> None:
        if self.model is not None:
            await self.model.start()

    async def close(self) -> None:
        if self.model is not None:
            await self.model.close()

    async def forget(self) -> None:
        if self.model is not None:
            await self.model.forget()

    def talk(self) -> A2ATalk:
        """A new conversation with the A2A agent. Raises ContenderFailure for one that is a command."""
        if self.spec.card is None:
            raise ContenderFailure(
                "unsupported", f"{self.spec.name} is a command: it takes tasks, and does not talk"
            )
        key = read_key(self.spec.key_env)
        return A2ATalk(self.spec.card, key=key, timeout=self.spec.timeout, reach=self._reach)

    async def stream(
        self,
        conversation: Sequence[Message],
        *,
        max_tokens: int | None = None,  # noqa: ARG002 (it knows no limit)
    ) -> AsyncGenerator[Delta | Finish, None]:
        async with self.talk() as talk:
            told = await talk.say(_as_text(conversation))
        if not told.text:
            raise ContenderFailure("empty", "the agent answered with files only")
        yield Delta(told.text)
        yield Finish("stop")

    async def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        message = {"role": "assistant", "content": await self._answer(request)}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return {**self._envelope("chat.completion"), "choices": [choice], "usage": None}

    async def complete_stream(self, request: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        envelope = self._envelope("chat.completion.chunk")
        delta = {"role": "assistant", "content": await self._answer(request)}
        for part, finish in ((delta, None), ({}, "stop")):
            choice = {"index": 0, "delta": part, "logprobs": None, "finish_reason": finish}
            yield {**envelope, "choices": [choice]}

    async def _answer(self, request: Mapping[str, Any]) -> str:
        if request.get("tools") or request.get("response_format"):
            raise InputError(f"{self.spec.name} is an agent: it takes no 'tools' and no 'response_format'")
        messages = request.get("messages")
        if not isinstance(messages, list) or not messages:
            raise InputError("'messages' must be a list with at least one message")
        return "".join([part.text async for part in self.stream(messages) if isinstance(part, Delta)])

    def _envelope(self, kind: str) -> dict[str, Any]:
        name = self.spec.name
        return {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": kind,
            "created": int(time.time()),
            "model": name,
        }


def _check(spec: ContenderSpec) -> None:
    name = f"contender '{spec.name}'"
    if bool(spec.command) == bool(spec.card):
        raise InputError(
            f"{name}: an agent needs either 'command' or 'card'",
            hint='such as command = ["python3", "/agent/main.py"], or card = "https://agents.example.org/helper"',
        )
    if spec.card and (spec.files or spec.model or spec.url):
        raise InputError(f"{name}: 'files', 'model' and 'url' go with 'command', not with 'card'")
    if spec.url and not spec.model:
        raise InputError(f"{name}: 'url' needs 'model', the name of the model there")
    if spec.card and urlsplit(spec.card).scheme not in ("http", "https"):
        raise InputError(f"{name}: 'card' begins with http:// or https://")
    if spec.files and not Path(spec.files).is_dir():
        raise InputError(f"{name}: there is no folder '{Path(spec.files).name}'", hint="'files' is a folder")


def _model_spec(spec: ContenderSpec) -> ContenderSpec:
    """The model of a command as a contender of its own: an endpoint with a URL, else weights."""
    kind = "endpoint" if spec.url else "weights"
    return ContenderSpec(
        name=spec.name,
        kind=kind,
        model=spec.model,
        url=normalise_url(spec.url) if spec.url else None,
        key_env=spec.key_env if spec.url else None,
        context=spec.context,
        chat_template=spec.chat_template,
        timeout=spec.timeout,
        max_tokens_field=spec.max_tokens_field,
    )


def _digest(folder: Path) -> str:
    """SHA-256 (hex) over the paths and contents of a folder's files, caches left out."""
    whole = hashlib.sha256()
    for path in _files(folder):
        content = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                content.update(block)
        name = path.relative_to(folder).as_posix()
        whole.update(f"{name}\0{content.hexdigest()}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and _CACHES.isdisjoint(path.relative_to(folder).parts):
            yield path


def _as_text(conversation: Sequence[Message]) -> str:
    """A conversation as one message: agents keep their own, and this one is nobody's so far."""
    texts = [(str(m["role"]), _text(m.get("content"))) for m in conversation]
    if len(texts) == 1:
        return texts[0][1]
    return "\n\n".join(text if role == "system" else f"{role.title()}: {text}" for role, text in texts)


def _text(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content)
    return str(content or "")
