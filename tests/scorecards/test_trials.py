"""Trials as they are read: filters, orders, search, files, and what is not kept of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fieldmark.errors import InputError, NotFound
from fieldmark.ledger.evidence import TrialEnded, VerdictGiven
from fieldmark.scorecards import (
    Attempt,
    Cards,
    Event,
    Filter,
    Played,
    Scene,
    Solution,
    TaskSet,
    TrialKey,
    Verdict,
    Wanted,
    write_trial,
)
from tests.scorecards.toys import Toys, ended, sum_task, toy_set, toys

PICTURE = b"\x89PNG\r\n\x1a\n\0\0"


class Desk(Scene):
    """Leaves files."""

    async def files(self) -> tuple[Mapping[str, bytes], Mapping[str, str]]:
        files = {"page.html": b"<script>alert(1)</script>", "shot.png": PICTURE, "big.bin": b"\0" * 300_000}
        return files, {"link": "a link is not followed"}


def left_set() -> TaskSet:
    tasks = (
        sum_task(1, scene=Desk),
        sum_task(2, oracle=Solution(answer='four \u2028 "Ünïcode" \udcff')),
        sum_task(3),
    )
    return TaskSet("sums", tasks, title="Sums", digest="8" * 64)


async def _played(now: Toys, **wanted: Any) -> Cards:
    run = await now.runs.start(Wanted("sums", ["oracle", "nop"], unchecked=True, **wanted))
    assert (await ended(now, run.id))[0] == "complete"
    return Cards(now.ledger, now.runs.catalogue)


async def test_filters_orders_and_search(tmp_path: Path) -> None:
    async with toys(tmp_path / "field", {"sums": left_set()}) as now:
        cards = await _played(now, trials=2)

        def ids(order: str = "failing", after: str | None = None, limit: int = 50, **which: Any) -> list[str]:
            page = cards.trials("sums", Filter(**which), order, after, limit)  # type: ignore[arg-type]
            assert page.total >= len(page.trials)
            return [each.id for each in page.trials]

        everything = ids()
        assert len(everything) == 12
        for order in ("failing", "newest", "slowest"):
            paged: list[str] = []
            while True:
                some = ids(order, paged[-1] if paged else None, limit=5)
                paged += some
                if len(some) < 5:
                    break
            assert paged == ids(order)
            assert sorted(paged) == sorted(everything)
        assert ids("costliest") == []  # nobody has a price
        assert len(ids(contender="oracle", task="sum-1", result="pass")) == 2
        assert len(ids(variant="")) == 12
        assert ids(variant="polite") == []
        assert len(ids(ended="answered")) == 12
        assert len(ids(q="ünïcode")) == 2
        assert (
            "\ufffd" in cards.trial(ids(q="ünïcode")[0]).model_dump_json()
        )  # half a surrogate pair can be sent
        assert len(ids(q='"Ünïcode"')) == 2  # quotes are escaped where it is kept
        assert len(ids(q="what is 3 + 3")) == 4
        assert ids(q="nobody says this") == []
        with pytest.raises(InputError):
            ids(limit=0)
        with pytest.raises(NotFound):
            ids(after="nothing")
        # before and after, one by one, lead through the list as it is shown
        walked, here = [everything[0]], cards.trial(everything[0])
        while here.after:
            walked.append(here.after)
            here = cards.trial(here.after)
            assert here.before == walked[-2]
        assert walked == everything


async def test_files_that_a_trial_left(tmp_path: Path) -> None:
    async with toys(tmp_path / "field", {"sums": left_set()}) as now:
        cards = await _played(now, trials=1)
        (line,) = cards.trials("sums", Filter(contender="oracle", task="sum-1"), "failing", None, 5).trials
        files = {each.path: each for each in cards.trial(line.id).artifacts}
        assert files["page.html"].text == "<script>alert(1)</script>"
        assert files["shot.png"].picture
        assert files["shot.png"].text is None
        assert (files["big.bin"].kept, files["big.bin"].note) == (False, "too big to keep")
        assert files["link"].note == "a link is not followed"
        assert cards.artifact(line.id, "shot.png") == PICTURE
        with pytest.raises(NotFound):
            cards.artifact(line.id, "big.bin")
        now.ledger.verify()


async def test_of_a_sealed_task_no_text_is_kept(tmp_path: Path) -> None:
    async with toys(tmp_path / "field", {"sums": toy_set(2)}) as now:
        cards = await _played(now, trials=1)
        run = now.runs.views()[0].id
        task = sum_task(9, sealed=True)
        attempt = Attempt(
            "t9", answer="SECRET", events=(Event("told", 0, {"text": "SECRET"}),), files={"a": b"SECRET"}
        )
        verdict = Verdict.of(False, "it is SECRET", evidence={"b.png": b"SECRET"})
        key = TrialKey(run, "t9", "", "c" * 64, 1)
        written = now.ledger.write(lambda tx: write_trial(tx, key, task, Played(attempt, verdict, 3), 7))
        assert written is not None
        with now.ledger.read() as snapshot:
            last = list(snapshot.entries())[-2:]
            assert [type(e.record.body) for e in last] == [TrialEnded, VerdictGiven]
            assert all(not e.record.commitments for e in last)
        view = cards.trial(written.record.id)
        assert view.sealed
        assert "SECRET" not in view.model_dump_json()
        for file in (tmp_path / "field" / ".fieldmark").glob("ledger.db*"):
            assert b"SECRET" not in file.read_bytes()


async def test_a_trial_is_written_once_whoever_comes(tmp_path: Path) -> None:
    async with toys(tmp_path / "field", {"sums": toy_set(2)}) as now:
        await _played(now, trials=1)
        run, task = now.runs.views()[0].id, sum_task(9)
        key = TrialKey(run, "sum-9", "", "c" * 64, 1)
        void = Played(Attempt("sum-9"), Verdict.nothing("sandbox", "gone"), 0)
        passed = Played(Attempt("sum-9"), Verdict.of(True), 0)
        written = [
            now.ledger.write(partial(write_trial, key=key, task=task, played=played, seed=1))
            for key, played in (
                (key, void),
                (key, passed),  # the same attempt again, by somebody who was slow
                (replace(key, attempt=2), passed),
                (replace(key, attempt=3), void),  # it has its verdict
            )
        ]
        assert [each is not None for each in written] == [True, False, True, False]


async def test_what_a_person_wrote_can_be_erased(tmp_path: Path) -> None:
    async with toys(tmp_path / "field", {"sums": toy_set(2)}) as now:
        cards = await _played(now, trials=1)
        key = TrialKey(now.runs.views()[0].id, "sum-1", "", "c" * 64, 1)
        person = now.ledger.write(lambda tx: tx.pseudonym("a random secret of a browser"))
        attempt = Attempt("sum-1", answer="I am Ada", events=(Event("said", 5, {"text": "I am Ada"}),))
        played = Played(attempt, Verdict.of(False, "not 'I am Ada'"), 1)
        entry = now.ledger.write(lambda tx: write_trial(tx, key, sum_task(1), played, 1, person=person))
        assert entry is not None
        assert cards.trial(entry.record.id).answer == "I am Ada"
        assert cards.trials("sums", Filter(q="i am ada"), "failing", None, 9).total == 1
        now.ledger.write(lambda tx: tx.erase(person=person))
        gone = cards.trial(entry.record.id)
        assert (gone.answer, gone.events, gone.line.result) == ("", [], "fail")
        assert "erased" in gone.explanation
        assert cards.trials("sums", Filter(q="i am ada"), "failing", None, 9).total == 0
        now.ledger.verify()
