"""The soak of random changes, in small: each is found and named, and a verifier that skips a check is noticed."""

from __future__ import annotations

from pathlib import Path

from soak.tampering import CHANGES, run, sabotaged


def test_random_changes_are_found_and_named(tmp_path: Path) -> None:
    result = run(tmp_path, 240, seed=5)
    assert not result.missed
    assert set(result.tries) == set(CHANGES)


def test_a_verifier_that_skips_a_check_is_noticed(tmp_path: Path) -> None:
    with sabotaged():
        missed = run(tmp_path, 60, seed=6).missed
    assert any("(cut)" in each for each in missed)
    assert any("(forge)" in each for each in missed)
