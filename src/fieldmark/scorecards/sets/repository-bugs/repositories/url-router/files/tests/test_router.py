import pytest
from router import NoRoute, PatternError, Router


def router(*patterns):
    made = Router()
    for pattern in patterns:
        made.add(pattern, pattern)
    return made


def test_fixed():
    assert router("/about").find("/about") == ("/about", {})


def test_parameters():
    assert router("/users/<name>").find("/users/ann") == ("/users/<name>", {"name": "ann"})
    assert router("/page/<n:int>").find("/page/12")[1] == {"n": 12}


def test_the_rest():
    assert router("/files/<rest:path>").find("/files/a/b.txt")[1] == {"rest": "a/b.txt"}


def test_nothing_fits():
    with pytest.raises(NoRoute):
        router("/users/<n:int>").find("/users/ann")


@pytest.mark.parametrize("pattern", ["about", "/<a-b>", "/<x:float>", "/<x>/<x>"])
def test_bad_patterns(pattern):
    with pytest.raises(PatternError):
        router(pattern)
