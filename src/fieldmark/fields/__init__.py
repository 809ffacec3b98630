"""Field folders: what is measured, by whom, under which rules.

A field is a folder with `field.toml` and the files beside it. `load_field` reads it and says everything
that is wrong at once; `FieldWatch` follows it while it is served; `create_field` makes one from an example.
"""

from fieldmark.fields._create import EXAMPLES, create_field, examples_folder
from fieldmark.fields._load import load_field
from fieldmark.fields._locate import locate
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
from fieldmark.fields._open import open_ledger
from fieldmark.fields._roster import (
    SYSTEM,
    Absent,
    Known,
    Member,
    Roster,
    RosterProjection,
    contenders_changed,
    field_as_of,
    known_contenders,
)
from fieldmark.fields._toml import toml
from fieldmark.fields._watch import FieldWatch
from fieldmark.fields._write import remove_contender, write_contender

__all__ = [
    "EXAMPLES",
    "SYSTEM",
    "Absent",
    "Category",
    "Field",
    "FieldContender",
    "FieldFile",
    "FieldWatch",
    "Known",
    "Member",
    "Policy",
    "Prompt",
    "PromptsFile",
    "ReasonTags",
    "Roster",
    "RosterProjection",
    "RubricQuestion",
    "contenders_changed",
    "create_field",
    "examples_folder",
    "field_as_of",
    "known_contenders",
    "load_field",
    "locate",
    "open_ledger",
    "remove_contender",
    "toml",
    "write_contender",
]
