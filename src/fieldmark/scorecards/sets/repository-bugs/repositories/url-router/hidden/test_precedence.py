import pytest
from router import NoRoute, Router


def router(*patterns):
    made = Router()
    for pattern in patterns:
        made.add(pattern, pattern)
    return made


@pytest.mark.parametrize("path", ["/users/1/extra", "/users/1/", "/users", "/users/"])
def test_the_whole_path_has_to_fit(path):
    with pytest.raises(NoRoute):
        router("/users/<id>").find(path)


def test_a_line_feed_is_no_end():
    with pytest.raises(NoRoute):
        router("/about").find("/about\n")


@pytest.mark.parametrize("turned", [False, True])
def test_fixed_parts_win(turned):
    patterns = ["/users/<id>", "/users/me", "/<rest:path>"]
    made = router(*(patterns[::-1] if turned else patterns))
    assert made.find("/users/me")[0] == "/users/me"
    assert made.find("/users/7")[0] == "/users/<id>"
    assert made.find("/users/7/edit")[0] == "/<rest:path>"


def test_earlier_parts_count_more():
    made = router("/<a>/list", "/shop/<b>")
    assert made.find("/shop/list")[0] == "/shop/<b>"


def test_among_equals_the_first():
    assert router("/<a>", "/<b>").find("/x") == ("/<a>", {"a": "x"})


def test_one_that_does_not_fit_makes_room():
    made = router("/page/<n:int>", "/page/<name>")
    assert made.find("/page/x")[0] == "/page/<name>"
    assert made.find("/page/3")[1] == {"n": 3}


def test_parts_with_both():
    made = router("/v<n:int>/x", "/<any>/x")
    assert made.find("/v2/x") == ("/v<n:int>/x", {"n": 2})
    assert made.find("/w2/x")[0] == "/<any>/x"
