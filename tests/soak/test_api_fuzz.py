"""The fuzzer for a few seconds; and that it finds a route that raises."""

from __future__ import annotations

from pathlib import Path

from soak.api_fuzz import EXCLUDED, PARTS, run


def test_a_few_seconds_find_nothing(tmp_path: Path) -> None:
    result = run(tmp_path, 4)
    assert result.wrong == []
    assert result.requests.keys() == {part.who for part in PARTS}
    assert min(result.requests.values()) > 0


def test_a_route_that_raises_is_found(tmp_path: Path) -> None:
    result = run(tmp_path, 12, sabotage=True)
    assert any("/api/v1/outcomes" in what for what in result.wrong)


def test_what_is_left_out_has_its_reason_and_exists() -> None:
    from fieldmark.server.app import create_app

    assert EXCLUDED.keys() <= create_app(None).openapi()["paths"].keys()
    assert all(EXCLUDED.values())
