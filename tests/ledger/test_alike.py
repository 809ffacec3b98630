"""Votes of a file differ in actor and id alone, and are parsed by one another: never otherwise than each alone."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.ledger_million import FIELD, write_export
from fieldmark.errors import BrokenLedger
from fieldmark.ledger import Ledger, Record, every_projection, verify_export
from fieldmark.ledger import _record as record_module
from fieldmark.ledger._canonical import encode
from fieldmark.ledger.evidence import VoteCast
from tests.ledger.parts import tampered

IDS = [f"0195{n:04x}-0000-7000-8000-00000000000{n}" for n in range(3)]
BODY = VoteCast(
    choice="a", a="alpha", b="beta", mode="blind", source="imported", propensity=1.0, decision_ms=None, counts=True
)  # fmt: skip


def raw(**changed: object) -> bytes:
    given: dict[str, object] = {
        "v": 1, "type": "vote", "id": IDS[0], "field": "letters", "at": "2026-01-31T09:30:00.000000Z",
        "actor": "p_someone", "refs": {"import": IDS[1]}, "commitments": {}, "body": BODY.model_dump(mode="json"),
    }  # fmt: skip
    return encode({**given, **changed})


def outcome(given: bytes) -> Record | str:
    try:
        return Record.parse(given)
    except ValueError as error:
        return str(error)


@contextmanager
def alone() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_module, "_SHORT", 0)
        yield


def assert_the_same(given: bytes) -> Record | str:
    found = [outcome(given), outcome(given)]
    with alone():
        assert found == [outcome(given)] * 2
    return found[0]


def test_a_vote_of_a_file_is_what_it_is_alone_whichever_byte_changes() -> None:
    for refs in ({}, {"import": IDS[1]}):
        whole = raw(refs=refs)
        assert isinstance(assert_the_same(whole), Record)
        for at in range(len(whole)):
            for new in (b"", b"0", b'"', b"\\", b"\n", b"\x7f", b"\xc3\xa9", b"\xff", b"}", b" "):
                assert_the_same(whole[:at] + new + whole[at + 1 :])
                assert_the_same(whole[:at] + new + whole[at:])


def test_others_are_as_alone_too() -> None:
    body = BODY.model_dump(mode="json")
    inner = {"a": "b", "id": IDS[2], "refs": {}, "source": "imported"}
    for given in (
        raw(actor="pé"), raw(actor='p"'), raw(actor="p\\"), raw(actor=""), raw(actor=" "), raw(actor="\x7f"),
        raw(id=IDS[0].upper()), raw(id=IDS[0].replace("-7", "-4")), raw(v=2, body={**body, "x": inner}),
        raw(type="unheard", body=inner), raw(type="unheard", body=inner, id="1"), raw(body={**body, "x": inner}),
        raw(refs={"a": "b", "id": IDS[2], "refs": "{"}), raw(refs={"id": IDS[2], "refs": {}}), raw(at="2026"),
        raw(refs={"a": IDS[2], "id": IDS[2], "refs": {}}), raw(field="é"), raw(v=0), raw(v=True), raw(type="key"),
        raw(commitments={"a": {"commitment": "c", "text_id": "t"}}), raw(commitments={"a": "b"}),
        raw(body={**body, "language": "l" * 2000}), raw(refs={"import": 1}), raw(refs={"import": "{}"}),
    ):  # fmt: skip
        assert_the_same(given)
        assert_the_same(given.replace(b',"field"', b', "field"'))
    assert isinstance(assert_the_same(raw(type="unheard", body=inner)), Record)


def test_actor_and_id_are_each_record_s_own() -> None:
    votes = [(actor, id_) for actor in ("p_one", "p two", "~") for id_ in IDS]
    for actor, id_ in votes:
        found = Record.parse(raw(actor=actor, id=id_))
        assert (found.actor, found.id, found.body) == (actor, id_, BODY)
        assert found.encode() == raw(actor=actor, id=id_)


def test_a_verification_collects_no_garbage_and_lets_it_be_collected_afterwards(tmp_path: Path) -> None:
    write_export(tmp_path / "export.jsonl", tmp_path / "head.key", 1000)
    meanwhile: list[bool] = []

    def look(_done: int, _size: int) -> None:
        meanwhile.append(gc.isenabled())

    verify_export(tmp_path / "export.jsonl", progress=look)
    assert gc.isenabled()
    path = tmp_path / "ledger.db"
    with Ledger.open(path, field=FIELD, projections=every_projection()) as ledger:
        ledger.import_(tmp_path / "export.jsonl")
        ledger.verify(progress=look)
        assert meanwhile == [False, False]
        with tampered(path) as connection:
            connection.execute('DELETE FROM records WHERE "index" = 7')
        with pytest.raises(BrokenLedger):
            ledger.verify()
    assert gc.isenabled()
    gc.disable()
    try:
        verify_export(tmp_path / "export.jsonl")
        assert not gc.isenabled()
    finally:
        gc.enable()
