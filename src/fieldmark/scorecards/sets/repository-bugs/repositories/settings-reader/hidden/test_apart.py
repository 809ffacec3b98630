from settings import load


def test_a_section_does_not_change_the_one_it_extends():
    found = load("[a]\nx = 1\n[b : a]\nx = 2")
    assert found.section("a")["x"] == 1
    assert found.section("b")["x"] == 2


def test_sections_do_not_change_each_other():
    found = load("[a]\ncolour = red\n[b]\nown = 1")
    assert found.section("b")["colour"] == "grey"
    assert "own" not in found.section("a")


def test_one_text_does_not_change_the_next():
    load("[a]\nretries = 9\npaths += /one")
    found = load("[b]\nx = 1").section("b")
    assert found["retries"] == 3
    assert found["paths"] == ["/srv"]


def test_added_values_stay_below():
    found = load("[a]\npaths += /a\n[b : a]\npaths += /b, /c\n[c : a]\npaths += /d")
    assert found.section("a")["paths"] == ["/srv", "/a"]
    assert found.section("b")["paths"] == ["/srv", "/a", "/b", "/c"]
    assert found.section("c")["paths"] == ["/srv", "/a", "/d"]


def test_a_list_that_is_replaced():
    found = load("[a]\npaths = /x, /y\n[b : a]\npaths += /z")
    assert found.section("a")["paths"] == ["/x", "/y"]
    assert found.section("b")["paths"] == ["/x", "/y", "/z"]


def test_adding_to_nothing():
    assert load("[a]\nhosts += one").section("a")["hosts"] == ["one"]
