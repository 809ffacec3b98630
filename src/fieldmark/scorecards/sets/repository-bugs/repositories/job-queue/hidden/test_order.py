from jobs import Queue, work_off


def queue_of(*names, priority=0):
    queue = Queue()
    for name in names:
        queue.put({"name": name}, priority)
    return queue


def test_of_equals_the_first_comes_first():
    assert work_off(queue_of("z", "a", "m")) == ["z", "a", "m"]


def test_two_jobs_of_one_name():
    assert work_off(queue_of("mail", "mail", "mail", priority=2)) == ["mail"] * 3


def test_a_name_that_was_cancelled_can_come_again():
    queue = queue_of("a", "b")
    queue.cancel("a")
    queue.put({"name": "a"})
    assert len(queue) == 2
    assert work_off(queue) == ["b", "a"]


def test_cancelling_what_does_not_wait():
    queue = Queue()
    queue.cancel("a")
    queue.put({"name": "a"})
    assert work_off(queue) == ["a"]


def test_names_of_any_kind():
    assert work_off(queue_of(2, "two", None)) == [2, "two", None]


def test_priorities_still_win():
    queue = queue_of("b", "a")
    queue.put({"name": "urgent"}, 9)
    queue.put({"name": "later"}, -1)
    queue.put({"name": "c"})
    assert work_off(queue) == ["urgent", "b", "a", "c", "later"]


def test_cancelling_twice_and_counting():
    queue = queue_of("a", "a", "b")
    queue.cancel("a")
    queue.cancel("a")
    assert len(queue) == 1
    assert work_off(queue) == ["b"]
    assert len(queue) == 0
