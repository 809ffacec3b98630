"""The bytes of a record and the hashes over them: numbers written out, and a second encoder."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from fieldmark.errors import InputError
from fieldmark.ledger import Commitment, Head, Record, leaf, timestamp
from fieldmark.ledger._canonical import decode, encode
from fieldmark.ledger._ids import random_id, record_id
from fieldmark.ledger.evidence import Reveal, VoteCast
from tests.ledger.parts import vote

GOLDEN = Record(
    v=1,
    type="reveal",
    id="01938f00-1234-7abc-8def-0123456789ab",
    field="letters",
    at="2026-01-31T09:30:00.000001Z",
    actor="p_abcdefghijklmnopqrstuvwxyz",
    refs={"vote": "01938f00-1234-7abc-8def-0123456789aa", "battle": "01938f00-1234-7abc-8def-0123456789a9"},
    commitments={"comment": Commitment("t_abcdefghijklmnopqrstuvwxyz", "5" * 64)},
    body=Reveal(),
)
GOLDEN_BYTES = (
    b'{"actor":"p_abcdefghijklmnopqrstuvwxyz","at":"2026-01-31T09:30:00.000001Z","body":{},"commitments":'
    b'{"comment":{"commitment":"5555555555555555555555555555555555555555555555555555555555555555",'
    b'"text_id":"t_abcdefghijklmnopqrstuvwxyz"}},"field":"letters","id":"01938f00-1234-7abc-8def-0123456789ab",'
    b'"refs":{"battle":"01938f00-1234-7abc-8def-0123456789a9","vote":"01938f00-1234-7abc-8def-0123456789aa"},'
    b'"type":"reveal","v":1}'
)


def test_a_record_has_these_bytes_and_this_leaf() -> None:
    assert GOLDEN.encode() == GOLDEN_BYTES
    assert leaf(GOLDEN_BYTES).hex() == "88f902a79434c58394bb51003c0a55690010a4c6b2eb74c3ef452b167ce23000"


def test_the_leaf_is_that_of_rfc_9162() -> None:
    """The empty leaf of the RFC's own test vectors (certificate-transparency's merkle_tree_test)."""
    assert leaf(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


def test_a_commitment_hides_equal_texts() -> None:
    salt = bytes(range(32))
    made = Commitment.of("t_x", salt, "Grüße".encode())
    assert made.commitment == hashlib.sha256(salt + b"Gr\xc3\xbc\xc3\x9fe").hexdigest()
    assert made != Commitment.of("t_x", bytes(32), "Grüße".encode())


def test_a_record_reads_back_as_it_was_written() -> None:
    record = Record(**{**_fields(GOLDEN), "type": "vote", "body": vote(propensity=1 / 3)})
    again = Record.parse(record.encode())
    assert again == record
    assert isinstance(again.body, VoteCast)
    assert again.encode() == record.encode()


@pytest.mark.parametrize(("kind", "v"), [("vote", 99), ("graph", 1)])
def test_types_and_schemas_not_known_here_are_kept_as_they_are(kind: str, v: int) -> None:
    body = {"strange": [1, {"deep": None}]}
    record = Record(**{**_fields(GOLDEN), "type": kind, "v": v, "body": body})
    assert Record.parse(record.encode()).body == body


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"extra": 1}, "exactly the keys"),
        ({"v": 0}, "v must be"),
        ({"v": True}, "v must be"),
        ({"actor": ""}, "actor must be"),
        ({"field": 7}, "field must be"),
        ({"id": "01938f00-1234-4abc-8def-0123456789ab"}, "UUIDv7"),
        ({"at": "2026-01-31T09:30:00Z"}, "UTC time"),
        ({"at": "٢026-01-31T09:30:00.000000Z"}, "UTC time"),
        ({"refs": []}, "refs must be an object"),
        ({"refs": {"battle": 1}}, "refs must hold texts"),
        ({"commitments": {"comment": "plain"}}, "exactly text_id and commitment"),
        ({"commitments": {"comment": {"text_id": 1, "commitment": ""}}}, "hold texts only"),
        ({"body": {"unknown": 1}}, "unknown"),
        ({"body": None}, "body must be an object"),
    ],
)
def test_what_is_not_a_record_is_refused_with_a_reason(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Record.parse(rfc8785.dumps({**json.loads(GOLDEN_BYTES), **change}))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"1",
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":NaN}',
        b'{"a":-0}',
        b'{"a":9007199254740993}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b"[" * 9999,
        '{"\ufb33":1,"\U0001f600":2}'.encode(),  # sorted by code points, not by UTF-16 units
    ],
)
def test_bytes_that_are_not_the_one_canonical_spelling_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="JSON"):
        decode(raw)


numbers = (
    st.integers(-(2**60), 2**60) | st.floats() | st.sampled_from([1e16, 1e21, 1e-5, 5e-324, -0.0, 2.0**53])
)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(st.text(), values, max_size=5)


@given(objects)
@example({"\U0001f600": 1, "\ufb33": 2})
@example({"a": [1.0, 1e-7, 123456789012345680.0]})
@example({"a": "text with e-12, and 1.0,"})
def test_the_fast_encoder_says_what_the_slow_one_says(value: dict[str, Any]) -> None:
    try:
        expected = rfc8785.dumps(value)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - whatever it is, it is refused
            encode(value)
        return
    assert encode(value) == expected
    assert rfc8785.dumps(decode(expected)) == expected


@given(objects, st.booleans())
def test_only_canonical_bytes_are_read(value: dict[str, Any], ascii_only: bool) -> None:
    raw = json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only).encode(errors="surrogatepass")
    try:
        canonical = rfc8785.dumps(value) == raw
    except ValueError:
        canonical = False
    if canonical:
        assert decode(raw) is not None
    else:
        with pytest.raises(ValueError, match="JSON"):
            decode(raw)


def test_ids_are_version_7_and_never_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [record_id() for _ in range(500)]
    monkeypatch.setattr("time.time_ns", lambda: 1_000_000_000)  # the clock jumps back to 1970
    made += [record_id() for _ in range(500)]
    assert made == sorted(set(made))
    assert all(each[14] == "7" and each[19] in "89ab" and len(each) == 36 for each in made)
    assert abs(int(made[0].replace("-", "")[:12], 16) / 1000 - datetime.now(UTC).timestamp()) < 60


def test_random_ids_are_long_and_plain() -> None:
    assert random_id("p").startswith("p_")
    assert len({random_id("t") for _ in range(1000)}) == 1000
    assert all(character in "abcdefghijklmnopqrstuvwxyz234567" for character in random_id("t")[2:])


def test_times_are_utc_with_microseconds() -> None:
    moment = datetime(2026, 1, 31, 11, 30, tzinfo=timezone(timedelta(hours=2)))
    assert timestamp(moment) == "2026-01-31T09:30:00.000000Z"


def test_a_head_reads_as_it_prints() -> None:
    head = Head(3, "ab" * 32)
    assert Head.parse(str(head)) == head
    with pytest.raises(InputError, match="not a head"):
        Head.parse("3:abc")


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in Record.__slots__}
