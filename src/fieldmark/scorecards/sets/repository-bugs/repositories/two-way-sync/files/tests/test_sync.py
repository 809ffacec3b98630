from sync import perform, plan


def test_nothing_to_do():
    assert plan({"a": 1}, {"a": 1}, {"a": 1}) == []


def test_new_files():
    assert plan({"a": 1}, {"b": 1}, {}) == [("copy-right", "a"), ("copy-left", "b")]


def test_edited_files():
    assert plan({"a": 2, "b": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 1}) == [("copy-right", "a"), ("copy-left", "b")]


def test_deleted_files():
    assert plan({}, {"a": 1}, {"a": 1}) == [("delete-right", "a")]
    assert plan({"a": 1}, {}, {"a": 1}) == [("delete-left", "a")]


def test_doing_it():
    assert perform([("copy-right", "a")], {"a": 2, "b": 1}, {"a": 1, "b": 1}) == {"a": 2, "b": 1}
