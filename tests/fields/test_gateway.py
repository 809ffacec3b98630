"""`[gateway]` and `[[monitors]]`: what is wrong with them, and on which line."""

from pathlib import Path

import pytest

from fieldmark.fields import load_field
from tests.fields.folders import GOOD, make, problems

FIRST = GOOD.count("\n") + 2
CATEGORY = '\n[[categories]]\nid = "notes"\nname = "Notes"\n'


def lines(folder: Path, text: str) -> list[str]:
    return problems(make(folder, GOOD + "\n" + text))


def test_all_of_it(tmp_path: Path) -> None:
    make(
        tmp_path,
        GOOD + CATEGORY + '[gateway]\nanswer = "weighted"\nweights = { one = 1, two = 2.5 }\nshare = 0.5\n'
        'categories = { notes = "two" }\nredactions = [{ name = "id", pattern = "C-[0-9]+" }]\n'
        '[[monitors]]\nname = "own"\nkind = "forbidden"\nsettings = { words = ["x"] }\n',
    )
    field = load_field(tmp_path)
    assert field.gateway.weights == {"one": 1.0, "two": 2.5}
    assert field.monitors[0].seconds == 5.0
    assert load_field(make(tmp_path)).gateway.record == "always"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[gateway]\nchampion = "onee"', 1, "no contender is called 'onee' (did you mean 'one'?)"),
        ('[gateway]\nfallback = ["one", "x"]', 1, "no contender is called 'x'"),
        ('[gateway]\nshadow_contenders = ["x"]', 1, "no contender is called 'x'"),
        (
            '[gateway]\nanswer = "weighted"\n[gateway.weights]\none = 1.0\nx = 1.0',
            4,
            "no contender is called 'x'",
        ),
        ('[gateway]\nanswer = "weighted"', 1, "'weighted' has no weights"),
        ('[gateway]\nanswer = "by_category"', 1, "'by_category' has no categories"),
        ('[gateway]\ncategories = { notes = "one" }', 1, "unknown category 'notes'"),
        ("[gateway]\nshare = 1.5", 1, "'gateway.share' is 1.5 (at most 1)"),
        ("[gateway]\nshadow_share = -0.1", 1, "'gateway.shadow_share' is -0.1 (at least 0)"),
        ("[gateway]\nweights = { one = 0.0 }", 1, "more than 0"),
        ('[gateway]\nrecord = "sometimes"', 1, "'gateway.record' is \"sometimes\""),
        ('[gateway]\nredact = ["names"]', 1, '"email", "phone"'),
        ('[gateway]\nconsent_header = "X Y"', 1, "a header's name"),
        ('[[gateway.redactions]]\nname = "id"\npattern = "("', 2, "a regular expression of Python"),
        ('[[gateway.redactions]]\nname = "id"\npattern = "x*"', 2, "does not match the empty text"),
        ('[[gateway.redactions]]\nname = "email"\npattern = "x"', 1, "none of email"),
        (
            '[[monitors]]\nname = "a"\nkind = "forbiden"',
            2,
            "unknown kind 'forbiden' (did you mean 'forbidden'?)",
        ),
        ('[[monitors]]\nname = "a"\nkind = "forbidden"', 0, "nothing is forbidden"),
        (
            '[[monitors]]\nname = "a"\nkind = "python"\nsettings = { function = "x.py:f" }',
            3,
            "'x.py' cannot be read",
        ),
        (
            '[[monitors]]\nname = "a"\nkind = "citation"\ncategories = ["letters"]',
            3,
            "unknown category 'letters'",
        ),
        (
            '[[monitors]]\nname = "a"\nkind = "citation"\n[[monitors]]\nname = "a"\nkind = "citation"',
            4,
            "'a' is there twice in monitors",
        ),
    ],
)
def test_a_mistake_has_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    (found,) = lines(tmp_path, text)
    assert found.startswith(f"field.toml:{FIRST + line}: ")
    assert said in found
