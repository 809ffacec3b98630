"""Witnesses: a file, a git repository, an address; what they hold finds a log that was rewritten with its key."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from fieldmark.errors import BrokenLedger, InputError, LedgerError
from fieldmark.ledger import Ledger, Signer, verify_export, witness, witnessed_heads
from fieldmark.ledger.evidence import HeadWitnessed
from tests.ledger.parts import FIELD, cast, cut_back, tampered


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db", field=FIELD, signer=Signer(tmp_path / "head.key")) as ledger:
        cast(ledger)
        yield ledger


def test_a_file_gets_a_line_and_the_log_says_so(ledger: Ledger, tmp_path: Path) -> None:
    target = tmp_path / "far" / "heads.jsonl"
    first = witness(ledger, "notary", "file", str(target))
    assert first is not None
    assert first.sound
    assert witness(ledger, "notary", "file", str(target)) is None, "nothing but the record of the head is new"
    cast(ledger)
    second = witness(ledger, "notary", "file", str(target))
    assert list(witnessed_heads(target, FIELD)) == [first, second]
    assert list(witnessed_heads(target, "other")) == []
    assert witness(ledger, "second", "file", str(tmp_path / "other.jsonl")) is not None
    found = ledger.verify(held=list(witnessed_heads(target, FIELD)))
    assert found.witnessed == {"notary": 4, "second": 5}
    assert found.compared == 2
    with ledger.read() as snapshot:
        bodies = [each.record.body for each in snapshot.entries(types=[HeadWitnessed])]
    assert [body.size for body in bodies if isinstance(body, HeadWitnessed)] == [2, 4, 5]


def test_a_log_rewritten_with_its_key_is_found_by_the_witness(ledger: Ledger, tmp_path: Path) -> None:
    for _ in range(3):
        cast(ledger)
    witness(ledger, "notary", "file", str(tmp_path / "heads.jsonl"))
    held = list(witnessed_heads(tmp_path / "heads.jsonl", FIELD))
    with tampered(tmp_path / "ledger.db") as connection:
        cut_back(connection, 2, tmp_path / "head.key")
    with Ledger.open(tmp_path / "ledger.db", field=FIELD, signer=Signer(tmp_path / "head.key")) as forged:
        forged.verify()
        with pytest.raises(BrokenLedger, match="there are 2 records, but the witness holds the head 5:"):
            forged.verify(held=held)
        for _ in range(5):
            cast(forged, "b")
        forged.export(tmp_path / "export.jsonl")
        with pytest.raises(BrokenLedger, match=r"first 5 records give .* but the witness holds 5:"):
            forged.verify(held=held)
    verify_export(tmp_path / "export.jsonl")
    with pytest.raises(BrokenLedger, match="but the witness holds 5:"):
        verify_export(tmp_path / "export.jsonl", held=held)


def test_a_git_repository_gets_a_commit(ledger: Ledger, tmp_path: Path) -> None:
    repository = tmp_path / "heads"
    with pytest.raises(LedgerError, match="is no git repository"):
        witness(ledger, "git", "git", str(repository))
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    (repository / "own.txt").write_text("the operator's")
    first = witness(ledger, "git", "git", str(repository))
    cast(ledger)
    second = witness(ledger, "git", "git", str(repository))
    assert list(witnessed_heads(repository, FIELD)) == [first, second]
    said = subprocess.run(
        ["git", "-C", str(repository), "log", "--format=%s", "--name-only"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert said.count("Head of letters: ") == 2
    assert "own.txt" not in said
    assert ledger.verify(held=list(witnessed_heads(repository, FIELD))).compared == 2


class Notary(BaseHTTPRequestHandler):
    got: ClassVar[list[bytes]] = []
    status: ClassVar[int] = 204

    def do_POST(self) -> None:
        self.got.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(self.status)
        if self.status == 302:
            self.send_header("location", "/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def notary() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Notary)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/heads"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_address_is_posted_the_head_and_a_refusal_records_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Notary, "got", [])
    with notary() as address:
        signed = witness(ledger, "web", "http", address)
        assert signed is not None
        assert [json.loads(each) for each in Notary.got] == [signed.as_json()]
        cast(ledger)
        for status in (500, 302, 404):
            monkeypatch.setattr(Notary, "status", status)
            with pytest.raises(LedgerError, match=f"it answered {status}"):
                witness(ledger, "web", "http", address)
    with pytest.raises(LedgerError, match="did not take the head"):
        witness(ledger, "web", "http", address)
    assert ledger.verify().witnessed == {"web": 2}


def test_what_cannot_be_handed_over_is_said(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db", field=FIELD) as ledger:
        cast(ledger)
        with pytest.raises(LedgerError, match="the head is not signed"):
            witness(ledger, "notary", "file", str(tmp_path / "heads.jsonl"))
    with pytest.raises(InputError, match="No such file"):
        list(witnessed_heads(tmp_path / "none.jsonl", FIELD))
    (tmp_path / "heads.jsonl").write_text('{"field":"letters"}\n')
    with pytest.raises(InputError, match=r"line 1: not a signed head"):
        list(witnessed_heads(tmp_path / "heads.jsonl", FIELD))
