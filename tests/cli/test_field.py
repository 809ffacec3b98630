"""`fieldmark init` and `fieldmark field check`, as typed."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fieldmark.cli import field
from fieldmark.errors import InputError
from fieldmark.fields import load_field

app = typer.Typer()
field.add_to(app)


def run(*words: str | Path) -> tuple[int, str, str]:
    """Exit status, standard output and standard error; an error that `main` would print is raised."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def test_a_new_field_is_right(tmp_path: Path) -> None:
    folder = tmp_path / "my field"
    status, said, _ = run("init", folder, "--name", "My letters", "--example", "clinic-letters")
    assert status == 0
    assert said.splitlines() == [
        f"made the field 'My letters' in {folder}",
        f"next: edit '{folder}/field.toml', then `fieldmark up '{folder}'`",
    ]
    assert load_field(folder).id == "my-letters"
    assert run("field", "check", folder) == (
        0,
        "OK: My letters (my-letters): 3 contenders, 15 prompts, 3 categories\n",
        "",
    )


def test_the_current_folder_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init")[:2] == (
        0,
        "made the field 'Office writing' in this folder\nnext: edit field.toml, then `fieldmark up`\n",
    )
    assert (
        run("field", "check")[1]
        == "OK: Office writing (office-writing): 3 contenders, 25 prompts, 5 categories\n"
    )


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(InputError, match="is not empty"):
        run("init", tmp_path)


def test_every_problem_is_listed(tmp_path: Path) -> None:
    run("init", tmp_path)
    with (tmp_path / "field.toml").open("a") as file:
        file.write("max_turn = 4\n")
    (tmp_path / "prompts.toml").write_text('[[prompts]]\ntext = ""\n')
    line = len((tmp_path / "field.toml").read_text().splitlines())
    assert run("field", "check", tmp_path) == (
        2,
        "",
        f"field.toml:{line}: unknown key 'policy.max_turn' (did you mean 'max_turns'?)\n"
        "prompts.toml:2: 'prompts[0].text' is blank (some text)\n"
        "2 problems\n",
    )


def test_notices_do_not_fail(tmp_path: Path) -> None:
    run("init", tmp_path, "--example", "empty")
    status, said, _ = run("field", "check", tmp_path)
    assert status == 0
    assert said.splitlines() == [
        "notice: field.toml:1: there is no contender (a battle needs two)",
        "notice: field.toml:1: there are no prompts (prompts.toml offers voters the field's own work)",
        "OK: New field (new-field): 0 contenders, 0 prompts, 0 categories",
    ]
