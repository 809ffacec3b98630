"""A pytest plugin for mutation runs: fewer and always the same examples, no shrinking, plain tests first."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings

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
