import pytest
from settings import ParseError, load


def test_values_have_kinds():
    found = load("[a]\nx = 1\ny = b, 2\nz = some text # note").section("a")
    assert (found["x"], found["y"], found["z"]) == (1, ["b", 2], "some text")


def test_a_section_extends_another():
    found = load("[a]\nx = 1\n[b : a]\ny = 2").section("b")
    assert (found["x"], found["y"]) == (1, 2)


def test_defaults_are_there():
    assert load("[fresh]\nown = 1").section("fresh")["retries"] == 3


def test_names():
    assert load("[a]\n[b]").names() == ["a", "b"]


@pytest.mark.parametrize("text", ["x = 1", "[a\nx = 1", "[a]\nnonsense", "[b : a]"])
def test_mistakes(text):
    with pytest.raises(ParseError):
        load(text)


def test_unknown_sections():
    with pytest.raises(KeyError):
        load("[a]").section("b")
