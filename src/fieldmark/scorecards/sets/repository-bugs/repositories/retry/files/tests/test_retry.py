import pytest
from again import GaveUp, Policy, retry


def failing(times, error=ConnectionError):
    left = [times]

    def call():
        if left[0]:
            left[0] -= 1
            raise error("not now")
        return "done"

    return call


def test_at_once():
    assert retry(failing(0)) == "done"


def test_after_one_failure():
    assert retry(failing(1)) == "done"


def test_for_ever():
    with pytest.raises(GaveUp) as caught:
        retry(failing(100))
    assert "not now" in str(caught.value)


def test_policies_are_checked():
    with pytest.raises(ValueError):
        Policy(attempts=0)


def test_pauses_end_somewhere():
    assert Policy().pause(20) == 30.0
