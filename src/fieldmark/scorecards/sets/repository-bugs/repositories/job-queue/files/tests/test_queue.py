import pytest
from jobs import Empty, Queue, work_off


def test_priorities():
    queue = Queue()
    queue.put({"name": "low"}, 1)
    queue.put({"name": "high"}, 5)
    queue.put({"name": "none"})
    assert work_off(queue) == ["high", "low", "none"]


def test_empty():
    with pytest.raises(Empty):
        Queue().get()


def test_cancel():
    queue = Queue()
    queue.put({"name": "a"})
    queue.put({"name": "b"})
    queue.cancel("a")
    assert len(queue) == 1
    assert work_off(queue) == ["b"]


def test_following_jobs():
    queue = Queue()
    queue.put({"name": "first", "then": [{"name": "second"}]})
    assert work_off(queue) == ["first", "second"]


def test_most():
    queue = Queue()
    for name in "abc":
        queue.put({"name": name})
    assert work_off(queue, most=2) == ["a", "b"]
