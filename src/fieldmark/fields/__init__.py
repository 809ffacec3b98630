"""Field folders: what is measured, by whom, under which rules.

A field is a folder with `field.toml` and the files beside it. `load_field` reads it and says everything
that is wrong at once; `FieldWatch` follows it while it is served; `create_field` makes one from an example.
"""

from fieldmark.fields import _accounts as accounts
from fieldmark.fields._access import Access, OidcAccess, Role
from fieldmark.fields._applications import (
    SCOPES,
    Application,
    Applications,
    KeyRefused,
    Scope,
    create_key,
    list_keys,
    revoke_key,
)
from fieldmark.fields._audit import Audited, acts, record_act, write_act
from fieldmark.fields._check import nearest, validated
from fieldmark.fields._create import EXAMPLES, create_field, examples_folder
from fieldmark.fields._drift import Drift
from fieldmark.fields._gateway import REDACTION_RULES, Gateway, Monitor, Redaction
from fieldmark.fields._load import load_field
from fieldmark.fields._locate import KeyPath, locate
from fieldmark.fields._models import (
    Category,
    Field,
    FieldContender,
    FieldFile,
    Policy,
    Prompt,
    PromptsFile,
    ReasonTags,
    RubricQuestion,
)
from fieldmark.fields._open import DATABASE_VARIABLE, database_of, has_server, open_ledger
from fieldmark.fields._read import Document, Reader
from fieldmark.fields._roster import (
    IMPORTED,
    SYSTEM,
    Absent,
    Known,
    Member,
    Roster,
    RosterProjection,
    contenders_changed,
    field_as_of,
    known_contenders,
    reach_of,
)
from fieldmark.fields._scorecards import Scorecards
from fieldmark.fields._toml import toml
from fieldmark.fields._watch import FieldWatch
from fieldmark.fields._witnesses import Witness, witness_target
from fieldmark.fields._write import remove_contender, write_contender

__all__ = [
    "DATABASE_VARIABLE",
    "EXAMPLES",
    "IMPORTED",
    "REDACTION_RULES",
    "SCOPES",
    "SYSTEM",
    "Absent",
    "Access",
    "Application",
    "Applications",
    "Audited",
    "Category",
    "Document",
    "Drift",
    "Field",
    "FieldContender",
    "FieldFile",
    "FieldWatch",
    "Gateway",
    "KeyPath",
    "KeyRefused",
    "Known",
    "Member",
    "Monitor",
    "OidcAccess",
    "Policy",
    "Prompt",
    "PromptsFile",
    "Reader",
    "ReasonTags",
    "Redaction",
    "Role",
    "Roster",
    "RosterProjection",
    "RubricQuestion",
    "Scope",
    "Scorecards",
    "Witness",
    "accounts",
    "acts",
    "contenders_changed",
    "create_field",
    "create_key",
    "database_of",
    "examples_folder",
    "field_as_of",
    "has_server",
    "known_contenders",
    "list_keys",
    "load_field",
    "locate",
    "nearest",
    "open_ledger",
    "reach_of",
    "record_act",
    "remove_contender",
    "revoke_key",
    "toml",
    "validated",
    "witness_target",
    "write_act",
    "write_contender",
]
