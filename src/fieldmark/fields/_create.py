"""Makes a new field folder from one of the examples."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Literal, get_args

from fieldmark.errors import InputError
from fieldmark.fields._load import FIELD_FILE, slug
from fieldmark.fields._toml import toml

Example = Literal["starter", "clinic-letters", "support-desk", "empty"]
EXAMPLES: tuple[str, ...] = get_args(Example)
"""What `create_field` can begin with."""

_EMPTY = """\
# A field: what is measured, by whom, under which rules. `fieldmark field check` says whether it is right.
name = "New field"
id = "new-field"          # how records name it; keep it once people have voted
description = ""          # one or two sentences: whose work, and what is asked

# A battle needs two contenders. Take the '#' away and fill in, or add them on the page.
# [[contenders]]
# name = "smollm2"
# kind = "weights"                      # a file held here; `fieldmark models list` names some
# model = "smollm2-135m"
#
# [[contenders]]
# name = "served"
# kind = "endpoint"                     # any OpenAI-compatible address
# url = "http://127.0.0.1:11434/v1"
# model = "name-of-the-model-there"
# key_env = "SERVED_API_KEY"            # the environment variable that holds its key, if it needs one
"""
_EMPTY_GUIDELINES = "Which answer would you rather use as it stands? Say here what matters in this work.\n"
_EMPTY_PROMPTS = '# [[prompts]]\n# text = "What people of this field really ask"\n'


def create_field(folder: Path, *, name: str | None = None, example: str = "starter") -> Path:
    """Write a complete field into an empty or new folder; the folder.

    Raises:
        InputError: the folder is not empty, the name is blank, or there is no such example.
    """
    if example not in EXAMPLES:
        raise InputError(f"there is no example '{example}'", hint="examples: " + ", ".join(EXAMPLES))
    if name is not None and not name.strip():
        raise InputError("the name is blank", hint="what people call the field")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty", hint="give a new or empty folder: fieldmark init FOLDER")
    if example == "empty":
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in (
            (FIELD_FILE, _EMPTY),
            ("guidelines.md", _EMPTY_GUIDELINES),
            ("prompts.toml", _EMPTY_PROMPTS),
        ):
            (folder / file).write_text(text, encoding="utf-8")
    else:
        hidden = shutil.ignore_patterns(".*")
        shutil.copytree(examples_folder() / example, folder, dirs_exist_ok=True, ignore=hidden)
    (folder / ".gitignore").write_text(".fieldmark/\n", encoding="utf-8")
    if name is not None:
        _rename(folder / FIELD_FILE, name)
    return folder


def examples_folder() -> Path:
    """Where the examples lie: in the package, or beside its sources in a checkout."""
    here = Path(__file__).resolve()
    packaged = here.parent / "examples"
    return packaged if packaged.is_dir() else here.parents[3] / "examples"


def _rename(file: Path, name: str) -> None:
    """Put the name, and the id made of it, on their lines of a `field.toml` that an example wrote."""
    text = file.read_text(encoding="utf-8")
    for key, value in (("name", name), ("id", slug(name))):
        before, after = re.split(rf'^{key} = "[^"\n]*"', text, maxsplit=1, flags=re.MULTILINE)
        text = before + toml({key: value}).strip() + after
    file.write_text(text, encoding="utf-8")
