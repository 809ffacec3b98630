import pytest
from tables import parse, render


def test_columns_stand_in_line():
    assert render(["name", "n"], [["tea", 2], ["coffee", 10]]) == (
        "| name   |   n |\n|--------|----:|\n| tea    |   2 |\n| coffee |  10 |\n"
    )


def test_floats_and_nothing():
    assert render(["x"], [[1.5], [None]]).splitlines()[2:] == ["| 1.50 |", "|      |"]


def test_no_rows():
    assert render(["a", "b"], []) == "| a   | b   |\n|-----|-----|\n"


def test_reading():
    assert parse("| a | b |\n|---|---|\n| 1 | 2 |\n") == [["a", "b"], ["1", "2"]]


def test_unlike_rows():
    with pytest.raises(ValueError, match="line 3"):
        parse("| a | b |\n|---|---|\n| 1 |\n")


def test_there_and_back():
    assert parse(render(["a", "b"], [["x", "y"]])) == [["a", "b"], ["x", "y"]]
