"""The table `[access]`: what it takes, and what it says about mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldmark.errors import FieldError, InputError
from fieldmark.fields import accounts, load_field
from tests.house import write_field


def load(folder: Path, text: str) -> object:
    return load_field(write_field(folder, "", more=f"[access]\n{text}\n")).access


def test_what_it_takes(tmp_path: Path) -> None:
    places = 'private_endpoints = ["10.0.0.0/8", "::1", "Ollama.internal", "192.168.1.4"]'
    found = load_field(write_field(tmp_path, "", more=f"[access]\n{places}\n")).access
    assert found.private_endpoints == ("10.0.0.0/8", "::1/128", "ollama.internal", "192.168.1.4/32")
    assert found.anonymous == "none"
    assert found.oidc is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('private_endpoints = ["10.0.0.1/8"]', "host name, an address or a range"),
        ('private_endpoints = ["http://x/"]', "host name, an address or a range"),
        ('anonymous = "all"', "anonymous"),
        ("idle_hours = 0", "idle_hours"),
        ('[access.oidc]\nissuer = "http://login.example.org"\nclient_id = "x"', "https://"),
        ('[access.oidc]\nissuer = "https://login.example.org"', "client_id"),
        ('[access.oidc]\nissuer = "https://l.example"\nclient_id = "x"\nclient_secret = "abc"', "secret"),
        (
            '[access.oidc]\nissuer = "https://l.example"\nclient_id = "x"\nclient_secret_env = "not a name"',
            "variable",
        ),
        (
            '[access.oidc]\nissuer = "https://l.example"\nclient_id = "x"\nroles = { a = "admin" }',
            "role_claim",
        ),
        (
            '[access.oidc]\nissuer = "https://l.example"\nclient_id = "x"\nrole_claim = "g"\nroles = { a = "root" }',
            "admin",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FieldError) as error:
        load(tmp_path, text)
    assert said in str(error.value)


def test_one_spelling_of_a_name() -> None:
    assert accounts.account_name("  Ada\u00a0") == "ada"
    assert accounts.account_name("ＡＤＡ") == "ada"
    for wrong in ("", "   ", "a" * 121, "a\nb", "a\u0000"):
        with pytest.raises(InputError):
            accounts.account_name(wrong)
