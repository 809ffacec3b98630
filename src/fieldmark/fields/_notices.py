"""What a field may say but may not mean."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from fieldmark.contenders import CATALOGUE, Shelf
from fieldmark.errors import Problem
from fieldmark.fields._check import nearest
from fieldmark.fields._contenders import Entry
from fieldmark.fields._models import Field
from fieldmark.fields._read import Document


def notices(field: Field, listed: Sequence[Entry], document: Document) -> Iterator[Problem]:
    """Notices of a field that has no problems; `listed` are its contenders' tables in the same order."""
    if len(field.contenders) < 2:
        count = "only one contender" if field.contenders else "no contender"
        yield document.problem(("contenders",), f"there is {count}", "a battle needs two")
    if not field.guidelines:
        yield document.problem(
            ("guidelines",), "there are no guidelines", "guidelines.md tells voters how to judge"
        )
    if not field.prompts:
        yield document.problem(
            ("prompts",), "there are no prompts", "prompts.toml offers voters the field's own work"
        )
    for contender, entry in zip(field.contenders, listed, strict=True):
        if contender.kind == "weights" and contender.model:
            yield from _weights(entry, contender.model)


def _weights(entry: Entry, model: str) -> Iterator[Problem]:
    if os.path.isabs(model):  # as every path is by now
        if not os.path.isfile(model):
            yield entry.problem("model", f"there is no file '{model}'", "a GGUF file, or a name on the shelf")
        return
    known = sorted({*CATALOGUE, *(held.name for held in Shelf().models())})
    if model not in known:
        yield entry.problem("model", f"no weights are known as '{model}'", nearest(model, known))
