"""Drift end to end: an endpoint whose model is swapped under its name raises the alarm, and only then."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fieldmark.errors import Conflict, LedgerUnavailable, NotFound
from fieldmark.fields import Roster, load_field, open_ledger
from fieldmark.gateway import Drift, alarms, drift_spent
from fieldmark.ledger import Ledger
from fieldmark.ledger.evidence import CanaryAsked, DriftFound
from tests import upstream as faults
from tests.house import Browser, Served, endpoint, write_field
from tests.upstream import Turn, Upstream

RULES = '[drift]\nprompts = ["Where?", "When?", "Who?", "Why?"]\nsamples = 2\nbaseline = 5\nalpha = 0.01\n'
HERE = ["here it is, on the table", "on the table", "look on the table, please", "it is on the table"]
THERE = [
    "somewhere beyond those mountains",
    "beyond any mountain",
    "far beyond",
    "mountains hide it far away",
]


class Model:
    """What stands behind the endpoint, which can be swapped."""

    def __init__(self) -> None:
        self.says = HERE
        self.broken = False
        self.draw = random.Random(5)

    async def answer(self, turn: Turn) -> object:
        if self.broken:
            return await faults._refuse(turn)
        return await turn.end(await turn.words(self.draw.choice(self.says)))


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    made = Model()
    monkeypatch.setitem(faults._BEHAVIOURS, "model", made.answer)
    return made


class Bench:
    """A field with one contender, without a server."""

    def __init__(self, folder: Path, upstream: Upstream, more: str = "", rules: str = RULES) -> None:
        self.folder = write_field(folder, endpoint("alder", upstream.url, "model", more), rules)
        self.ledger: Ledger
        self.drift: Drift

    async def __aenter__(self) -> Bench:
        field = load_field(self.folder)
        self.ledger = open_ledger(field)
        self.roster = Roster(self.ledger)
        await self.roster.sync(field)
        self.drift = Drift(self.ledger, self.roster, field)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.drift.close()
        await self.roster.close()
        self.ledger.verify()
        self.ledger.close()

    @property
    def digest(self) -> str:
        return self.roster.members[0].digest

    async def runs(self, count: int) -> None:
        for _ in range(count):
            await self.drift.run(self.roster.members[0])

    def found(self) -> list[str]:
        with self.ledger.read() as snapshot:
            bodies = [e.record.body for e in snapshot.entries(types=[CanaryAsked, DriftFound])]
        return [b.state if isinstance(b, DriftFound) else b.type for b in bodies]  # type: ignore[union-attr]


async def test_a_swapped_model_raises_the_alarm_once(
    tmp_path: Path, upstream: Upstream, model: Model
) -> None:
    async with Bench(tmp_path, upstream) as bench:
        assert bench.drift.view(bench.digest).state == "off"
        await bench.runs(5)
        learning = bench.drift.view(bench.digest)
        assert (learning.state, learning.runs, learning.p) == ("learning", 5, None)
        await bench.runs(4)
        steady = bench.drift.view(bench.digest)
        assert (steady.state, steady.runs) == ("steady", 9)
        assert steady.p is not None
        assert steady.p > 0.01
        with bench.ledger.read() as snapshot:
            assert alarms(snapshot) == {}
        model.says = THERE
        await bench.runs(4)
        view = bench.drift.view(bench.digest)
        assert view.state == "alarm"
        assert "no longer answers as it did" in view.message
        with bench.ledger.read() as snapshot:
            alarm = alarms(snapshot)[bench.digest]
        assert 0 < alarm.p <= alarm.alpha == 0.01
        assert (alarm.baseline, alarm.since, alarm.p) == (5, view.since, view.p)
        assert bench.found().count("alarm") == 1, "an alarm that stands is not raised again"


async def test_acknowledging_begins_a_new_baseline(tmp_path: Path, upstream: Upstream, model: Model) -> None:
    async with Bench(tmp_path, upstream) as bench:
        with pytest.raises(Conflict, match="no alarm"):
            await bench.drift.acknowledge(bench.digest, actor="p_admin")
        await bench.runs(5)
        model.says = THERE
        await bench.runs(4)
        await bench.drift.acknowledge(bench.digest, actor="p_admin")
        view = bench.drift.view(bench.digest)
        assert (view.state, view.runs) == ("learning", 0)
        await bench.runs(8)
        assert bench.drift.view(bench.digest).state == "steady", "what it says now is what is usual"
        model.says = HERE
        await bench.runs(4)
        assert bench.drift.view(bench.digest).state == "alarm"
        assert [each for each in bench.found() if each != "canary"] == ["alarm", "acknowledged", "alarm"]


async def test_a_restart_forgets_nothing(tmp_path: Path, upstream: Upstream, model: Model) -> None:
    async with Bench(tmp_path, upstream) as bench:
        await bench.runs(7)
        before = bench.drift.view(bench.digest)
    async with Bench(tmp_path, upstream) as bench:
        assert bench.drift.view(bench.digest) == before, "the same records give the same p"
        model.says = THERE
        await bench.runs(4)
    async with Bench(tmp_path, upstream) as bench:
        assert bench.drift.view(bench.digest).state == "alarm"


async def test_halves_of_characters_are_written_down(
    tmp_path: Path, upstream: Upstream, model: Model
) -> None:
    model.says = ["hi \ud83d", "\ude00 lone"]
    async with Bench(tmp_path, upstream) as bench:
        await bench.runs(1)
        assert bench.found() == ["canary"]


async def test_unreachable_is_not_drift(tmp_path: Path, upstream: Upstream, model: Model) -> None:
    async with Bench(tmp_path, upstream) as bench:
        await bench.runs(6)
        model.broken = True
        before = len(upstream.seen)
        await bench.runs(3)
        assert len(upstream.seen) - before < 3 * 8, "a contender that is down is left alone"
        view = bench.drift.view(bench.digest)
        assert (view.state, view.runs, view.last_failed) == ("steady", 6, 8)
        assert "does not count" in view.message
        model.broken = False
        await bench.runs(1)
        assert bench.drift.view(bench.digest).runs == 7


async def test_the_spend_cap_holds(tmp_path: Path, upstream: Upstream, model: Model) -> None:
    capped = "price = { input = 1000.0, output = 0.0 }\nspend_cap = 0.03"
    async with Bench(tmp_path, upstream, capped) as bench:
        await bench.runs(2)  # 7 tokens in each question
        with bench.ledger.read() as snapshot:
            spent = drift_spent(snapshot)[bench.digest]
        assert spent == pytest.approx(bench.roster.members[0].spent)
        assert 0.03 <= spent <= 0.042


async def test_another_set_or_contender_begins_anew(tmp_path: Path, upstream: Upstream, model: Model) -> None:
    async with Bench(tmp_path, upstream) as bench:
        await bench.runs(6)
        first = bench.digest
    async with Bench(tmp_path, upstream, rules=RULES.replace("Why?", "Which?")) as bench:
        assert bench.digest == first
        assert (bench.drift.view(first).state, bench.drift.view(first).runs) == ("learning", 0)
    async with Bench(tmp_path, upstream, 'system = "You are terse."') as bench:
        assert bench.digest != first
        assert bench.drift.view(bench.digest).runs == 0
        with pytest.raises(NotFound):
            bench.drift.view(first)


async def test_when_it_is_due(tmp_path: Path, upstream: Upstream, model: Model) -> None:
    async with Bench(tmp_path, upstream) as bench:
        assert bench.drift.due() == [], "no schedule is set"
    hourly = RULES + "every_hours = 1\n"
    async with Bench(tmp_path, upstream, rules=hourly) as bench:
        assert bench.drift.due() == [bench.digest]
        await bench.runs(1)
        assert bench.drift.due() == []
        assert bench.drift.view(bench.digest).next_run is not None
    async with Bench(tmp_path, upstream, rules=hourly) as bench:
        assert bench.drift.due() == [], "also after a restart"


async def test_a_run_that_cannot_be_written_is_not_asked_again_at_once(
    tmp_path: Path, upstream: Upstream, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Bench(tmp_path, upstream, rules=RULES + "every_hours = 1\n") as bench:
        write, writes = bench.ledger.awrite, 0

        async def full_after_the_lease(work: Any) -> Any:
            nonlocal writes
            writes += 1
            if writes == 1:
                return await write(work)
            raise LedgerUnavailable("the disk is full")

        monkeypatch.setattr(bench.ledger, "awrite", full_after_the_lease)
        await asyncio.wait([bench.drift._begin(bench.digest, scheduled=True)])
        assert writes == 3, "neither the run nor the end of its lease could be written"
        assert bench.drift.due() == []
        monkeypatch.setattr(bench.ledger, "awrite", write)
        asked = len(upstream.seen)
        await asyncio.wait([bench.drift._begin(bench.digest, scheduled=True)])
        assert (len(upstream.seen), bench.found()) == (asked, [])
        bench.drift.begin(bench.digest)
        await bench.drift.wait()
        assert bench.found() == ["canary"], "the lease that was left is taken again"


async def test_only_one_of_several_asks(tmp_path: Path, upstream: Upstream, model: Model) -> None:
    async with Bench(tmp_path, upstream, rules=RULES + "every_hours = 1\n") as bench:
        other = Drift(bench.ledger, bench.roster, bench.drift.field)
        bench.drift._begin(bench.digest, scheduled=True)
        other._begin(bench.digest, scheduled=True)
        await bench.drift.wait()
        await other.wait()
        bench.drift._begin(bench.digest, scheduled=True)
        await bench.drift.wait()
        assert bench.found() == ["canary"]


@pytest.fixture
def served(tmp_path: Path, upstream: Upstream, model: Model) -> Iterator[Served]:
    with Served(write_field(tmp_path, endpoint("alder", upstream.url, "model"), RULES)) as house:
        yield house


async def test_the_api(served: Served, model: Model) -> None:
    browser = await Browser(served.url).begin()
    (view,) = (await browser.get("/api/v1/drift")).json
    digest = view["digest"]
    assert (view["contender"], view["state"]) == ("alder", "off")

    async def run() -> None:
        assert (await browser.post(f"/api/v1/drift/{digest}/run")).status == 202
        served.run(served.house.drift.wait())

    for _ in range(6):
        await run()
    (view,) = (await browser.get("/api/v1/drift")).json
    assert (view["state"], view["runs"], view["running"]) == ("steady", 6, False)
    early = await browser.post(f"/api/v1/drift/{digest}/acknowledge")
    assert (early.status, early.json["error"]["code"]) == (409, "no_alarm")
    model.says = THERE
    for _ in range(4):
        await run()
    (view,) = (await browser.get("/api/v1/drift")).json
    assert view["state"] == "alarm"
    after = await browser.post(f"/api/v1/drift/{digest}/acknowledge")
    assert (after.status, after.json["state"]) == (200, "learning")
    assert (await browser.post("/api/v1/drift/nobody/run")).status == 404
    stranger = Browser(served.url)
    assert (await stranger.post(f"/api/v1/drift/{digest}/run")).status == 403
