"""A field that is edited while it is served."""

import shutil
from pathlib import Path

import pytest

from fieldmark.contenders import ContenderSpec
from fieldmark.errors import FieldError
from fieldmark.fields import FieldWatch, remove_contender, write_contender
from tests.fields.folders import GOOD, make, write


def said(watch: FieldWatch) -> list[str]:
    return [str(problem) for problem in watch.problems]


def asked(watch: FieldWatch) -> list[str]:
    return [prompt.text for prompt in watch.current.prompts]


def test_nothing_changes_when_nothing_is_edited(tmp_path: Path) -> None:
    watch = FieldWatch(make(tmp_path))
    before = watch.current
    assert not watch.poll()
    (tmp_path / ".fieldmark").mkdir()
    write(tmp_path, ".fieldmark/ledger.db", "x")
    assert not watch.poll()
    assert watch.current is before
    assert said(watch) == []


def test_a_wrong_edit_keeps_the_last_good_field(tmp_path: Path) -> None:
    watch = FieldWatch(make(tmp_path))
    write(tmp_path, "field.toml", GOOD.replace("Letters", "Mails") + "[policy]\nmax_turn = 2\n")
    assert watch.poll()
    assert watch.current.name == "Letters"
    assert said(watch) == ["field.toml:14: unknown key 'policy.max_turn' (did you mean 'max_turns'?)"]
    assert not watch.poll()
    write(tmp_path, "field.toml", 'id = "letters"\n' + GOOD.replace("Letters", "Mails"))
    assert watch.poll()
    assert said(watch) == []
    assert watch.current.name == "Mails"


def test_a_mended_edit_that_changes_nothing_else_clears_the_problems(tmp_path: Path) -> None:
    watch = FieldWatch(make(tmp_path))
    write(tmp_path, "field.toml", "name =")
    assert watch.poll()
    write(tmp_path, "field.toml", GOOD)
    assert watch.poll()
    assert said(watch) == []


def test_saving_without_a_change_is_no_change(tmp_path: Path) -> None:
    watch = FieldWatch(make(tmp_path))
    write(tmp_path, "other.toml", GOOD).rename(tmp_path / "field.toml")
    assert not watch.poll()


def test_every_file_is_followed(tmp_path: Path) -> None:
    watch = FieldWatch(make(tmp_path))
    write(tmp_path, "guidelines.md", "Judge better.\n")
    assert watch.poll()
    assert watch.current.guidelines == "Judge better."
    write(tmp_path, "prompts.toml", '[[prompts]]\ntext = "Well?"\n')
    assert watch.poll()
    assert asked(watch) == ["Well?"]
    (tmp_path / "prompts.toml").unlink()
    assert watch.poll()
    assert watch.current.prompts == ()
    write(tmp_path, "prompts.toml", '[[prompts]]\ntext = "Back?"\n')
    assert watch.poll()
    assert asked(watch) == ["Back?"]


def test_a_file_beside_is_followed_by_the_name_it_has_now(tmp_path: Path) -> None:
    watch = FieldWatch(make(tmp_path, 'prompts = "ask/a.toml"\n' + GOOD, ask__a="", ask__b=""))
    write(tmp_path, "field.toml", 'prompts = "ask/b.toml"\n' + GOOD)
    assert not watch.poll()  # read again, and nothing in it differs
    write(tmp_path, "ask/b.toml", '[[prompts]]\ntext = "B?"\n')
    assert watch.poll()
    assert asked(watch) == ["B?"]


def test_contenders_come_and_go(tmp_path: Path) -> None:
    watch = FieldWatch(make(tmp_path))
    write_contender(tmp_path, ContenderSpec(name="x", kind="weights", model="m"))
    assert watch.poll()
    assert [c.name for c in watch.current.contenders] == ["one", "two", "x"]
    write(tmp_path, "contenders/x.toml", 'kind = "weights"\nmodel = "n"\n')
    assert watch.poll()
    assert watch.current.contenders[-1].model == "n"
    write_contender(tmp_path, ContenderSpec(name="y", kind="weights", model="m"))
    assert watch.poll()
    remove_contender(tmp_path, "x")
    assert watch.poll()
    assert [c.name for c in watch.current.contenders] == ["one", "two", "y"]


def test_the_id_stays_while_served(tmp_path: Path) -> None:
    watch = FieldWatch(make(tmp_path))
    write(tmp_path, "field.toml", GOOD.replace("Letters", "Mails"))
    assert watch.poll()
    assert said(watch) == [
        "field.toml: the field's id changed to 'mails' while served "
        '(id = "letters" keeps it; to begin another field, stop the server first)'
    ]
    assert watch.current.name == "Letters"


def test_the_folder_may_vanish(tmp_path: Path) -> None:
    watch = FieldWatch(make(tmp_path / "field"))
    shutil.rmtree(tmp_path / "field")
    assert watch.poll()
    assert said(watch)[0].startswith("field.toml: there is no field.toml")
    assert watch.current.name == "Letters"


def test_a_folder_that_is_wrong_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(FieldError):
        FieldWatch(tmp_path)
