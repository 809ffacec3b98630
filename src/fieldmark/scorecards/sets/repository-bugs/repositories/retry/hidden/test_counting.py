import pytest
from again import GaveUp, Policy, retry


class Calls:
    def __init__(self, times, error=ConnectionError):
        self.times, self.error, self.made, self.pauses = times, error, 0, []

    def call(self):
        self.made += 1
        if self.made <= self.times:
            raise self.error(f"failure {self.made}")
        return "done"

    def wait(self, seconds):
        self.pauses.append(seconds)


def test_no_more_attempts_than_said():
    calls = Calls(100)
    with pytest.raises(GaveUp) as caught:
        retry(calls.call, Policy(attempts=3), calls.wait)
    assert calls.made == 3
    assert str(caught.value) == "3 attempts: failure 3"


def test_no_pause_after_the_last():
    calls = Calls(100)
    with pytest.raises(GaveUp):
        retry(calls.call, Policy(attempts=3), calls.wait)
    assert calls.pauses == [1.0, 2.0]


def test_the_first_pause_is_the_first():
    calls = Calls(4)
    assert retry(calls.call, Policy(attempts=6, first=0.5, longest=3.0), calls.wait) == "done"
    assert calls.pauses == [0.5, 1.0, 2.0, 3.0]


def test_one_attempt():
    calls = Calls(1)
    with pytest.raises(GaveUp):
        retry(calls.call, Policy(attempts=1), calls.wait)
    assert (calls.made, calls.pauses) == (1, [])


@pytest.mark.parametrize("error", [ValueError, KeyError, PermissionError])
def test_other_errors_are_passed_on(error):
    calls = Calls(1, error)
    with pytest.raises(error):
        retry(calls.call, Policy(), calls.wait)
    assert (calls.made, calls.pauses) == (1, [])


def test_errors_that_belong_to_one_in_the_policy():
    calls = Calls(1, ConnectionResetError)
    assert retry(calls.call, Policy(), calls.wait) == "done"


def test_other_errors_later_on():
    def call(made=[]):
        made.append(1)
        raise ConnectionError if len(made) == 1 else ValueError

    with pytest.raises(ValueError):
        retry(call)
