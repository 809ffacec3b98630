"""Contenders are added and removed as files of their own, and what is written is read back the same."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.contenders import ContenderSpec, Price, Sampler
from fieldmark.errors import Conflict, FieldError, NotFound
from fieldmark.fields import load_field, remove_contender, toml, write_contender
from tests.fields.folders import GOOD, make, write

SPEC = ContenderSpec(
    name="three",
    kind="endpoint",
    url="http://127.0.0.1:8080/v1",
    model="m",
    key_env="MY_KEY",
    system='Say "so".\nThen stop.\r\n\\n \x7f\t',
    sampler=Sampler(temperature=0.1, stop=("\n", '"""'), seed=7),
    price=Price(input=1e-5, output=2),
)

text = st.text(st.characters(codec="utf-8"))
scalar = st.one_of(text, st.integers(), st.floats(allow_nan=False), st.booleans())
value = st.one_of(scalar, st.lists(scalar, max_size=3))
table = st.dictionaries(text, value, max_size=4)
tables = st.dictionaries(text, st.one_of(value, table, st.dictionaries(text, table, max_size=2)), max_size=4)


@given(table=tables)
def test_what_is_written_is_read_back(table: dict[str, Any]) -> None:
    written = toml(table)
    assert tomllib.loads(written) == table
    assert tomllib.loads(written.encode().decode()) == table


def test_a_contender_is_written_and_loaded(tmp_path: Path) -> None:
    path = write_contender(make(tmp_path), SPEC)
    assert path == tmp_path / "contenders" / "three.toml"
    loaded = load_field(tmp_path).contenders
    assert [c.name for c in loaded] == ["one", "two", "three"]
    assert loaded[-1].model_dump(exclude={"when"}) == SPEC.model_dump()
    assert (tmp_path / "field.toml").read_text() == GOOD
    assert [p.name for p in path.parent.iterdir()] == ["three.toml"]


def test_what_is_written_is_easy_to_read(tmp_path: Path) -> None:
    spec = ContenderSpec(name="x", kind="weights", model="m", system="A\nB", sampler=Sampler(top_p=0.5))
    written = write_contender(make(tmp_path), spec).read_text()
    assert written == (
        'name = "x"\nkind = "weights"\nsystem = """\nA\nB"""\nmodel = "m"\n\n[sampler]\ntop_p = 0.5\n'
    )


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    make(tmp_path)
    path = write_contender(tmp_path, SPEC)
    before = path.read_bytes()
    with pytest.raises(Conflict, match=r"'three' already, at contenders/three\.toml:1"):
        write_contender(tmp_path, SPEC)
    with pytest.raises(Conflict, match=r"'one' already, at field\.toml:4"):
        write_contender(tmp_path, SPEC.model_copy(update={"name": "one"}))
    write(tmp_path, "contenders/broken.toml", "kind =")
    with pytest.raises(Conflict, match="'broken' already"):
        write_contender(tmp_path, SPEC.model_copy(update={"name": "broken"}))
    assert path.read_bytes() == before
    assert sorted(p.name for p in path.parent.iterdir()) == ["broken.toml", "three.toml"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": None}, "'url' is missing"),
        ({"key_env": "sk-abcdefghijklmnopqrst"}, "a secret is written in 'key_env'"),
        ({"url": "http://me:pass@h/v1"}, "a secret is written in 'url'"),
        ({"url": "h/v1"}, "begins with http"),
        ({"kind": "nothing"}, "unknown kind 'nothing'"),
        ({"spend_cap": 1.0, "price": None}, "no price"),
    ],
)
def test_a_wrong_spec_is_not_written(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(FieldError, match=said):
        write_contender(make(tmp_path), SPEC.model_copy(update=change))
    assert not (tmp_path / "contenders").exists()


def test_a_contender_is_removed(tmp_path: Path) -> None:
    path = write_contender(make(tmp_path), SPEC)
    remove_contender(tmp_path, "three")
    assert not path.exists()
    with pytest.raises(NotFound, match="no contender is called 'three'"):
        remove_contender(tmp_path, "three")


def test_what_a_person_wrote_is_not_removed(tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(Conflict, match="'two' stands in") as error:
        remove_contender(tmp_path, "two")
    assert error.value.hint == "delete its table there: it begins on line 8"
    assert (tmp_path / "field.toml").read_text() == GOOD


def test_a_contender_can_be_removed_while_its_file_is_wrong(tmp_path: Path) -> None:
    make(tmp_path, contenders__x='kind = "nothing"\n')
    remove_contender(tmp_path, "x")
    assert load_field(tmp_path).notices == ()
