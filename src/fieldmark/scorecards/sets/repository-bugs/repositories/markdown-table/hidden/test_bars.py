import pytest
from tables import parse, render


def test_a_bar_is_written_with_a_backslash():
    assert render(["code"], [["a|b"]]) == "| code |\n|------|\n| a\\|b |\n"


def test_the_width_counts_what_is_written():
    lines = render(["code", "n"], [["a|b|c", 1], ["x", 22]]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[2] == "| a\\|b\\|c |   1 |"


def test_names_too():
    assert render(["a|b"], []).splitlines()[0] == "| a\\|b |"


@pytest.mark.parametrize("text", ["a|b", "|", "||", "a\\b", "a\\|b", "end\\", "|x|", "\\\\|"])
def test_there_and_back(text):
    assert parse(render(["k", "v"], [["1", text], [text, "2"]])) == [["k", "v"], ["1", text], [text, "2"]]


def test_empty_cells_at_the_edge():
    assert parse(render(["k", "v"], [["", ""], ["a", None]])) == [["k", "v"], ["", ""], ["a", ""]]


def test_line_feeds_become_spaces():
    assert render(["t"], [["one\ntwo"]]).splitlines()[2] == "| one two |"
