"""`fieldmark keys` and `fieldmark cases`, as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fieldmark.cli import cases, keys
from fieldmark.errors import InputError, NotFound
from fieldmark.fields import Application, list_keys
from tests.gateway.desk import Desk, desk
from tests.house import Served, endpoint, until, write_field
from tests.upstream import Upstream

app = typer.Typer()
keys.add_to(app)
cases.add_to(app)


def run(*words: str | Path) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})
    if done.exception:
        raise done.exception
    return done.stdout


async def test_a_key_from_the_command_line_works_at_a_running_server(tmp_path: Path) -> None:
    with (
        Upstream() as upstream,
        Served(write_field(tmp_path, endpoint("one", upstream.url, "echo"))) as served,
    ):
        secret = run("keys", "create", "script", "--field", tmp_path, "--format", "secret").strip()
        application = desk(served, "other").application
        script = Desk(served, application, secret)
        case = await script.case("Hello")
        assert "script" in run("keys", "list", "--field", tmp_path)
        assert run("cases", "outcome", case, "solved", "--field", tmp_path, "--note", "fine").startswith(
            "solved; "
        )
        edit = tmp_path / "edit.txt"
        edit.write_text("You said: Goodbye")
        said = run("cases", "outcome", case, "edited", "--edit", edit, "--field", tmp_path)
        assert said.startswith("edited, 33% of the words changed; ")
        assert case in run("cases", "list", "--state", "all", "--field", tmp_path)
        page = json.loads(run("cases", "list", "--field", tmp_path, "--format", "json"))
        assert (page["cases"], page["waiting"]) == ([], 0)
        assert "100% (" in run("cases", "rates", "--field", tmp_path)
        listed = json.loads(run("keys", "list", "--field", tmp_path, "--format", "json"))
        assert [(k["name"], k["cases"], k["reported"]) for k in listed] == [("script", 1, 1), ("other", 0, 0)]
        assert "revoked app_" in run("keys", "revoke", "script", "--field", tmp_path)
        await until(lambda: not served.house.gateway.keys.holds(_first(served)))
        assert (await script.ask("Hello")).status == 401
        assert secret not in run("keys", "list", "--field", tmp_path)


def _first(served: Served) -> Application:
    with served.house.ledger.read() as snapshot:
        return list_keys(snapshot)[0]


def test_what_is_recorded_is_said(tmp_path: Path) -> None:
    write_field(tmp_path, "", '[gateway]\nrecord = "sampled"\nshare = 0.25\nredact = ["email"]')
    said = run("keys", "create", "script", "--field", tmp_path)
    assert "a share of 0.25, drawn by chance" in said
    assert "Taken out before anything is stored: email." in said


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("keys", "create", " "), InputError, "needs a name"),
        (("keys", "create", "a", "--scope", "everything"), InputError, "a key needs scopes"),
        (("keys", "revoke", "nobody"), NotFound, "no key has the id or name"),
        (("cases", "outcome", "x", "fine"), InputError, "unknown outcome 'fine'"),
        (("cases", "outcome", "x", "solved"), NotFound, "no case of yours"),
        (("cases", "outcome", "x", "solved", "--number", "nan"), InputError, "no number"),
        (("cases", "list", "--state", "old"), InputError, "unknown state 'old'"),
    ],
)
def test_what_cannot_be_done(
    tmp_path: Path, words: tuple[str, ...], error: type[Exception], said: str
) -> None:
    write_field(tmp_path, "")
    with pytest.raises(error, match=said):
        run(*words, "--field", tmp_path)
