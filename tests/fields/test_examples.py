"""The examples are right, and a field is made of each."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from fieldmark.contenders import CATALOGUE
from fieldmark.errors import InputError
from fieldmark.fields import EXAMPLES, create_field, examples_folder, load_field
from tests.fields.folders import make

RUNNABLE = [example for example in EXAMPLES if example != "empty"]
REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("example", RUNNABLE)
def test_an_example_is_right(example: str) -> None:
    field = load_field(REPOSITORY / "examples" / example)
    assert field.notices == ()
    assert field.id == (example if example != "starter" else "office-writing")
    assert len(field.prompts) >= {"starter": 20}.get(example, 12)
    assert {p.category for p in field.prompts} == {c.id for c in field.categories}
    assert len({p.text for p in field.prompts}) == len(field.prompts)
    assert {c.model for c in field.contenders} <= set(CATALOGUE)
    assert [c.name for c in field.contenders if c.when == "present"] == ["gemma3"]
    assert all((c.sampler.max_tokens or 999) <= 220 for c in field.contenders)


@pytest.mark.parametrize("example", RUNNABLE)
def test_a_field_is_made_of_an_example(tmp_path: Path, example: str) -> None:
    made = load_field(create_field(tmp_path / "new", example=example))
    source = load_field(examples_folder() / example)
    assert made.model_dump(exclude={"folder"}) == source.model_dump(exclude={"folder"})
    assert (tmp_path / "new" / ".gitignore").read_text() == ".fieldmark/\n"
    assert (tmp_path / "new" / "README.md").exists()


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("name", ["Our letters", 'Say "hi" \\ # 1', "心脏", "zwei\nZeilen"])
def test_a_field_gets_its_name(tmp_path: Path, example: str, name: str) -> None:
    made = load_field(create_field(tmp_path, name=name, example=example))
    assert made.name == name
    assert made.id in {"our-letters", "say-hi-1", "field-0a5d4243", "zwei-zeilen"}
    source = tomllib.loads((tmp_path / "field.toml").read_text())
    assert len(source.get("categories", ())) == len(made.categories)


def test_an_empty_field_only_lacks_its_content(tmp_path: Path) -> None:
    field = load_field(create_field(tmp_path, example="empty"))
    assert [notice.what for notice in field.notices] == ["there is no contender", "there are no prompts"]
    text = (tmp_path / "field.toml").read_text()
    (tmp_path / "field.toml").write_text(re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE))
    assert [c.kind for c in load_field(tmp_path).contenders] == ["weights", "endpoint"]


def test_state_of_a_served_example_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(examples_folder(), tmp_path / "examples")
    make(tmp_path / "examples" / "starter" / ".fieldmark")
    monkeypatch.setattr("fieldmark.fields._create.examples_folder", lambda: tmp_path / "examples")
    create_field(tmp_path / "new")
    assert not (tmp_path / "new" / ".fieldmark").exists()


def test_what_cannot_be_made(tmp_path: Path) -> None:
    make(tmp_path / "full")
    with pytest.raises(InputError, match="is not empty"):
        create_field(tmp_path / "full")
    with pytest.raises(InputError, match="is not empty"):
        create_field(tmp_path / "full" / "field.toml")
    with pytest.raises(InputError, match="there is no example 'zoo'") as error:
        create_field(tmp_path / "new", example="zoo")
    assert error.value.hint == "examples: starter, clinic-letters, support-desk, empty"
    with pytest.raises(InputError, match="the name is blank"):
        create_field(tmp_path / "new", name=" ")
    assert not (tmp_path / "new").exists()
