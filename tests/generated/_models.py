"""`docs/reference/field-toml.md` and `evidence.md`: tables of pydantic models and their docstrings."""

from __future__ import annotations

from pydantic import BaseModel

from fieldmark.contenders import Price, Sampler
from fieldmark.fields import (
    Access,
    Category,
    FieldContender,
    FieldFile,
    Gateway,
    Monitor,
    OidcAccess,
    Policy,
    Prompt,
    PromptsFile,
    ReasonTags,
    Redaction,
    RubricQuestion,
)
from fieldmark.ledger.evidence import TYPES, Evidence
from tests.generated._markdown import NOTE, Schema, fields, prose

_FIELD_HEAD = f"""\
{NOTE}
# field.toml

A field is a folder. Its files are read strictly: an unknown key, a number in quotes or a value out of its range is
named with file and line by `fieldmark field check`, and by the page while the field is served.

| file | holds |
|---|---|
| `field.toml` | all tables below except the prompts |
| the file that `prompts` names (`prompts.toml`) | the [prompts](#prompts) |
| the file that `guidelines` names (`guidelines.md`) | how voters judge, in Markdown |
| `contenders/NAME.toml` | one [contender](#contenders) each, the table's keys at the top level |

"""
_TABLES: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("Top level", "", FieldFile),
    ("Categories", "[[categories]]", Category),
    ("Contenders", "[[contenders]]", FieldContender),
    ("Sampler", "[contenders.sampler]", Sampler),
    ("Price", "[contenders.price]", Price),
    ("Reason tags", "[reason_tags]", ReasonTags),
    ("Rubric", "[[rubric]]", RubricQuestion),
    ("Policy", "[policy]", Policy),
    ("Gateway", "[gateway]", Gateway),
    ("Redactions", "[[gateway.redactions]]", Redaction),
    ("Monitors", "[[monitors]]", Monitor),
    ("Access", "[access]", Access),
    ("Single sign-on", "[access.oidc]", OidcAccess),
    ("Prompts", "[[prompts]]", Prompt),
)
_ANCHORS = {model.__name__: title.lower().replace(" ", "-") for title, _, model in _TABLES}

_EVIDENCE_HEAD = f"""\
{NOTE}
# Evidence

Each record is `{{v, type, id, field, at, actor, refs, commitments, body}}` in canonical JSON; the
[ledger format](ledger-format.md) says how records are chained and exported. Below are the bodies. *Refs* are ids of the
records that a record is about. *Text* names the texts it commits to, which are kept beside the log. *Actor* is a
pseudonym, or `system`. The kinds of a failure are in [Errors](errors.md#how-a-contender-fails).

"""


def field_page() -> str:
    """The reference of a field folder's files."""
    assert set(PromptsFile.model_fields) == {"prompts"}
    return _FIELD_HEAD + "\n".join(_table(title, toml, model) for title, toml, model in _TABLES)


def _table(title: str, toml: str, model: type[BaseModel]) -> str:
    head = f"## {title}\n\n" + (f"`{toml}`: " if toml else "") + prose(model.__doc__)
    return f"{head}\n\n{_linked(fields(_short(model.model_json_schema()), '[{0}]'))}"


def _short(schema: Schema) -> Schema:
    """Without null, which TOML has not, and without defaults that are whole tables, described in their own."""
    for name, each in schema["properties"].items():
        if isinstance(each.get("default"), dict) or each.get("default") == []:
            each["default"] = None
        options = [option for option in each.pop("anyOf", []) if option.get("type") != "null"]
        schema["properties"][name] = {**(options[0] if len(options) == 1 else {}), **each}
        assert len(options) < 2, f"{name}: the page has no words for several types"
    return schema


def _linked(text: str) -> str:
    for name, anchor in _ANCHORS.items():
        text = text.replace(f"[{name}]", f"[table](#{anchor})")
    return text


def evidence_page() -> str:
    """The reference of record bodies, then of the tables in them."""
    parts: dict[str, Schema] = {}
    for kind in TYPES.values():
        parts |= kind.model_json_schema().get("$defs", {})
    sections = [
        *(_evidence(kind) for kind in TYPES.values()),
        *(_part(name, part) for name, part in sorted(parts.items())),
    ]
    return _EVIDENCE_HEAD + "\n".join(sections)


def _evidence(kind: type[Evidence]) -> str:
    about = f"## `{kind.type}`\n\n{prose(kind.__doc__)} Schema version {kind.v}."
    return f"{about}\n\n{_body(kind.model_json_schema())}"


def _part(name: str, schema: Schema) -> str:
    return f"## {name}\n\n{prose(schema.get('description'))}\n\n{_body(schema)}"


def _body(schema: Schema) -> str:
    return fields(schema, "[{0}](#{1})") or "The body is empty.\n"
