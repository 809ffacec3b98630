"""A pytest plugin for mutation runs: fewer and always the same examples, no shrinking, plain tests first."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import Phase, settings

SECONDS = 60.0
"""After so long one test is given up: a mutant may leave it waiting for ever."""
_TIMED_OUT = 36  # what mutmut takes for a timeout

settings.register_profile(
    "lean",
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # a mutant is killed by any failure, not by the smallest
)
settings.load_profile("lean")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: bool(getattr(getattr(item, "obj", None), "is_hypothesis_test", False)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _give_up(_number: int, _frame: object) -> None:
    os._exit(_TIMED_OUT)
