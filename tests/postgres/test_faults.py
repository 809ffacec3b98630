"""A locked, full, busy, lost, restarted server: refused with a reason, never acknowledged, and then it goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from fieldmark.errors import InputError, LedgerError, LedgerUnavailable
from fieldmark.ledger import Ledger, Transaction, field_of
from tests.ledger.parts import FIELD, Wins, append_then_fail, cast, tally, vote
from tests.pg import PostgresServer, shared_server
from tests.postgres.proxy import Loss, between


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One that may be stopped."""
    with PostgresServer() as server:
        yield server


def opened(url: str, patience: float = 5) -> Ledger:
    return Ledger.open(url, field=FIELD, projections=[Wins()], patience=patience)


@contextmanager
def held(url: str, statement: str) -> Iterator[None]:
    """Another program that holds a lock."""
    with psycopg.connect(url) as other:
        other.execute(statement.encode())
        yield
        other.rollback()


def test_a_head_that_another_program_holds_is_waited_for_and_then_refused(path: str) -> None:
    with opened(path, patience=0.1) as ledger:
        cast(ledger)
        with held(path, "SELECT * FROM heads FOR UPDATE"):
            with pytest.raises(LedgerUnavailable, match="lock timeout") as caught:
                cast(ledger)
            assert "another program holds the database" in caught.value.hint
            with ledger.read() as snapshot:  # readers do not mind
                assert snapshot.head().size == 1
        assert cast(ledger).index == 1
        assert ledger.verify().head.size == 2


def test_only_one_program_opens_a_database_at_a_time(path: str) -> None:
    cast_in = opened(path)
    cast_in.close()
    with (
        held(path, f"SELECT pg_advisory_xact_lock({0x4669656C646D6172})"),
        pytest.raises(LedgerUnavailable, match="lock timeout"),
    ):
        opened(path, patience=0.1)


def test_programs_that_start_together_all_open_a_new_database(path: str) -> None:
    def work() -> None:
        with opened(path, patience=30) as ledger:
            cast(ledger)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with opened(path) as ledger:
        assert ledger.verify().head.size == 4


FULL = """CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'could not extend file "base/1/2": No space left on device' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON texts EXECUTE FUNCTION full_disk()"""


def test_a_full_disk_refuses_and_then_goes_on(path: str) -> None:
    """The server's own error, raised by a trigger."""
    with opened(path) as ledger, psycopg.connect(path, autocommit=True) as other:
        cast(ledger)
        other.execute(FULL)
        with pytest.raises(LedgerUnavailable, match="No space left") as caught:
            cast(ledger, comment="too much")
        assert "make room" in caught.value.hint
        assert cast(ledger).index == 1  # what is small still fits
        other.execute("DROP TRIGGER full_disk ON texts")
        cast(ledger, comment="fits")
        found = ledger.verify()
        assert (found.head.size, found.texts_held) == (3, 1)


def test_a_work_that_hides_an_error_of_the_database_is_not_acknowledged(path: str) -> None:
    def hide(now: Transaction) -> None:
        try:
            now.connection.exec_driver_sql("SELECT 1 / 0")
        except Exception:
            return  # the mistake under test
        raise AssertionError("nothing went wrong")

    with opened(path) as ledger:
        with pytest.raises(LedgerUnavailable, match="aborted"):
            ledger.write(hide)
        assert cast(ledger).index == 0


def test_a_server_that_goes_in_mid_write_loses_nothing_acknowledged(server: PostgresServer) -> None:
    def go(now: Transaction) -> None:
        now.append(vote("b"), actor="p_x", texts={"comment": "never stored"})
        server.stop("immediate")
        now.append(vote("b"), actor="p_x")

    with server.database() as url, opened(url, patience=0.3) as ledger:
        cast(ledger, comment="before")
        ledger.presence.show()
        try:
            for _ in range(2):
                with pytest.raises(LedgerUnavailable) as caught:
                    ledger.write(go if runs(server) else append_then_fail)
                assert "nothing was recorded" in caught.value.hint
            with pytest.raises(LedgerUnavailable), ledger.read():
                pass
            with pytest.raises(LedgerUnavailable):
                ledger.presence.show()
        finally:
            server.start()
        assert cast(ledger, comment="after").index == 1
        ledger.presence.show()
        with ledger.read() as snapshot:
            assert tally(snapshot) == {"alpha": 2}
            assert ledger.presence.alive(snapshot.connection, ledger.presence.holder)
        found = ledger.verify()
        assert (found.head.size, found.texts_held) == (2, 2)


def runs(server: PostgresServer) -> bool:
    return (server.folder / "data" / "postmaster.pid").exists()


def test_a_restarted_server_is_found_again_without_an_error(server: PostgresServer) -> None:
    with server.database() as url, opened(url) as ledger:
        cast(ledger)
        server.stop()
        server.start()
        with ledger.read() as snapshot:
            assert snapshot.head().size == 1
        assert cast(ledger).index == 1


@pytest.mark.parametrize(("loss", "size"), [("answer", 2), ("commit", 1)])
def test_a_commit_whose_answer_is_lost_is_asked_about(path: str, loss: Loss, size: int) -> None:
    folder = shared_server().folder
    with between(folder) as proxy, opened(path.replace(str(folder), str(proxy.folder))) as ledger:
        cast(ledger)
        proxy.loss = loss
        if loss == "answer":
            assert cast(ledger).index == 1
        else:
            with pytest.raises(LedgerUnavailable) as caught:
                cast(ledger)
            assert "nothing was recorded" in caught.value.hint
        assert ledger.verify().head.size == size


def test_a_commit_in_doubt_is_said_to_be(server: PostgresServer) -> None:
    """The server goes with the answer and stays away."""
    with (
        server.database() as url,
        between(server.folder) as proxy,
        opened(url.replace(str(server.folder), str(proxy.folder)), patience=0.3) as ledger,
    ):
        cast(ledger)

        def work(now: Transaction) -> None:
            now.append(vote(), actor="p_x")
            proxy.loss = "commit"
            proxy.refuse = True

        with pytest.raises(LedgerUnavailable) as caught:
            ledger.write(work)
        assert "is not known" in caught.value.hint


def test_a_server_without_free_places_says_so(path: str) -> None:
    role = f"narrow_{os.getpid()}"
    name = path.split("@/")[1].split("?", maxsplit=1)[0]
    server = shared_server()
    server.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1")
    server.execute(f"ALTER DATABASE {name} OWNER TO {role}")
    with opened(path.replace("postgres@", f"{role}@"), patience=0.2) as ledger:
        assert cast(ledger).index == 0
        with pytest.raises(LedgerUnavailable, match="too many connections") as caught, ledger.read():
            pass
        assert "max_connections" in caught.value.hint
        server.execute(f"ALTER ROLE {role} CONNECTION LIMIT 20")
        assert ledger.verify().head.size == 1


def test_what_is_read_stays_one_state_while_a_projection_is_made_anew(path: str) -> None:
    with opened(path) as ledger:
        for _ in range(3):
            cast(ledger)
        with ledger.read() as snapshot:
            rebuilding = threading.Thread(target=ledger.rebuild, args=("wins",))
            rebuilding.start()
            rebuilding.join(0.3)
            assert rebuilding.is_alive()  # it waits for the snapshot, whose tables stay whole
            assert tally(snapshot) == {"alpha": 3}
        rebuilding.join(20)
        assert ledger.verify().projections == ("wins",)


def test_every_commit_is_on_the_servers_disk(path: str) -> None:
    with psycopg.connect(path, autocommit=True) as other:
        name = other.info.dbname
        other.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())
    with opened(path) as ledger:
        setting = ledger.write(
            lambda now: now.connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()
        )
    assert setting == "on"


def test_a_server_that_never_writes_to_disk_is_refused() -> None:
    with PostgresServer(fsync="off") as careless, pytest.raises(LedgerError, match="fsync=off"):
        opened(careless.url())


def test_a_database_that_is_not_there_and_a_wrong_url_are_explained() -> None:
    missing = shared_server().url("nowhere")
    with pytest.raises(LedgerUnavailable, match="does not exist") as caught:
        opened(missing)
    assert "createdb" in caught.value.hint
    with pytest.raises(LedgerUnavailable) as gone:
        opened("postgresql://u:secret@127.0.0.1:1/x", patience=0.2)
    assert "see that the database server runs" in gone.value.hint
    assert "secret" not in gone.value.message
    with pytest.raises(InputError, match="mysql"):
        opened("mysql://x/y")


def test_a_character_that_postgresql_does_not_know_is_refused_or_kept(path: str) -> None:
    with opened(path) as ledger:
        entry = cast(ledger, comment="a\0b")  # texts are kept as bytes
        with pytest.raises(InputError, match=r"U\+0000"), ledger.read() as snapshot:
            snapshot.entry("\0")
        with pytest.raises(InputError, match=r"U\+0000"):
            ledger.write(lambda now: now.entry("\0"))
        assert cast(ledger).index == entry.index + 1


def test_an_empty_database_holds_no_ledger(path: str) -> None:
    with pytest.raises(LedgerError, match="holds no ledger"):
        field_of(path)
    opened(path).close()
    assert field_of(path) == FIELD
