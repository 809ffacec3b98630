import pytest
from sync import perform, plan


def test_edited_on_both_sides():
    assert plan({"a": 2}, {"a": 3}, {"a": 1}) == [("conflict", "a")]


def test_new_on_both_sides():
    assert plan({"a": 2}, {"a": 3}, {}) == [("conflict", "a")]


@pytest.mark.parametrize("last", [{}, {"a": 1}])
def test_alike_on_both_sides_is_no_conflict(last):
    assert plan({"a": 2}, {"a": 2}, last) == []


def test_edited_here_and_deleted_there():
    assert plan({"a": 2}, {}, {"a": 1}) == [("conflict", "a")]
    assert plan({}, {"a": 2}, {"a": 1}) == [("conflict", "a")]


def test_deleted_on_both_sides():
    assert plan({}, {}, {"a": 1}) == []


def test_one_side_only_still_works():
    assert plan({"a": 2, "c": 1}, {"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}) == [
        ("copy-right", "a"),
        ("delete-right", "b"),
    ]


def test_a_conflict_is_still_one_the_next_time():
    from fieldmark_code import code

    left, right = code.keep({"a": 2, "b": 5}), code.keep({"a": 3})
    last = perform([("conflict", "a"), ("copy-right", "b")], left, right)
    assert last == {"b": 5}
    assert plan({"a": 2, "b": 5}, {"a": 3, "b": 5}, last) == [("conflict", "a")]


def test_versions_may_be_zero_or_empty():
    assert plan({"a": 0}, {"a": 0}, {"a": 1}) == []
    assert plan({"a": ""}, {"a": "x"}, {"a": "x"}) == [("copy-right", "a")]
    assert plan({"a": 0}, {"a": 2}, {"a": 1}) == [("conflict", "a")]
