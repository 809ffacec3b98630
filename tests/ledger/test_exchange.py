"""Export and import: byte for byte, all or nothing, and every change of a file found and named."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fieldmark.errors import BrokenLedger, FieldmarkError, InputError
from fieldmark.ledger import Commitment, Head, Ledger, leaf, verify_export
from fieldmark.ledger._tree import Frontier
from tests.ledger.parts import FIELD, cast, open_ledger, tally, tampered, vote

RECORDS = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of twelve records, its export and its texts (one of four is erased)."""
    folder = tmp_path_factory.mktemp("exchange")
    with open_ledger(folder / "ledger.db") as ledger:
        entries = [
            cast(ledger, "a", **({"comment": f"Größe {n}\n"} if n < 4 else {})) for n in range(RECORDS)
        ]
        with tampered(folder / "ledger.db") as connection:
            erased = entries[0].record.commitments["comment"].text_id
            connection.execute("DELETE FROM texts WHERE text_id = ?", (erased,))
        ledger.export(folder / "export.jsonl", texts=folder / "texts.jsonl")
    return folder


@pytest.fixture(scope="module")
def lines(folder: Path) -> list[bytes]:
    return (folder / "export.jsonl").read_bytes().splitlines(keepends=True)


@pytest.fixture(scope="module")
def head(lines: list[bytes]) -> Head:
    return Head(**json.loads(lines[-1])["head"])


def test_an_export_is_the_records_byte_for_byte(folder: Path, lines: list[bytes], head: Head) -> None:
    assert lines[0] == b'{"field":"letters","format":"fieldmark-ledger/2"}\n'
    with open_ledger(folder / "ledger.db") as ledger, ledger.read() as snapshot:
        assert head == snapshot.head()
        for line, entry in zip(lines[1:-1], snapshot.entries(), strict=True):
            numbered = entry.hash.hex().encode(), entry.index, entry.raw
            assert line == b'{"hash":"%s","index":%d,"record":%s}\n' % numbered


def test_an_export_verifies_without_a_database(folder: Path, head: Head) -> None:
    steps: list[tuple[int, int]] = []
    found = verify_export(folder / "export.jsonl", progress=lambda *step: steps.append(step))
    assert (found.field, found.head, found.types) == (FIELD, head, {"vote": RECORDS})
    assert (found.texts_held, found.texts_absent) == (0, 4)
    found = verify_export(folder / "export.jsonl", kept=head, texts=folder / "texts.jsonl")
    assert (found.texts_held, found.texts_absent) == (3, 1)


def test_texts_are_in_a_file_of_their_own(folder: Path, lines: list[bytes]) -> None:
    assert "Größe".encode() not in b"".join(lines)
    texts = [json.loads(line) for line in (folder / "texts.jsonl").read_bytes().splitlines()]
    assert [each["text"] for each in texts] == ["Größe 1\n", "Größe 2\n", "Größe 3\n"]
    committed = json.loads(lines[2])["record"]["commitments"]["comment"]
    made = Commitment.of(texts[0]["text_id"], bytes.fromhex(texts[0]["salt"]), texts[0]["text"].encode())
    assert committed == {"text_id": made.text_id, "commitment": made.commitment}


def test_what_was_exported_is_imported_whole(folder: Path, lines: list[bytes], tmp_path: Path) -> None:
    with open_ledger(tmp_path / "new.db") as ledger:
        ledger.import_(folder / "export.jsonl", texts=folder / "texts.jsonl")
        found = ledger.verify()
        assert (found.head.size, found.texts_held, found.texts_absent) == (RECORDS, 3, 1)
        stream = io.BytesIO()
        ledger.export(stream, texts=tmp_path / "texts.jsonl")
        assert stream.getvalue() == b"".join(lines)
        assert (tmp_path / "texts.jsonl").read_bytes() == (folder / "texts.jsonl").read_bytes()
        with ledger.read() as snapshot:
            assert tally(snapshot) == {"alpha": RECORDS}
        assert cast(ledger).index == RECORDS


def test_an_export_that_continues_the_ledger_is_taken_in(folder: Path, tmp_path: Path) -> None:
    with open_ledger(tmp_path / "new.db") as ledger:
        ledger.import_(folder / "export.jsonl")
        ledger.import_(folder / "export.jsonl", texts=folder / "texts.jsonl")  # nothing new but the texts
        assert ledger.verify().texts_held == 3
        cast(ledger)
        ledger.export(tmp_path / "longer.jsonl")
        with open_ledger(tmp_path / "third.db") as third:
            third.import_(folder / "export.jsonl")
            assert third.import_(tmp_path / "longer.jsonl").size == RECORDS + 1
        longer = ledger.import_(folder / "export.jsonl")  # a beginning of what is there
        assert longer.size == RECORDS + 1
        assert ledger.verify().head == longer


def test_an_export_of_other_records_is_refused(folder: Path, tmp_path: Path) -> None:
    with open_ledger(tmp_path / "new.db") as ledger:
        cast(ledger)
        with pytest.raises(InputError, match="first 1 records of the export are not those"):
            ledger.import_(folder / "export.jsonl")
        for _ in range(RECORDS):
            cast(ledger)
        with pytest.raises(InputError, match=f"first {RECORDS} records of the export are not those"):
            ledger.import_(folder / "export.jsonl")
        assert ledger.verify().head.size == RECORDS + 1
    with (
        Ledger.open(tmp_path / "desk.db", field="desk") as desk,
        pytest.raises(InputError, match="of field 'letters', this ledger of 'desk'"),
    ):
        desk.import_(folder / "export.jsonl")


def _written(folder: Path, lines: list[bytes]) -> Path:
    path = folder / "changed.jsonl"
    path.write_bytes(b"".join(lines))
    return path


def test_a_broken_export_imports_nothing(folder: Path, lines: list[bytes], tmp_path: Path) -> None:
    broken = [*lines[:8], lines[8].replace(b'"choice":"a"', b'"choice":"b"'), *lines[9:]]
    with open_ledger(tmp_path / "new.db") as ledger:
        with pytest.raises(BrokenLedger, match="record 7: line 9: its bytes do not give"):
            ledger.import_(_written(tmp_path, broken))
        with pytest.raises(BrokenLedger, match="line 13: the tail"):
            ledger.import_(_written(tmp_path, lines[:-1]))
        assert ledger.verify().head.size == 0
        with ledger.read() as snapshot:
            assert tally(snapshot) == {}


Change = Callable[[list[bytes]], list[bytes]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda texts: [texts[0].replace(b"e 1", b"e 7")], "record 1: texts, line 1: not the text"),
        (lambda texts: [*texts, texts[1]], "texts, line 4: t_.* is in no record, or was there before"),
        (lambda texts: [texts[0].replace(b'"t_', b'"t__')], "is in no record"),
        (lambda texts: [b'{"text":1}\n'], "exactly salt, text and text_id"),
        (lambda texts: [texts[0].replace(b'"text":"', b'"text": "')], "not canonical"),
        (lambda texts: [texts[0].rstrip()], "texts, line 1"),
    ],
)
def test_a_broken_file_of_texts_imports_nothing(
    folder: Path, tmp_path: Path, change: Change, said: str
) -> None:
    texts = (folder / "texts.jsonl").read_bytes().splitlines(keepends=True)
    with open_ledger(tmp_path / "new.db") as ledger:
        with pytest.raises(BrokenLedger, match=said):
            ledger.import_(folder / "export.jsonl", texts=_written(tmp_path, change(texts)))
        assert ledger.verify().head.size == 0


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_byte_is_found_and_named(lines: list[bytes], tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(b"".join(lines))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    line = 1 + b"".join(lines)[:at].count(b"\n")
    with pytest.raises(FieldmarkError) as caught:
        verify_export(_written(tmp_path, [bytes(content)]))
    index = getattr(caught.value, "index", None)
    if line == 1:
        assert index is None or (index == 0 and content[at] != 10)
        assert "line 1:" in caught.value.message or "header" in caught.value.message
    elif line < len(lines):
        assert index == line - 2, caught.value.message
    else:
        assert index is None or index == RECORDS
        assert f"line {line}" in caught.value.message or "head" in caught.value.message


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, RECORDS - 1), st.integers(0, RECORDS - 1), st.sampled_from(["drop", "double", "swap"]))
def test_any_record_dropped_doubled_or_moved_is_found_and_named(
    lines: list[bytes], tmp_path: Path, one: int, other: int, how: str
) -> None:
    header, records, tail = lines[0], lines[1:-1], lines[-1]
    first = one
    if how == "drop":
        del records[one]
    elif how == "double":
        records.insert(one, records[one])
        first = one + 1
    else:
        records[one], records[other] = records[other], records[one]
        first = min(one, other)
        if one == other:
            return
    with pytest.raises(BrokenLedger) as caught:
        verify_export(_written(tmp_path, [header, *records, tail]))
    last_dropped = how == "drop" and one == RECORDS - 1
    assert caught.value.index == (None if last_dropped else first)


@given(st.integers(0, RECORDS - 1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_tail_cut_with_care_is_found_against_a_head_kept_earlier(
    lines: list[bytes], head: Head, tmp_path: Path, size: int
) -> None:
    frontier = Frontier()
    for line in lines[1 : size + 1]:
        frontier.append(leaf(line[line.index(b'"record":') + 9 : -2]))
    root = frontier.root().hex().encode()
    tail = b'{"head":{"hash":"%s","size":%d},"key":null,"signature":null}\n' % (root, size)
    path = _written(tmp_path, [*lines[: size + 1], tail])
    assert verify_export(path).head.size == size
    with pytest.raises(
        BrokenLedger, match=f"there are {size} records, but the head kept earlier says {head}"
    ):
        verify_export(path, kept=head)


def test_files_that_are_no_export_are_said_to_be_none(tmp_path: Path, lines: list[bytes]) -> None:
    for content in (b"", b"\n", b"PK\x03\x04", lines[0].strip(), b'{"format":"fieldmark-ledger/2"}\n'):
        with pytest.raises(BrokenLedger, match="line 1: not the header"):
            verify_export(_written(tmp_path, [content]))
    newer = lines[0].replace(b"/2", b"/3")
    with pytest.raises(InputError, match="line 1: format is fieldmark-ledger/3"):
        verify_export(_written(tmp_path, [newer, *lines[1:]]))
    with pytest.raises(InputError, match="No such file"):
        verify_export(tmp_path / "nothing.jsonl")


def test_an_export_appears_only_when_it_is_whole(folder: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with open_ledger(tmp_path / "new.db") as ledger:
        ledger.write(lambda now: [now.append(vote(), actor="p_x") for _ in range(1000)])
        (tmp_path / "export.jsonl").write_text("yesterday's")
        with pytest.raises(KeyboardInterrupt):
            ledger.export(tmp_path / "export.jsonl", progress=stop)
        assert (tmp_path / "export.jsonl").read_text() == "yesterday's"
        assert not list(tmp_path.glob("*.part"))
        with pytest.raises(InputError, match="No such file"):
            ledger.export(tmp_path / "no" / "folder.jsonl")
