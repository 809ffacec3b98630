"""Runs: what is planned is played once, written whole, and counted once."""

from __future__ import annotations

from pathlib import Path

from fieldmark.ledger.evidence import RunEnded, RunStarted, TaskSetSeen, TrialEnded, VerdictGiven
from fieldmark.scorecards import Cards, Filter, Wanted
from tests.scorecards.toys import toy_set, toys


async def test_a_run_from_its_start_to_its_numbers(tmp_path: Path) -> None:
    sums = toy_set(8, wordings=True)
    async with toys(tmp_path / "field", {"sums": sums}) as now:
        begun = await now.runs.start(Wanted("sums", ["oracle", "nop"], trials=3, unchecked=True, seed=1))
        assert (begun.state, begun.planned) == ("running", 2 * 8 * 2 * 3)
        stop = await now.runs.wait(begun.id)
        assert stop.reason == "complete"
        view = now.runs.view(begun.id)
        assert (view.state, view.ended, view.done, view.void) == ("ended", "complete", 96, 0)
        with now.ledger.read() as snapshot:
            kinds = [type(e.record.body) for e in snapshot.entries() if "run" in e.record.refs]
            assert kinds.count(TrialEnded) == kinds.count(VerdictGiven) == 96
            assert kinds[-1] is RunEnded
            assert [type(e.record.body) for e in snapshot.entries(types=[TaskSetSeen, RunStarted])] == [
                TaskSetSeen,
                RunStarted,
            ]
        now.ledger.verify()
        cards = Cards(now.ledger, now.runs.catalogue)
        card = cards.card("sums", now.runs.views("sums"))
        oracle, nop = card.line.scores
        assert (oracle.name, oracle.kind, oracle.share.passed, oracle.tasks) == ("oracle", "seeded", 48, 8)
        assert oracle.rate is not None
        assert (oracle.rate.value, oracle.rate.high) == (1, 1)
        assert len(oracle.curve) == 3
        assert oracle.consistency is not None
        assert oracle.consistency.value == 1
        assert nop.rate is not None
        assert nop.rate.value == 0
        page = cards.trials("sums", Filter(), "failing", None, 60)
        assert (page.total, page.more, page.trials[0].result) == (96, True, "fail")
        rest = cards.trials("sums", Filter(), "failing", page.trials[-1].id, 60)
        assert len({each.id for each in (*page.trials, *rest.trials)}) == 96
        one = cards.trial(page.trials[0].id)
        assert one.before is None
        assert one.after == page.trials[1].id
        assert "add" in one.instruction.lower() or "+" in one.instruction
        compared = cards.compare("sums", "oracle", "nop")
        assert compared.said.startswith("oracle is better than nop")
        assert (compared.a_only, compared.b_only, compared.p) == (48, 0, 2 / 2**8)
