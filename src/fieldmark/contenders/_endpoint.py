"""Kind `endpoint`: a model behind any OpenAI-compatible base URL."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any

from fieldmark.contenders._base import Identity, Readiness
from fieldmark.contenders._chat import Address, ask
from fieldmark.contenders._http import normalise_url
from fieldmark.contenders._openai import OpenAIContender
from fieldmark.contenders._spec import ContenderSpec
from fieldmark.contenders._wire import Piece
from fieldmark.errors import ContenderFailure, InputError

if TYPE_CHECKING:
    from fieldmark.contenders._reach import Reach
    from fieldmark.contenders._shelf import Shelf


class EndpointContender(OpenAIContender):
    """Asks another server. Its key is read from the environment at each call and kept nowhere.

    Raises:
        InputError: the spec lacks the URL or model, or sets what only weights have.
    """

    def __init__(self, spec: ContenderSpec, *, shelf: Shelf | None = None) -> None:
        super().__init__(spec, shelf=shelf)
        if not spec.url or not spec.model:
            raise InputError(
                f"contender '{spec.name}': an endpoint needs 'url' and 'model'",
                hint="url is a base URL, such as http://127.0.0.1:11434/v1",
            )
        foreign = [name for name in ("context", "chat_template") if getattr(spec, name) is not None]
        foreign += [n for n in ("top_k", "min_p", "repeat_penalty") if getattr(spec.sampler, n) is not None]
        if foreign:
            raise InputError(f"contender '{spec.name}': '{foreign[0]}' is for weights, not for an endpoint")
        self._url = normalise_url(spec.url)

    def confine(self, reach: Reach | None) -> None:
        self._lease.reach = reach

    @property
    def identity(self) -> Identity:
        return self._identity(url=self._url, model=self.spec.model, vision=self.spec.vision or None)

    @property
    def readiness(self) -> Readiness:
        try:
            read_key(self.spec.key_env)
        except ContenderFailure as failure:
            return Readiness("missing", failure.message)
        return Readiness("unknown")

    @property
    def _model(self) -> str:
        return self.spec.model or ""

    def _ask(self, body: Mapping[str, Any]) -> AsyncGenerator[Piece, None]:
        address = Address(self._url, read_key(self.spec.key_env))
        return ask(self._lease, address, body, patience=self.spec.timeout)


def read_key(variable: str | None) -> str | None:
    """The key in an environment variable. Raises ContenderFailure when it is not there or cannot be one."""
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ContenderFailure(
            "refused",
            f"the environment variable {variable}, which holds the key, is not set",
            hint=f"start Fieldmark with {variable}=... in its environment",
        )
    if not key.isascii() or not key.isprintable():
        raise ContenderFailure("refused", f"what {variable} holds cannot be a key: it has unusual characters")
    return key
