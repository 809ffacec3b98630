"""Kind `weights`: a GGUF file on this machine, run by llama.cpp."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from fieldmark.contenders._base import Identity, Readiness
from fieldmark.contenders._catalogue import TEMPLATES, Template
from fieldmark.contenders._chat import ask
from fieldmark.contenders._llama import DEFAULT_CONTEXT, LlamaServer, Settings, hold, let_go
from fieldmark.contenders._openai import OpenAIContender
from fieldmark.contenders._shelf import Model, Shelf
from fieldmark.contenders._tools import as_call, as_schema, is_forced
from fieldmark.contenders._wire import Piece
from fieldmark.errors import ContenderFailure, InputError, ModelError

if TYPE_CHECKING:
    from fieldmark.contenders._spec import ContenderSpec


class WeightsContender(OpenAIContender):
    """Answers by a llama.cpp child, which contenders that differ only in prompt and sampler share.

    Raises:
        InputError: the spec lacks the model, or sets what only endpoints have.
    """

    def __init__(self, spec: ContenderSpec, *, shelf: Shelf | None = None) -> None:
        super().__init__(spec, shelf=shelf)
        if not spec.model:
            raise InputError(
                f"contender '{spec.name}': weights need 'model'",
                hint="a name that `fieldmark models list` shows, or the path of a .gguf file",
            )
        for name in ("url", "key_env"):
            if getattr(spec, name) is not None:
                raise InputError(f"contender '{spec.name}': '{name}' is for an endpoint, not for weights")
        self._found: Model | None = None
        self._server: LlamaServer | None = None

    @property
    def identity(self) -> Identity:
        """What it is. Raises ModelError when weights are not on the shelf."""
        model = self._find()
        template = _template(self.spec, model)
        return self._identity(
            weights=model.sha256,
            template=hashlib.sha256(template.text.encode()).hexdigest() if template else None,
            stops=list(template.stops) if template and template.stops else None,
            context=self.spec.context,
        )

    @property
    def readiness(self) -> Readiness:
        server = self._server
        if server is not None and server.starting:
            return Readiness("starting", "the weights are being loaded")
        if server is not None and server.pid is not None:
            return Readiness("ready")
        if server is not None and server.failure is not None:
            return Readiness("failed", server.failure.message)
        if not (self.shelf or Shelf()).has(self.spec.model or ""):
            return Readiness("missing", f"model '{self.spec.model}' is not on this machine")
        return Readiness("unknown", "the weights are loaded when it is first asked")

    @property
    def pid(self) -> int | None:
        """Process id of the child that serves it, if one does."""
        return self._server.pid if self._server else None

    async def start(self) -> None:
        """Load the weights."""
        await self._hold().start()

    async def close(self) -> None:
        """Let go of the child, which ends when nobody else holds it."""
        server, self._server = self._server, None
        if server is not None:
            await let_go(server, self)
        await super().close()

    async def forget(self) -> None:
        """Have the child that remembers prompts end once it is idle; whoever asks next starts another."""
        if self._server is not None:
            await self._server.forget()

    def _find(self) -> Model:
        if self._found is None:
            self._found = (self.shelf or Shelf()).find(self.spec.model or "")
        return self._found

    def _hold(self) -> LlamaServer:
        if self._server is None:
            model = self._find()
            template = _template(self.spec, model)
            context = self.spec.context or DEFAULT_CONTEXT
            self._server = hold(Settings(model, context, template.text if template else ""), self)
        return self._server

    @property
    def _model(self) -> str:
        return "model"

    @property
    def _stops(self) -> Sequence[str]:
        try:
            template = _template(self.spec, self._find())
        except ModelError:
            return ()  # asking says so in a moment
        return template.stops if template else ()

    async def _ask(self, body: Mapping[str, Any]) -> AsyncGenerator[Piece, None]:
        sent = dict(body)
        forced = is_forced(sent)
        if forced:
            sent = as_schema(sent)
        try:
            server = self._hold()
            async with server.slot() as address:
                try:
                    pieces = ask(self._lease, address, sent, patience=self.spec.timeout)
                    async with aclosing(as_call(pieces) if forced else pieces) as told:
                        async for piece in told:
                            yield piece
                except ContenderFailure as failure:
                    raise await _explained(failure, server) from None
        except ModelError as error:
            raise ContenderFailure("crashed", error.message, hint=error.hint) from None


async def _explained(failure: ContenderFailure, server: LlamaServer) -> ContenderFailure:
    """A broken connection to a child that died is a crash."""
    if failure.kind in ("cut_off", "unreachable") and await server.died():
        return ContenderFailure("crashed", "llama.cpp died while it was answering")
    if failure.status == 500 and "not supported" in failure.message:
        return ContenderFailure("unsupported", failure.message, status=400)
    return failure


def _template(spec: ContenderSpec, model: Model) -> Template | _Written | None:
    given = spec.chat_template or model.template
    if given is None:
        return None
    return TEMPLATES.get(given) or _Written(given)


class _Written:
    """A chat template that a person wrote into the field."""

    stops = ()

    def __init__(self, text: str) -> None:
        self.text = text
