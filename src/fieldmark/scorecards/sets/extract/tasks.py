"""Thirty documents, each a task: the text to a record by its own schema."""

from __future__ import annotations

import json
import textwrap
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fieldmark.scorecards import Budget, Solution, Task, Variant
from fieldmark.scorecards.verifiers import make

from ._schema import blank, schema_of

FOLDER = Path(__file__).parent

ASK = """{ask}

Answer with one JSON object and nothing else. It has to fit this JSON schema. What the text does not say is null.
Dates are written YYYY-MM-DD, times HH:MM (24 hours), moments YYYY-MM-DDTHH:MM, numbers without thousands separators.

{schema}

The text:

{text}
"""

ASK_AGAIN = """<text>
{text}
</text>

{again}

Your whole reply is a single JSON object that this schema allows:

{schema}

Do not invent anything: put null for what is not in the text. Write days as YYYY-MM-DD, times of day as HH:MM in
24-hour form, a day with a time as YYYY-MM-DDTHH:MM, and numbers plainly (1234.5).
"""


def tasks() -> list[Task]:
    """One task for each file in `documents`."""
    return [_task(path) for path in sorted((FOLDER / "documents").glob("*.toml"))]


def _task(path: Path) -> Task:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    schema = schema_of(document["fields"])
    right = json.loads(document["expected"])
    settings = {
        "schema": schema,
        "expected": right,
        "absolute": 0.005,
        "ignore_case": True,
        "any_order": not document.get("ordered", False),
    }
    return Task(
        id=path.stem,
        title=document["title"],
        instruction=_told(ASK, document, document["text"], schema),
        verifier=make("json_schema", settings, FOLDER),
        kind="extract",
        tags=("extraction", "json"),
        budget=Budget(steps=2, tokens=12_000, seconds=300),
        variants=_variants(document, schema),
        oracle=Solution(answer=json.dumps(right, ensure_ascii=False, indent=1)),
        cheats=_cheats(document["fields"], schema, right),
        wrong={
            name: Solution(answer=json.dumps(right | patch, ensure_ascii=False))
            for name, patch in json.loads(document["wrong"]).items()
        },
    )


def _told(form: str, document: Mapping[str, Any], text: str, schema: Mapping[str, Any]) -> str:
    shown = json.dumps(schema, ensure_ascii=False, indent=1)
    return form.format(ask=document["ask"], again=document["again"], schema=shown, text=text.strip()).strip()


def _variants(document: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[Variant, ...]:
    text = document["text"].strip()
    made = [
        Variant("reworded", "paraphrase", _told(ASK_AGAIN, document, text, schema)),
        Variant("quoted", "perturbation", _told(ASK, document, _quoted(text), schema)),
    ]
    if "order" in document:
        parts = text.split("\n\n")
        moved = "\n\n".join(parts[i] for i in document["order"])
        if moved != text:
            made.append(Variant("reordered", "perturbation", _told(ASK, document, moved, schema)))
    return tuple(made)


def _quoted(text: str) -> str:
    """As in a forwarded mail: narrow lines, each with a mark before it."""
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, 54) or [""]]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def _cheats(
    fields: Mapping[str, Any], schema: Mapping[str, Any], right: Mapping[str, Any]
) -> dict[str, Solution]:
    nothing = blank(fields)
    return {
        "says-nothing": Solution(answer=json.dumps(nothing)),
        "echoes-schema": Solution(answer=json.dumps(schema)),
        "two-to-choose-from": Solution(answer=json.dumps(nothing) + "\n" + json.dumps(right)),
    }
