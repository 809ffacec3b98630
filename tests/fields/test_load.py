"""What a right folder becomes."""

from pathlib import Path

import pytest

from fieldmark.contenders import Shelf
from fieldmark.fields import Field, Policy, ReasonTags, load_field
from tests.fields.folders import GOOD, make, write

FULL = """\
name = "Clínic letters"
description = "d"
language = "de"
guidelines = "texts/how.md"
prompts = "texts/ask.toml"
categories = [{ id = "a", name = "A", description = "b" }]
rubric = [{ id = "plain", question = "Plain?", scale = 3 }]
reason_tags.positive = ["kind"]

[policy]
own_prompts = false
max_turns = 3
undo_seconds = 0
"""


def test_everything_written_is_there(tmp_path: Path) -> None:
    make(
        tmp_path,
        FULL,
        texts__ask="""\
        prompts = [{ text = " Hi\\n", category = "a" }, { text = "Ça?", language = "fr" }]
        """,
    )
    write(tmp_path, "texts/how.md", "\ufeff# How\r\n")
    field = load_field(tmp_path)
    assert (field.id, field.name, field.description, field.language) == (
        "clinic-letters",
        "Clínic letters",
        "d",
        "de",
    )
    assert field.guidelines == "# How"
    assert [(p.text, p.category, p.language) for p in field.prompts] == [
        ("Hi", "a", "de"),
        ("Ça?", None, "fr"),
    ]
    assert [c.model_dump() for c in field.categories] == [{"id": "a", "name": "A", "description": "b"}]
    assert [q.model_dump() for q in field.rubric] == [{"id": "plain", "question": "Plain?", "scale": 3}]
    assert field.reason_tags == ReasonTags(positive=("kind",))
    assert field.policy == Policy(own_prompts=False, max_turns=3, undo_seconds=0)
    assert field.folder == tmp_path
    assert field.state == tmp_path / ".fieldmark"


def test_the_defaults(tmp_path: Path) -> None:
    field = load_field(make(tmp_path))
    assert field.policy.model_dump() == {
        "own_prompts": True,
        "max_turns": 8,
        "max_prompt_characters": 8000,
        "max_tokens": 512,
        "undo_seconds": 5.0,
        "hang_seconds": 8.0,
        "battle_expiry_hours": 24.0,
        "minimum_exposure": 30,
        "count_leaked": False,
        "count_failed_side": False,
        "count_revised": False,
        "confidence": 0.95,
    }
    assert field.reason_tags.negative == ("incorrect", "superficial", "instructions not followed", "unsafe")
    assert field.notices == ()


@pytest.mark.parametrize(
    "model", [Field, *(Field.model_fields[k].annotation for k in ("policy", "reason_tags"))]
)
def test_every_key_says_what_it_is(model: type[Field]) -> None:
    assert [name for name, key in model.model_fields.items() if not key.description] == []


def test_a_field_cannot_be_changed(tmp_path: Path) -> None:
    field = load_field(make(tmp_path))
    with pytest.raises(ValueError, match="frozen"):
        field.name = "x"  # type: ignore[misc]


def test_what_may_not_be_meant_is_a_notice(tmp_path: Path) -> None:
    write(
        tmp_path,
        "field.toml",
        'name = "L"\n\n[[contenders]]\nname = "x"\nkind = "weights"\nmodel = "no/x.gguf"\n',
    )
    assert [str(notice) for notice in load_field(tmp_path).notices] == [
        "field.toml:3: there is only one contender (a battle needs two)",
        "field.toml:1: there are no guidelines (guidelines.md tells voters how to judge)",
        "field.toml:1: there are no prompts (prompts.toml offers voters the field's own work)",
        f"field.toml:6: there is no file '{tmp_path}/no/x.gguf' (a GGUF file, or a name on the shelf)",
    ]


def test_unknown_weights_are_a_notice(tmp_path: Path, shelf: Path) -> None:
    make(tmp_path, GOOD.replace("smollm2-135m", "smolm2-135m"))
    assert [str(notice) for notice in load_field(tmp_path).notices] == [
        "field.toml:6: no weights are known as 'smolm2-135m' (did you mean 'smollm2-135m'?)"
    ]
    Shelf().add(write(tmp_path, "x.gguf", "GGUF"), "smolm2-135m")
    assert load_field(tmp_path).notices == ()


def test_weights_lie_beside_the_field(tmp_path: Path) -> None:
    field = load_field(make(tmp_path, GOOD.replace("smollm2-135m", "w/x.gguf")))
    assert field.contenders[0].model == str(tmp_path / "w" / "x.gguf")
    home = load_field(make(tmp_path, GOOD.replace("smollm2-135m", "~nobody-at-all/x.gguf")))
    assert home.contenders[0].model == str(tmp_path / "~nobody-at-all" / "x.gguf")
    outside = tmp_path / "y.gguf"
    assert load_field(make(tmp_path, GOOD.replace("smollm2-135m", str(outside)))).contenders[0].model == str(
        outside
    )


@pytest.mark.parametrize(
    ("name", "made"),
    [("A  b/C!", "a-b-c"), ("ÄÖ 1", "ao-1"), ("心脏", "field-0a5d4243"), ("x" * 99, "x" * 64)],
)
def test_an_id_is_made_of_the_name(tmp_path: Path, name: str, made: str) -> None:
    assert load_field(make(tmp_path, f'name = "{name}"')).id == made


def test_windows_line_ends(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "field.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert [c.name for c in load_field(tmp_path).contenders] == ["one", "two"]
