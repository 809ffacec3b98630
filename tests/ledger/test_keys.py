"""The signing key: made once, rotated, lost; and what nobody without it can write."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from fieldmark.errors import BrokenLedger, LedgerError, LedgerUnavailable
from fieldmark.ledger import Head, Ledger, Signer, checkpoint, verify_export
from fieldmark.ledger.evidence import AdminAct, HeadWitnessed, KeyInForce
from tests.ledger.parts import FIELD, Wins, cast, cut_back, tampered


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def signed(path: Path, *, lost: bool = False, key: str = "head.key") -> Ledger:
    return Ledger.open(path, field=FIELD, projections=[Wins()], signer=Signer(path.with_name(key), lost=lost))


def keys(ledger: Ledger) -> list[KeyInForce]:
    with ledger.read() as snapshot:
        bodies = [entry.record.body for entry in snapshot.entries(types=[KeyInForce])]
    return [body for body in bodies if isinstance(body, KeyInForce)]


def test_the_first_opening_makes_a_key_and_every_head_is_signed(path: Path) -> None:
    with signed(path) as ledger:
        (first,) = keys(ledger)
        assert (first.reason, first.endorsement) == ("first", None)
        for _ in range(3):
            cast(ledger)
            with ledger.read() as snapshot:
                head = snapshot.signed_head()
                assert head.sound
                assert head.key == first.public
        found = ledger.verify()
        assert (found.key, found.keys, found.lost) == (first.public, 1, 0)
    file = path.with_name("head.key")
    assert file.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert file.stat().st_mode & 0o777 == 0o600
    with signed(path) as again:
        assert keys(again) == [first]
    assert sorted(each.name for each in path.parent.glob("head.key*")) == ["head.key"]


def test_what_is_signed_are_three_lines() -> None:
    head = Head(5, "00" * 32)
    assert (
        checkpoint("letters", head) == b"fieldmark/letters\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
    )


def test_rotation_is_endorsed_recorded_and_taken_by_a_program_that_runs(path: Path) -> None:
    with signed(path) as running:
        cast(running)
        with running.read() as snapshot:
            kept = snapshot.head()
        with signed(path) as other:
            public = other.rotate_key()
        cast(running)
        first, second = keys(running)
        assert (second.public, second.reason) == (public, "rotated")
        assert second.public != first.public
        found = running.verify(kept=kept)
        assert (found.key, found.keys) == (public, 2)
        with running.read() as snapshot:
            acts = [entry.record.body for entry in snapshot.entries(types=[AdminAct])]
            assert snapshot.key_at(1) == first.public
            assert snapshot.key_at(kept.size + 1) == public
    assert acts == [AdminAct(act="signing_key_rotated", details={"reason": "rotated"})]
    assert sorted(each.name for each in path.parent.glob("head.key*")) == ["head.key"]


def test_a_rotation_that_was_cut_short_after_its_commit_goes_on(path: Path) -> None:
    with signed(path) as ledger:
        before = path.with_name("head.key").read_bytes()
        ledger.rotate_key()
    after = path.with_name("head.key").read_bytes()
    path.with_name("head.key").write_bytes(before)
    path.with_name("head.key.new").write_bytes(after)
    with signed(path) as ledger:
        cast(ledger)
        ledger.verify()
    assert path.with_name("head.key").read_bytes() == after
    assert not path.with_name("head.key.new").exists()


def test_a_rotation_that_was_cut_short_before_its_commit_changes_nothing(path: Path) -> None:
    signed(path).close()
    signer = Signer(path.with_name("head.key"))
    signer.prepare()
    with signed(path) as ledger:
        cast(ledger)
        assert len(keys(ledger)) == 1
        ledger.rotate_key()
        assert ledger.verify().keys == 2


def test_a_lost_key_stops_writing_with_a_reason(path: Path) -> None:
    signed(path).close()
    path.with_name("head.key").unlink()
    with pytest.raises(LedgerError, match=r"but head\.key is not there") as caught:
        signed(path)
    assert "rotate-key --lost" in caught.value.hint
    assert not path.with_name("head.key").exists(), "no other key takes its place in silence"
    with Ledger.open(path, field=FIELD, projections=[Wins()]) as reader:
        assert reader.verify().keys == 1
        with pytest.raises(LedgerUnavailable, match="signed by the key"):
            cast(reader)
        assert reader.verify().head.size == 1


def test_another_key_in_the_file_is_no_key(path: Path) -> None:
    signed(path).close()
    signed(path.with_name("other.db"), key="other.key").close()
    path.with_name("other.key").replace(path.with_name("head.key"))
    with pytest.raises(LedgerError, match="holds another key"):
        signed(path)


def test_after_a_lost_key_another_can_be_put_in_force(path: Path) -> None:
    with signed(path) as ledger:
        cast(ledger)
    path.with_name("head.key").unlink()
    with signed(path, lost=True) as ledger:
        found = ledger.verify()
        assert (found.keys, found.lost) == (2, 1)
        assert [each.reason for each in keys(ledger)] == ["first", "lost"]
    with signed(path) as again:
        cast(again)
        again.export(path.with_name("export.jsonl"))
        assert again.verify().lost == 1
    assert verify_export(path.with_name("export.jsonl")).lost == 1


@pytest.mark.parametrize(
    "content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_key_file_is_said_to_be_one(path: Path, content: bytes) -> None:
    signed(path).close()
    path.with_name("head.key").write_bytes(content)
    with pytest.raises(LedgerError, match="holds no key"):
        signed(path)


Tamper = Callable[[sqlite3.Connection], object]


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (lambda c: c.execute("UPDATE heads SET signature = NULL"), "is not signed by the key in force"),
        (
            lambda c: c.execute("UPDATE heads SET signature = zeroblob(64)"),
            "is not signed by the key in force",
        ),
        (lambda c: c.execute("UPDATE heads SET key = NULL, signature = NULL"), "names the key none"),
        (lambda c: c.execute("UPDATE heads SET key = ?", ("0" * 64,)), "names the key 0000"),
        (lambda c: cut_back(c, 3), "is not signed by the key in force"),
    ],
)
def test_a_head_that_the_key_did_not_sign_is_found_and_never_signed_over(
    path: Path, tamper: Tamper, said: str
) -> None:
    with signed(path) as ledger:
        for _ in range(4):
            cast(ledger)
        size = ledger.verify().head.size
    with tampered(path) as connection:
        tamper(connection)
    with Ledger.open(path, field=FIELD) as ledger, pytest.raises(BrokenLedger, match=said):
        ledger.verify()
    if "names" not in said:
        with pytest.raises(LedgerUnavailable, match="something wrote past it"):
            signed(path)
    with Ledger.open(path, field=FIELD) as ledger, ledger.read() as snapshot:
        assert snapshot.head().size in (3, size)


def test_a_change_behind_a_running_program_is_not_signed_over(path: Path) -> None:
    with signed(path) as ledger:
        for _ in range(3):
            cast(ledger)
        with tampered(path) as connection:
            cut_back(connection, 2)
        with pytest.raises(LedgerUnavailable, match="something wrote past it"):
            cast(ledger)


@pytest.mark.parametrize(
    ("reason", "endorsement", "said"),
    [
        ("first", None, "reason 'first' where it cannot be"),
        ("rotated", None, "did not endorse"),
        ("rotated", "0" * 128, "did not endorse"),
        ("lost", None, "'previous' is not the key record before"),
    ],
)
def test_a_key_that_nothing_vouches_for_is_named(
    path: Path, reason: Literal["first", "rotated", "lost"], endorsement: str | None, said: str
) -> None:
    with signed(path) as ledger:
        cast(ledger)
        body = KeyInForce(public=keys(ledger)[0].public, reason=reason, endorsement=endorsement)
        ledger.write(lambda now: now.append(body, actor="system"))
        with pytest.raises(BrokenLedger, match=said) as caught:
            ledger.verify()
        assert caught.value.index == 2


def test_a_witnessed_head_that_is_not_the_logs_is_named(path: Path) -> None:
    with signed(path) as ledger:
        cast(ledger)
        with ledger.read() as snapshot:
            sound = snapshot.signed_head()
        for size, root, signature, said in (
            (2, "0" * 64, sound.signature, "that was witnessed is not this log's"),
            (9, sound.head.hash, sound.signature, "that was witnessed is not this log's"),
            (2, sound.head.hash, "0" * 128, "has no sound signature"),
        ):
            with tampered(path) as connection:
                cut_back(connection, 2, path.with_name("head.key"))
                connection.execute("UPDATE projections SET size = 2")
                connection.execute("DELETE FROM test_seen WHERE at >= 2")
            body = HeadWitnessed(
                size=size, root=root, key=str(sound.key), signature=str(signature), witness="w"
            )
            ledger.write(lambda now, body=body: now.append(body, actor="system"))  # type: ignore[misc]
            with pytest.raises(BrokenLedger, match=said) as caught:
                ledger.verify()
            assert caught.value.index == 2


def test_the_key_file_is_on_disk_before_it_signs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{handle}"))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    signed(path).close()
    assert any("head.key" in each for each in synced)
    assert str(path.parent) in synced
