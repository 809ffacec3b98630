"""Makes field folders for the tests."""

from pathlib import Path
from textwrap import dedent

from fieldmark.errors import FieldError, Problem
from fieldmark.fields import load_field

GOOD = """\
name = "Letters"

[[contenders]]
name = "one"
kind = "weights"
model = "smollm2-135m"

[[contenders]]
name = "two"
kind = "endpoint"
url = "http://127.0.0.1:11434/v1"
model = "small"
"""


def write(folder: Path, file: str, text: str) -> Path:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return path


def make(folder: Path, field: str = GOOD, **files: str) -> Path:
    """A folder with `field.toml` and what belongs beside it; `contenders__x="..."` is `contenders/x.toml`."""
    write(folder, "field.toml", field)
    write(folder, "guidelines.md", "Judge well.\n")
    write(folder, "prompts.toml", '[[prompts]]\ntext = "Hello?"\n')
    for name, text in files.items():
        write(folder, f"{name.replace('__', '/')}.toml", text)
    return folder


def found_in(folder: Path) -> tuple[Problem, ...]:
    """What is wrong with a folder."""
    try:
        load_field(folder)
    except FieldError as error:
        return error.problems
    return ()


def problems(folder: Path) -> list[str]:
    """The same, as people read it."""
    return list(map(str, found_in(folder)))
