"""Proofs as they are printed: they stand alone, and any change of one proves nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fieldmark.errors import BrokenLedger, NotFound
from fieldmark.ledger import Head, Ledger, Signer, verify_consistency, verify_proof
from tests.ledger.parts import FIELD, cast

RECORDS = 300


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Enough records for one kept node of the tree."""
    folder = tmp_path_factory.mktemp("proofs")
    with Ledger.open(folder / "ledger.db", field=FIELD, signer=Signer(folder / "head.key")) as ledger:
        cast(ledger, comment="Größe")
        from tests.ledger.parts import vote

        ledger.write(lambda now: [now.append(vote("tie"), actor="p_x") for _ in range(RECORDS - 2)])
        yield ledger


def read(given: dict[str, Any]) -> dict[str, Any]:
    """As it comes out of a file."""
    copy: dict[str, Any] = json.loads(json.dumps(given))
    return copy


def test_every_record_is_proved_under_the_signed_head(ledger: Ledger) -> None:
    with ledger.read() as snapshot:
        head = snapshot.signed_head()
        for entry in snapshot.entries():
            if entry.index % 37 < 2 or entry.index > 295:
                record, signed = verify_proof(read(snapshot.prove(entry.record.id).as_json()))
                assert (record, signed) == (entry.record, head)
        with pytest.raises(NotFound, match="no record has the id"):
            snapshot.prove("nobody")


def test_every_head_is_proved_to_be_the_beginning(ledger: Ledger) -> None:
    with ledger.read() as snapshot:
        for size in (0, 1, 2, 3, 64, 127, 128, 255, 256, 257, 299, 300):
            kept = snapshot.head_at(size)
            assert verify_consistency(read(snapshot.consistency(kept).as_json())) == (
                kept,
                snapshot.signed_head(),
            )
        with pytest.raises(NotFound, match="at 5 records the hash is"):
            snapshot.consistency(Head(5, "0" * 64))
        with pytest.raises(NotFound, match="there are 300 records, not 301"):
            snapshot.consistency(Head(301, "0" * 64))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key in value:
            yield from _places(value[key], (*path, key))
    elif isinstance(value, list):
        for at in range(len(value)):
            yield from _places(value[at], (*path, at))
    else:
        yield path


def _changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str) and value:
        return ("1" if value[0] == "0" else "0") + value[1:]
    return "x"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_any_change_of_a_proof_proves_nothing(ledger: Ledger, data: st.DataObject) -> None:
    with ledger.read() as snapshot:
        entry = next(snapshot.entries(start=data.draw(st.integers(0, RECORDS - 1))))
        kept = snapshot.head_at(data.draw(st.integers(1, RECORDS - 1)))
        proofs = [
            (verify_proof, read(snapshot.prove(entry.record.id).as_json())),
            (verify_consistency, read(snapshot.consistency(kept).as_json())),
        ]
    check, given = data.draw(st.sampled_from(proofs))
    *path, last = data.draw(st.sampled_from(list(_places(given))))
    place = given
    for step in path:
        place = place[step]
    place[last] = _changed(place[last])
    with pytest.raises(BrokenLedger):
        check(given)


@pytest.mark.parametrize(
    "wrong", [{}, {"format": "x"}, {"format": "fieldmark-proof/1", "record": 7}, {"path": 3}]
)
def test_what_is_no_proof_is_said_to_be_none(wrong: dict[str, Any]) -> None:
    for check in (verify_proof, verify_consistency):
        with pytest.raises(BrokenLedger, match="not a proof"):
            check(wrong)


def test_a_log_without_a_key_is_proved_without_a_signature(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db", field=FIELD) as ledger:
        entry = cast(ledger)
        with ledger.read() as snapshot:
            given = read(snapshot.prove(entry.record.id).as_json())
    assert verify_proof(given)[1].key is None
    given["head"]["signature"] = "0" * 128
    with pytest.raises(BrokenLedger, match="is not signed by the key it names, None"):
        verify_proof(given)
