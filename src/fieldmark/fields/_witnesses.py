"""Table `[[witnesses]]` of `field.toml`: who keeps the ledger's signed heads where the operator cannot rewrite them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Witness(BaseModel):
    """A place that is handed the ledger's signed head again and again."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    """How records name it: lower-case letters, digits and '-'."""
    kind: Literal["file", "git", "http"]
    """`file`: a line is appended; `git`: a line is committed in a repository; `http`: it is posted as JSON."""
    target: Annotated[str, Field(min_length=1)]
    """Path of the file or of the repository's folder (from the field's folder on), or the address."""
    every_minutes: Annotated[float, Field(gt=0, le=525_600)] = 60.0
    """Minutes between two heads; none is sent while nothing was recorded."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind == "http" and not re.match(r"https?://[^\s/]", self.target):
            raise ValueError(
                "target must be an address that begins with https:// (or http://) for kind 'http'"
            )
        return self


def witness_target(folder: Path, witness: Witness) -> str:
    """The address, or the path from the field's folder on."""
    return witness.target if witness.kind == "http" else str(folder / Path(witness.target).expanduser())
