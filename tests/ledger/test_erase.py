"""Erasing people and cases: what goes, what stays, and that it stays gone."""

from __future__ import annotations

import base64
import hashlib
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from fieldmark.errors import InputError, LedgerError, NotFound
from fieldmark.ledger import (
    Ledger,
    Signer,
    Trail,
    Transaction,
    back_up,
    erase,
    replay_erasures,
    restore,
    state,
    subject_of,
    sweep,
    verify_export,
)
from fieldmark.ledger.evidence import (
    AnswerEnded,
    BattleStarted,
    CaseAnswered,
    CaseOpened,
    Erasure,
    OutcomeReported,
    Remark,
    VoteCast,
)
from tests.ledger.parts import FIELD, Wins, open_ledger, tally, vote


def needle() -> str:
    """Text that no compression or chance could hold."""
    return base64.b64encode(secrets.token_bytes(96)).decode()


def files_with(folder: Path, *needles: bytes) -> list[str]:
    """Files of a folder that hold one of `needles`, byte for byte."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path.name for path in files if any(each in content(path) for each in needles)]


def content(path: Path) -> bytes:
    """Its bytes; none when it was taken away meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


class Person:
    """Somebody with a round, a vote and a comment, and what must not be found once they are erased."""

    def __init__(self, ledger: Ledger, secret: str | None = None) -> None:
        self.secret = secret or secrets.token_urlsafe(24)
        self.texts = {"prompt": needle(), "answer": needle(), "comment": needle()}
        self.pseudonym, self.battle = ledger.write(self._live)
        with closing(sqlite3.connect(str(ledger._engines[0].url.database))) as raw:
            salts = [salt for (salt,) in raw.execute("SELECT salt FROM texts ORDER BY rowid DESC LIMIT 3")]
        self.needles = (
            *(text.encode() for text in self.texts.values()),
            *salts,
            hashlib.sha256(self.secret.encode()).digest(),
        )

    def _live(self, now: Transaction) -> tuple[str, str]:
        me = now.pseudonym(self.secret)
        started = BattleStarted(mode="blind", a="alpha", b="beta", propensity=1)
        battle = now.append(started, actor=me, texts={"prompt": self.texts["prompt"]}).record.id
        ended = AnswerEnded(
            side="a", turn=1, contender="alpha", ms_to_first=1, ms=2, characters=3, finish="stop"
        )
        now.append(ended, actor="system", refs={"battle": battle}, texts={"answer": self.texts["answer"]})
        cast = now.append(vote("a"), actor=me, refs={"battle": battle})
        said = {"comment": self.texts["comment"]}
        now.append(Remark(), actor=me, refs={"battle": battle, "vote": cast.record.id}, texts=said)
        return me, battle


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "state" / "ledger.db") as ledger:
        yield ledger


def test_texts_salts_and_the_link_leave_every_file_while_the_ledger_is_open(
    ledger: Ledger, tmp_path: Path
) -> None:
    people = [Person(ledger) for _ in range(40)]
    with ledger.read() as snapshot:
        before = tally(snapshot)
    gone, kept = people[::3], [p for i, p in enumerate(people) if i % 3]
    register = tmp_path / "state" / "erasures.jsonl"
    assert files_with(tmp_path, gone[0].needles[0])
    for person in gone:
        done = erase(ledger, "person", person.pseudonym, reason="request", register=register)
        assert (done.texts, done.links, done.swept) == (3, 1, True)
        assert files_with(tmp_path, *person.needles) == []
    assert files_with(tmp_path, *(each for person in gone for each in person.needles)) == []
    for person in kept:
        assert files_with(tmp_path, person.needles[-1])
    with ledger.read() as snapshot:
        assert tally(snapshot) == before
        assert snapshot.pseudonym(gone[0].secret) is None
        assert snapshot.pseudonym(kept[0].secret) == kept[0].pseudonym
    found = ledger.verify()
    assert found.texts_absent == 3 * len(gone)
    assert found.types["erasure"] == len(gone)


def opened_case(ledger: Ledger, person: str | None = None) -> tuple[str, list[bytes]]:
    """A case with its reply, an outcome, a shadow battle, and somebody's vote with a comment; its id and its texts."""
    texts = [needle() for _ in range(5)]

    def work(now: Transaction) -> str:
        opened = CaseOpened(
            application="app_1", person=person, route="champion", contender="alpha", propensity=1, basis="consent",
            stream=False,
        )  # fmt: skip
        case = now.append(opened, actor="app_1", texts={"request": texts[0]}).record
        of = {"case": case.id}
        reply = CaseAnswered(
            role="served", contender="alpha", ms_to_first=1, ms=2, characters=3, finish="stop"
        )
        first = now.append(reply, actor="system", refs=of, texts={"answer": texts[1]}).record
        shadow = reply.model_copy(update={"role": "shadow", "contender": "beta"})
        second = now.append(shadow, actor="system", refs=of, texts={"answer": texts[2]}).record
        outcome = OutcomeReported(result="edited", by="application")
        now.append(outcome, actor="app_1", refs=of, texts={"edit": texts[3]})
        battle = now.append(
            BattleStarted(
                mode="blind", source="shadow", a="alpha", b="beta", propensity=1, prompt_source="case"
            ),
            actor="system",
            refs=of,
            commitments={
                "prompt": case.commitments["request"],
                "a": first.commitments["answer"],
                "b": second.commitments["answer"],
            },
        ).record.id
        judged = vote("a").model_copy(update={"source": "shadow"})
        cast = now.append(judged, actor="p_judge", refs={"battle": battle}).record.id
        now.append(
            Remark(), actor="p_judge", refs={"battle": battle, "vote": cast}, texts={"comment": texts[4]}
        )
        return case.id

    case = ledger.write(work)
    return case, [text.encode() for text in texts]


def test_a_case_goes_with_its_shadow_battle_and_what_was_said_of_it(ledger: Ledger, tmp_path: Path) -> None:
    case, texts = opened_case(ledger)
    _, others = opened_case(ledger)
    before = len(list(_records(ledger)))
    done = erase(ledger, "case", case, reason="consent", register=None)
    assert (done.texts, done.links, done.swept) == (5, 0, True)
    assert files_with(tmp_path, *texts) == []
    assert all(files_with(tmp_path, each) for each in others)
    assert ledger.verify().texts_held == 8
    assert len(list(_records(ledger))) == before + 1
    with ledger.read() as snapshot:
        votes = [e for e in snapshot.entries(types=[VoteCast]) if e.record.actor == "p_judge"]
    assert len(votes) == 2


def test_a_person_goes_with_their_cases(ledger: Ledger, tmp_path: Path) -> None:
    person = Person(ledger)
    case, texts = opened_case(ledger, person.pseudonym)
    opened_case(ledger)
    with ledger.read() as snapshot:
        trail = Trail("person", person.pseudonym).follow(snapshot)
    assert trail.groups.keys() >= {case, person.battle}
    assert trail.types == {
        "battle": 2,
        "answer": 1,
        "vote": 2,
        "remark": 2,
        "case": 1,
        "reply": 2,
        "outcome": 1,
    }
    done = erase(ledger, "person", person.pseudonym, reason="request", register=None)
    assert (done.texts, done.links) == (8, 1)
    assert files_with(tmp_path, *person.needles, *texts) == []


def test_an_account_and_its_sessions_are_links_too(ledger: Ledger, tmp_path: Path) -> None:
    person, secret = Person(ledger), "secret-of-the-account"

    def make(now: Transaction) -> str:
        row = {
            "id": "a_1", "name": "ada of the needle", "role": "voter", "password": "$argon2-needle", "secret": secret,
            "credentials": [], "created": "2026-01-01",
        }  # fmt: skip
        now.connection.execute(state.accounts.insert(), row)
        session = {
            "secret_hash": b"h" * 32,
            "account": "a_1",
            "created": "2026-01-01",
            "expires": "2027-01-01",
        }
        now.connection.execute(state.sessions.insert(), session)
        return now.pseudonym(secret)

    pseudonym = ledger.write(make)
    ledger.write(lambda now: now.append(vote("a"), actor=pseudonym))
    done = erase(ledger, "person", pseudonym, reason="request", register=None)
    assert (done.texts, done.links) == (0, 3)
    assert files_with(tmp_path, b"ada of the needle", b"$argon2-needle", b"h" * 32, secret.encode()) == []
    assert files_with(tmp_path, person.needles[0])


def test_copies_that_the_database_left_behind_when_rows_moved_go_too(ledger: Ledger, tmp_path: Path) -> None:
    """SQLite moves rows between pages and leaves old bytes, which its secure_delete does not find."""
    chance, there, gone = Random(4), list[bytes](), list[bytes]()
    with closing(sqlite3.connect(tmp_path / "state" / "ledger.db", isolation_level=None)) as raw:
        raw.executescript("PRAGMA synchronous=OFF; PRAGMA secure_delete=ON;")
        for number in range(60_000):
            if chance.random() < 0.75 or not there:
                there.append(hashlib.sha256(f"secret {number}".encode()).digest())
                raw.execute("INSERT INTO people VALUES (?, ?)", (there[-1], f"p_{number:026d}"))
            else:
                for _ in range(min(len(there), chance.choice([1, 2]))):
                    gone.append(there.pop(chance.randrange(len(there))))
                    raw.execute("DELETE FROM people WHERE secret_hash = ?", (gone[-1],))
            if number % 2000 == 1999:
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                if files_with(tmp_path, *gone):
                    break
    assert files_with(tmp_path, *gone) == ["ledger.db"], "no copy was left behind: this test proves nothing"
    assert sweep(ledger)
    assert files_with(tmp_path, *gone) == []
    assert files_with(tmp_path, there[0])


def test_only_what_is_held_can_be_erased_and_only_once(ledger: Ledger) -> None:
    person = Person(ledger)
    with pytest.raises(NotFound, match="nothing is held of the person 'p_nobody'"):
        erase(ledger, "person", "p_nobody", reason="request", register=None)
    ledger.write(lambda now: now.erase(person=person.pseudonym))
    with pytest.raises(NotFound, match="any more: it was erased"):
        erase(ledger, "person", person.pseudonym, reason="request", register=None)
    with pytest.raises(NotFound):
        erase(ledger, "case", person.battle, reason="consent", register=None)
    assert [subject_of(each) for each in (person.pseudonym, person.battle)] == ["person", "case"]
    with pytest.raises(InputError, match="neither"):
        subject_of("Ada")


def _records(ledger: Ledger) -> Iterator[bytes]:
    with ledger.read() as snapshot:
        yield from (entry.raw for entry in snapshot.entries())


# -- keeping it erased -----------------------------------------------------------------------------------------------


def test_texts_of_an_older_export_stay_out(ledger: Ledger, tmp_path: Path) -> None:
    person, kept = Person(ledger), Person(ledger)
    old, texts = tmp_path / "old.jsonl", tmp_path / "old.texts"
    ledger.export(old, texts=texts)
    erase(ledger, "person", person.pseudonym, reason="request", register=None)
    new = tmp_path / "new.jsonl"
    ledger.export(new)
    assert verify_export(new).texts_held == 0
    ledger.import_(old, texts=texts)
    with open_ledger(tmp_path / "copy.db") as copy:
        copy.import_(new)
        copy.import_(old, texts=texts)
        for each in (ledger, copy):
            with each.read() as snapshot:
                said = snapshot.entry(person.battle).record.commitments["prompt"]
                assert snapshot.text(said.text_id) is None
                stayed = snapshot.entry(kept.battle).record.commitments["prompt"]
                assert snapshot.text(stayed.text_id) == kept.texts["prompt"]


def test_a_restored_backup_is_erased_again(tmp_path: Path) -> None:
    path, backup, register = tmp_path / "ledger.db", tmp_path / "backup.db", tmp_path / "erasures.jsonl"
    with open_ledger(path) as ledger:
        person, kept = Person(ledger), Person(ledger)
        with closing(sqlite3.connect(path)) as now, closing(sqlite3.connect(backup)) as then:
            now.backup(then)
        erase(ledger, "person", person.pseudonym, reason="request", register=register)
        assert replay_erasures(ledger, register) == []
    assert files_with(tmp_path, person.needles[0]) == ["backup.db"]
    for each in tmp_path.glob("ledger.db*"):
        each.unlink()
    backup.rename(path)
    with open_ledger(path) as ledger:
        replayed = replay_erasures(ledger, register)
        assert [each.subject for each in replayed] == [person.pseudonym]
        assert files_with(tmp_path, *person.needles) == []
        assert files_with(tmp_path, kept.needles[0])
        assert replay_erasures(ledger, register) == []
        assert ledger.verify().types["erasure"] == 1
        assert len(register.read_text().splitlines()) == 2
    assert person.pseudonym in register.read_text()
    assert files_with(tmp_path, *person.needles) == []


@pytest.mark.parametrize("rotated", [True, False])
def test_a_backup_from_before_a_rotation_is_restored_and_erased_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, rotated: bool
) -> None:
    path, backup, register = tmp_path / "ledger.db", tmp_path / "backup.db", tmp_path / "erasures.jsonl"
    signer, again = Signer(tmp_path / "head.key"), tmp_path / "again" / "ledger.db"
    with Ledger.open(path, field=FIELD, projections=[Wins()], signer=signer) as ledger:
        person, kept = Person(ledger), Person(ledger)
        back_up(path, backup, projections=[Wins()])
        erase(ledger, "person", person.pseudonym, reason="request", register=register)
        if rotated:
            ledger.rotate_key()
    key = signer.path.read_bytes()
    given = Signer(signer.path)
    found, replayed = restore(backup, again, projections=[Wins()], erasures=register, signer=given)
    assert (replayed, found.lost, found.keys) == (1, rotated, 1 + rotated)
    assert ("is not in" in caplog.text) == rotated
    assert signer.path.read_bytes() == key, "what was there before needs it"
    with Ledger.open(again, field=FIELD, projections=[Wins()], signer=Signer(signer.path)) as ledger:
        assert ledger.verify().head == found.head
    assert files_with(again.parent, *person.needles) == []
    assert files_with(again.parent, kept.needles[0])


def test_a_restore_without_the_register_says_what_that_means(
    ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Person(ledger)
    back_up(tmp_path / "state" / "ledger.db", tmp_path / "backup.db", projections=[Wins()])
    register = tmp_path / "erasures.jsonl"
    restore(tmp_path / "backup.db", tmp_path / "again.db", projections=[Wins()], erasures=register)
    assert f"there is no {register}" in caplog.text


def test_a_backup_older_than_the_person_keeps_their_texts_out_too(ledger: Ledger, tmp_path: Path) -> None:
    person, register = Person(ledger), tmp_path / "erasures.jsonl"
    old, texts = tmp_path / "old.jsonl", tmp_path / "old.texts"
    ledger.export(old, texts=texts)
    erase(ledger, "person", person.pseudonym, reason="request", register=register)
    with open_ledger(tmp_path / "copy.db") as copy:
        copy.import_(old, texts=texts)
        assert files_with(tmp_path, person.needles[0]) != []
        assert len(replay_erasures(copy, register)) == 1
    texts.unlink()
    assert files_with(tmp_path, *person.needles[:3]) == []


def test_a_register_that_a_power_cut_tore_is_mended_and_a_damaged_one_refused(
    ledger: Ledger, tmp_path: Path
) -> None:
    first, second, register = Person(ledger), Person(ledger), tmp_path / "erasures.jsonl"
    erase(ledger, "person", first.pseudonym, reason="request", register=register)
    whole = register.read_bytes()
    erase(ledger, "person", second.pseudonym, reason="request", register=register)
    both = register.read_bytes()
    register.write_bytes(both[:-20])
    assert replay_erasures(ledger, register) == []
    assert register.read_bytes() == both
    register.write_bytes(b"{}\n" + whole)
    with pytest.raises(LedgerError, match=r"erasures\.jsonl, line 1"):
        replay_erasures(ledger, register)


def test_a_reader_in_the_way_is_told_and_swept_later(ledger: Ledger, tmp_path: Path) -> None:
    person = Person(ledger)
    with closing(sqlite3.connect(tmp_path / "state" / "ledger.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM texts").fetchone()
        done = erase(ledger, "person", person.pseudonym, reason="request", register=None, patience=0.1)
        assert not done.swept
    assert sweep(ledger)
    assert files_with(tmp_path, *person.needles) == []


def test_a_disk_too_full_to_sweep_is_told_and_swept_later(ledger: Ledger, tmp_path: Path) -> None:
    person, other = Person(ledger), Person(ledger)
    ledger.write(
        lambda now: [now.append(vote(), actor="p_x", texts={"comment": needle() * 99}) for _ in range(9)]
    )

    def room(pages: int) -> None:
        def limit(now: Transaction) -> None:
            there = now.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            now.connection.exec_driver_sql(f"PRAGMA max_page_count={there + pages}")

        ledger.write(limit)

    room(9)
    done = erase(ledger, "person", person.pseudonym, reason="request", register=tmp_path / "erasures.jsonl")
    assert (done.texts, done.swept) == (3, False)
    room(10**6)
    assert sweep(ledger)
    assert files_with(tmp_path, *person.needles) == []
    assert files_with(tmp_path, other.needles[0])


def test_the_erasure_says_what_it_was(ledger: Ledger) -> None:
    person = Person(ledger)
    body = ledger.write(lambda now: now.erase(person=person.pseudonym))
    assert isinstance(body, Erasure)
    assert (body.what, body.subject, body.reason, body.links) == ("person", person.pseudonym, "request", 1)
    assert list(body.texts) == sorted(body.texts)
    assert len(body.texts) == 3
