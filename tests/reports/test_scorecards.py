"""The card's section on scorecards: the ledger's counts of each set, and the same bytes at the same head."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from fieldmark.ledger import Ledger
from fieldmark.ledger.evidence import (
    RunStarted,
    SealedTask,
    TaskSetSeen,
    TasksSealed,
    TrialEnded,
    VerdictGiven,
    VerdictResult,
)
from fieldmark.reports import Card, build_card, card_json, card_text
from fieldmark.scorecards import Cards, TaskSet, Wanted, contender_record
from tests.arena.ledgers import DIGEST, NAMES, trees
from tests.house import Browser, Served
from tests.scorecards.toys import sum_task, toy_set, toys

Cell = tuple[str, str, str, bool]
"""Task, wording, one letter for each trial (`p`, `f`, `v`), sealed."""


def version_of(name: str, version: str) -> str:
    return hashlib.sha256(f"{name} {version}".encode()).hexdigest()


def run(
    ledger: Ledger, name: str, version: str, cells: Iterable[Cell], who: str = "alder", **more: Any
) -> None:
    """Write a run straight into the ledger, with its verdicts."""
    cells, digest = list(cells), version_of(name, version)
    results: dict[str, VerdictResult] = {"p": "pass", "f": "fail", "v": "void"}
    seen = TaskSetSeen(
        name=name,
        version=version,
        digest=digest,
        open=sum(not cell[3] for cell in cells),
        sealed=sum(cell[3] for cell in cells),
        checked=more.pop("checked", True),
        kinds=more.pop("kinds", {}),
    )
    begun = RunStarted(
        task_set=name,
        digest=digest,
        contenders=(DIGEST[who],),
        labels={DIGEST[who]: who},
        tasks=tuple(dict.fromkeys(cell[0] for cell in cells)),
        variants=False,
        trials=1,
        seed=1,
        sandbox="none",
        **more,
    )

    def write(now: Any) -> None:
        now.append(seen, actor="system")
        of = now.append(begun, actor="system").record.id
        for task, variant, letters, sealed in cells:
            for number, letter in enumerate(letters, 1):
                trial = TrialEnded(
                    task=task,
                    variant=variant,
                    contender=DIGEST[who],
                    verifier="v",
                    trial=number,
                    seed=1,
                    ended="answered",
                    steps=1,
                    calls=0,
                    ms=10,
                    sealed=sealed,
                )
                ended = now.append(trial, actor="system", refs={"run": of}).record.id
                void = "endpoint" if letter == "v" else None
                given = VerdictGiven(result=results[letter], verifier="v", void=void, ms=1)
                now.append(given, actor="system", refs={"run": of, "trial": ended})

    ledger.write(write)


def card_of(ledger: Ledger, name: str = "alder") -> Card:
    with ledger.read() as snapshot:
        return build_card(snapshot, name)


def test_what_it_passed_stands_on_its_card(tmp_path: Path) -> None:
    plain = [(f"t{n}", "", "ppp" if n < 15 else "pff", False) for n in range(20)]
    wordings = [(f"t{n}", "polite", "pppp", False) for n in range(20)]
    with trees(tmp_path, NAMES[:2]) as ledger:
        run(ledger, "sums", "1", [*plain, *wordings])
        run(ledger, "words", "2", [("a", "", "pv", False), ("b", "", "f", False)], checked=False)
        card, other = card_of(ledger), card_of(ledger, "birch")
    sums, words = card.scorecards
    assert (sums.name, sums.version, sums.digest, sums.newer) == ("sums", "1", version_of("sums", "1"), None)
    assert (sums.tasks, sums.sealed, sums.trials, sums.passed, sums.void) == (20, 0, 140, 130, 0)
    assert sums.rate is not None
    assert sums.rate.value == pytest.approx((15 + 5 * (1 / 3 + 1) / 2) / 20, abs=1e-6)
    assert sums.rate.lower < sums.rate.value < sums.rate.upper < 1
    assert (sums.k, sums.checked, sums.gap) == (3, True, None)
    assert sums.all_of_k is not None
    assert sums.all_of_k.value == pytest.approx((15 + 5 / 2) / 20), (
        "all three of the first wording never pass"
    )
    assert sums.consistency is not None
    assert sums.consistency.value < 1
    assert (words.tasks, words.trials, words.void, words.checked) == (2, 2, 1, False)
    assert (words.k, words.all_of_k, words.consistency) == (None, None, None), "one task has one trial"
    assert "tests" not in {u.kind for u in card.unknown}
    text = card_text(card)
    for said in (
        f"  sums 1 ({sums.digest[:8]})\n    passes 92% (",
        "140 trials of 20 tasks, 0 void",
        "passes all of 3 trials (pass^3): 88% (",
        "verdicts agree across the wordings of a task: ",
        f"words 2 ({words.digest[:8]}); the set itself was not checked",
        "2 trials of 2 tasks, 1 void",
    ):
        assert said in text, said
    assert "no scorecard was run" not in text
    assert other.scorecards == []
    assert "Tests: no scorecard was run." in card_text(other)
    assert "SCORECARDS\n  None run yet." in card_text(other)


def test_sealed_tasks_show_exposure(tmp_path: Path) -> None:
    open_ = [(f"open-{n}", "", "pppp", False) for n in range(30)]
    sealed = [(f"sealed-{n}", "", "ffff", True) for n in range(30)]
    kinds = {cell[0]: 0 for cell in (*open_, *sealed)}
    with trees(tmp_path, NAMES[:1]) as ledger:
        run(ledger, "sums", "1", [*open_, *sealed], kinds=kinds)
        card = card_of(ledger)
    (line,) = card.scorecards
    assert (line.tasks, line.sealed, line.trials) == (30, 30, 240)
    assert line.rate is not None
    assert line.gap is not None
    assert (line.rate.value, line.gap.sealed.value, line.gap.difference.value) == (1, 0, 1)
    assert line.gap.difference.lower > 0.5
    assert "exposed: it does 100 points better" in card_text(card)
    assert "of 30 tasks and 30 sealed ones" in card_text(card)


def test_sealed_tasks_of_another_mix_of_kinds_show_none(tmp_path: Path) -> None:
    """Easy and hard tasks, mixed differently on the two sides; without their kinds nothing is said."""
    cells = [
        (f"{kind}-{n}-{sealed}", "", "pp" if kind == "easy" else "ff", sealed)
        for kind, sealed, count in (
            ("easy", False, 30),
            ("hard", False, 10),
            ("easy", True, 10),
            ("hard", True, 30),
        )
        for n in range(count)
    ]
    with trees(tmp_path, NAMES[:1]) as ledger:
        run(ledger, "sums", "1", cells)
        assert [line.gap for line in card_of(ledger).scorecards] == [None]
        run(ledger, "sums", "2", cells, kinds={cell[0]: int(cell[0].startswith("easy")) for cell in cells})
        card = card_of(ledger)
    (line,) = card.scorecards
    assert (line.tasks, line.sealed, line.version) == (40, 40, "2")
    assert line.gap is not None
    assert (line.gap.open.value, line.gap.sealed.value, line.gap.difference.value) == (0.25, 0.25, 0)
    assert line.gap.difference.lower < 0
    assert "open and sealed tasks go alike" in card_text(card)


def test_one_void_trial_takes_no_number_from_the_other_tasks(tmp_path: Path) -> None:
    cells = [(f"t{n}", "", "pppp" if n else "pppv", False) for n in range(10)]
    with trees(tmp_path, NAMES[:1]) as ledger:
        run(ledger, "sums", "1", cells)
        run(ledger, "words", "1", [(f"t{n}", "", "pppp" if n > 5 else "pp", False) for n in range(10)])
        card = card_of(ledger)
    assert [(line.k, line.k_tasks, line.tasks) for line in card.scorecards] == [(4, 9, 10), (2, 10, 10)]
    assert "passes all of 4 trials (pass^4): 100% (66% to 100%); over 9 tasks" in card_text(card)


async def test_card_and_scorecard_say_the_same_gap(tmp_path: Path) -> None:
    tasks = tuple(
        sum_task(n, kind="thrice" if n % 3 == 0 else "", sealed=n % 2 == 0, commitment="c" * 64)
        for n in range(1, 25)
    )
    made = TaskSet("sums", tasks, title="Sums", digest=hashlib.sha256(b"kinds").hexdigest())
    async with toys(tmp_path / "field", {"sums": made}) as now:
        sealed = tuple(SealedTask(id=task.id, commitment="c" * 64) for task in tasks if task.sealed)
        now.ledger.write(lambda t: t.append(TasksSealed(task_set="sums", tasks=sealed), actor="system"))
        begun = await now.runs.start(Wanted("sums", ["seeded:0.6"], trials=2, unchecked=True, seed=1))
        assert (await now.runs.wait(begun.id)).reason == "complete"
        (score,) = Cards(now.ledger, now.runs.catalogue).card("sums", []).line.scores
        with now.ledger.read() as snapshot:
            (line,) = contender_record(snapshot, score.digest, 0.95)
            (seen,) = [e.record.body for e in snapshot.entries(types=[TaskSetSeen])]
    assert score.gap is not None
    assert line.measured.gap == score.gap
    assert isinstance(seen, TaskSetSeen)
    assert set(seen.kinds.values()) == {0, 1}, (
        "kinds have numbers, and no names that would tell of sealed tasks"
    )


def test_the_newest_version_that_it_was_judged_on(tmp_path: Path) -> None:
    """A newer version with voids alone hides nothing, and that there is one is said."""
    with trees(tmp_path, NAMES[:2]) as ledger:
        run(ledger, "sums", "1", [("a", "", "vv", False)])
        voids = card_of(ledger)
        assert [(line.trials, line.void, line.rate) for line in voids.scorecards] == [(0, 2, None)]
        assert [(u.kind, u.n) for u in voids.unknown if u.kind == "tests"] == [("tests", 2)]
        assert "Tests: 2 trials on scorecards, all void" in card_text(voids)
        run(ledger, "sums", "2", [("a", "", "pp", False)])
        run(ledger, "sums", "3", [("a", "", "v", False)])
        run(ledger, "sums", "4", [("a", "", "p", False)], who="birch")
        (line,) = card_of(ledger).scorecards
        assert (line.version, line.newer, line.trials) == ("2", "4", 2)
        assert "; version 4 ran since, without it" in card_text(card_of(ledger))
        run(ledger, "sums", "4", [("a", "", "f", False)])
        assert [(x.version, x.newer) for x in card_of(ledger).scorecards] == [("4", None)]


def test_the_bytes_follow_from_the_head(tmp_path: Path) -> None:
    """Runs that could stop early have an interval of their own, which needs their order of tasks."""
    seen: dict[str, str] = {}
    with trees(tmp_path, NAMES[:1]) as ledger:
        for step in range(3):
            cells = [(f"t{n}", "", "pf"[n % 2] + "p", False) for n in range(12)]
            run(ledger, "sums", str(step // 2), cells, until=0.2 if step == 2 else None)
            with ledger.read() as snapshot:
                seen[str(snapshot.head())] = card_json(build_card(snapshot, "alder"))
        for head, card in seen.items():
            with ledger.at(head) as snapshot:
                assert card_json(build_card(snapshot, "alder")) == card
    first, second = (Card.model_validate_json(seen[head]).scorecards[0].rate for head in list(seen)[::2])
    assert first is not None
    assert second is not None
    assert second.upper - second.lower > first.upper - first.lower


async def test_an_agent_has_a_card_that_agrees_with_the_scorecard(tmp_path: Path) -> None:
    folder = tmp_path / "field"
    table = '[[contenders]]\nname = "worker"\nkind = "agent"\ncommand = ["echo", "2"]\n'
    async with toys(folder, {"sums": toy_set(4)}, table) as now:
        begun = await now.runs.start(Wanted("sums", ["worker"], trials=2, unchecked=True, seed=1))
        assert (await now.runs.wait(begun.id)).reason == "complete"
        (score,) = Cards(now.ledger, now.runs.catalogue).card("sums", []).line.scores
        card = card_of(now.ledger, "worker")
    (line,) = card.scorecards
    assert (card.kind, card.parts["kind"], line.trials, line.passed) == ("agent", "agent", 8, 2)
    for mine, theirs in ((line.rate, score.rate), (line.all_of_k, score.curve[-1].all)):
        assert mine is not None
        assert theirs is not None
        assert (mine.value, mine.lower, mine.upper) == pytest.approx(
            (theirs.value, theirs.low, theirs.high), abs=1e-6
        )
    assert (line.k, line.checked) == (2, False)
    assert "agent · identity " in card_text(card)
    with Served(folder) as served:
        browser = await Browser(served.url).begin()
        live = (await browser.get("/api/v1/cards/worker")).json
    assert live["scorecards"][0]["digest"] == line.digest
