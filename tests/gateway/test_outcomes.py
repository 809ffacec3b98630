"""What became of cases: who may say it, what a second word does, and the table of rates."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fieldmark.gateway import outcome_table
from fieldmark.gateway.views import OutcomeRow
from fieldmark.ledger.evidence import CaseOpened, Erasure, OutcomeReported
from fieldmark.statistics import clopper_pearson
from tests.gateway.desk import Desk, desk, field, text_of
from tests.house import Browser, Served, until
from tests.upstream import Upstream


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Served]:
    behaviours = {"alder": "echo", "birch": "echo", "refuser": "refuse:500", "gated": "gated"}
    gateway = 'fallback = ["birch"]'
    with Served(field(tmp_path_factory.mktemp("outcomes"), upstream, gateway, **behaviours)) as served:
        yield served


@pytest.fixture
def app(house: Served) -> Desk:
    return desk(house)


def reported(served: Served) -> list[OutcomeReported]:
    return served.records(OutcomeReported)


async def test_the_same_again_changes_nothing(app: Desk) -> None:
    case = await app.case()
    first = await app.report(case, "solved", number=3.5, note="Call me: 0660 123 45 67")
    before = len(reported(app.served))
    again = await app.report(case, "solved", number=3.5, note="Call me: 0660 123 45 67")
    assert first.status == again.status == 200
    assert first.json == again.json
    assert first.json["note"] == "Call me: [phone]"
    assert first.json["by"] == "application"
    assert len(reported(app.served)) == before


async def test_a_newer_outcome_replaces_and_both_are_kept(app: Desk) -> None:
    case = await app.case()
    first = (await app.report(case, "accepted")).json
    second = (await app.report(case, "edited", edit="You said: one four three")).json
    assert second["changed"] == pytest.approx(0.2)
    with app.served.house.ledger.read() as snapshot:
        assert dict(snapshot.entry(second["id"]).record.refs) == {"case": case, "replaces": first["id"]}
    browser = await Browser(app.served.url).begin()
    seen = (await browser.get(f"/api/v1/cases/{case}")).json
    assert [o["result"] for o in seen["outcomes"]] == ["accepted", "edited"]
    assert (seen["state"], seen["result"]) == ("reported", "edited")
    assert seen["outcomes"][1]["edit"] == "You said: one four three"
    assert seen["messages"] == [{"role": "user", "content": "one two three", "tool_calls": []}]
    assert seen["answer"] == "You said: one two three"
    assert seen["contender_name"] is None


async def test_somebody_elses_case_is_not_there(house: Served, app: Desk) -> None:
    case = await app.case()
    stranger = desk(house, "stranger")
    for reply in (
        await stranger.report(case),
        await stranger.report("018f0000-0000-7000-8000-000000000000"),
        await stranger.send("DELETE", f"/api/v1/cases/{case}"),
    ):
        assert reply.status == 404
        assert reply.json["error"]["message"] == "no case of yours has that id"
    asker = desk(house, "asker", ("ask",))
    assert (await asker.report(await asker.case())).status == 403
    assert (await Browser(house.url).post(f"/api/v1/cases/{case}/outcome", {"result": "solved"})).status in (
        401,
        403,
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"result": "wonderful"}, 422),
        ({"result": "edited"}, 400),
        ({"result": "solved", "edit": "why"}, 400),
        ({"result": "solved", "number": "nan"}, 422),
        ({"result": "solved", "note": "x" * 4001}, 422),
        ({"result": "solved", "person": "me"}, 422),
        ({"result": "edited", "edit": "half \ud83d"}, 422),
    ],
)
async def test_what_is_no_outcome(app: Desk, body: dict[str, Any], status: int) -> None:
    reply = await app.send("POST", f"/api/v1/cases/{await app.case()}/outcome", body)
    assert reply.status == status, reply.text


async def test_a_revoked_key_reports_nothing(app: Desk) -> None:
    case = await app.case()
    browser = await Browser(app.served.url).begin()
    await browser.delete(f"/api/v1/keys/{app.application.id}")
    assert (await app.report(case)).status == 401


async def test_a_person_marks_cases_of_the_inbox(app: Desk) -> None:
    cases = [await app.case(f"Question {n}", headers={"x-fieldmark-category": "notes"}) for n in range(3)]
    browser = await Browser(app.served.url).begin()
    page = (await browser.get("/api/v1/cases?category=notes&limit=2")).json
    assert [line["id"] for line in page["cases"]] == cases[:0:-1]
    assert page["more"]
    assert page["cases"][0]["preview"] == "Question 2"
    assert page["cases"][0]["application"] == "desk"
    older = (await browser.get(f"/api/v1/cases?category=notes&before={cases[1]}")).json
    assert [line["id"] for line in older["cases"]] == cases[:1]
    said = await browser.post(f"/api/v1/cases/{cases[2]}/outcome", {"result": "rejected"})
    assert (said.status, said.json["by"]) == (200, "person")
    waiting = (await browser.get("/api/v1/cases?category=notes")).json
    assert [line["id"] for line in waiting["cases"]] == cases[1::-1]
    marked = (await browser.get("/api/v1/cases?category=notes&state=reported")).json["cases"]
    assert [(line["id"], line["result"]) for line in marked] == [(cases[2], "rejected")]
    assert (await browser.get("/api/v1/cases?before=nothing")).status == 404
    assert (await browser.get("/api/v1/cases?limit=201")).status == 422
    assert (await Browser(app.served.url).get("/api/v1/cases")).status == 401
    assert "alder" not in (await browser.get("/api/v1/cases?state=all")).text


async def test_consent_withdrawn(app: Desk) -> None:
    case = await app.case("My secret is 31415")
    await app.report(case, "edited", edit="a needle in the edit")
    before = (await _rows(app.served))["alder"]
    assert (await app.send("DELETE", f"/api/v1/cases/{case}")).status == 204
    assert (await app.send("DELETE", f"/api/v1/cases/{case}")).status == 204
    assert (await _rows(app.served))["alder"] == before, "what was counted stays"
    erased = app.served.records(Erasure)[-1]
    assert (erased.what, erased.subject, erased.reason) == ("case", case, "consent")
    assert len(erased.texts) == 3
    browser = await Browser(app.served.url).begin()
    seen = (await browser.get(f"/api/v1/cases/{case}")).json
    assert (seen["state"], seen["messages"], seen["answer"], seen["preview"]) == ("erased", [], None, "")
    assert (await app.report(case, "harm")).status == 404
    app.served.house.ledger.verify()


async def test_a_case_erased_while_it_is_answered(app: Desk, upstream: Upstream) -> None:
    asking = asyncio.create_task(app.ask("secret", model="gated", stream=True))
    browser = await Browser(app.served.url).begin()
    before = len(app.served.records(CaseOpened))
    await until(lambda: len(app.served.records(CaseOpened)) > before)
    case = (await browser.get("/api/v1/cases?state=all&limit=1")).json["cases"][0]["id"]
    assert (await app.send("DELETE", f"/api/v1/cases/{case}")).status == 204
    upstream.release()
    assert "I" in (await asking).text
    await app.settle()
    seen = (await browser.get(f"/api/v1/cases/{case}")).json
    assert (seen["state"], seen["answer"]) == ("erased", None)


async def _rows(served: Served) -> dict[str, OutcomeRow]:
    with served.house.ledger.read() as snapshot:
        return {row.name: row for row in outcome_table(snapshot).rows}


async def test_the_table(tmp_path: Path, upstream: Upstream) -> None:
    behaviours = {"alder": "echo", "birch": "echo", "refuser": "refuse:500"}
    with Served(field(tmp_path, upstream, **behaviours)) as served:
        app, silent = desk(served), desk(served, "silent")
        letters = {"x-fieldmark-category": "letters"}
        cases = [await app.case(headers=letters) for _ in range(6)]
        for case, result in zip(cases, ("solved", "accepted", "rejected", "harm", "edited"), strict=False):
            edit = {"edit": "You said: one"} if result == "edited" else {}
            assert (await app.report(case, result, **edit)).status == 200
        for _ in range(2):
            await silent.case()
        await app.ask(model="refuser")
        await app.report(await app.case(model="birch"), "solved")
        await app.settle()
        browser = await Browser(served.url).begin()
        table = (await browser.get("/api/v1/outcomes")).json
        alder, birch, refuser = sorted(table["rows"], key=lambda row: row["name"])
        assert (alder["cases"], alder["reported"], alder["not_reported"]) == (8, 5, 3)
        assert alder["results"] == {"solved": 1, "accepted": 1, "edited": 1, "rejected": 1, "harm": 1}
        exact = clopper_pearson(2, 5, 0.95)
        solved = alder["solved"]
        assert (solved["n"], solved["of"], solved["value"]) == (2, 5, 0.4)
        assert (solved["lower"], solved["upper"]) == pytest.approx((exact.lower, exact.upper))
        assert (alder["solved_at_least"], alder["solved_at_most"]) == (2 / 8, 5 / 8)
        assert alder["changed"] == 0.4
        assert (birch["solved"]["of"], birch["edited"]["n"]) == (1, 0)
        assert (refuser["failures"], refuser["answered"], refuser["solved"]) == ({"refused": 1}, 0, None)
        assert (table["cases"], table["reported"], table["not_reported"]) == (10, 6, 3)
        one = (await browser.get("/api/v1/outcomes?category=letters")).json
        assert [row["cases"] for row in one["rows"]] == [6]
        keys = {
            key["name"]: (key["cases"], key["reported"]) for key in (await browser.get("/api/v1/keys")).json
        }
        assert keys == {"desk": (8, 6), "silent": (2, 0)}
        served.house.ledger.verify()


async def test_an_outcome_that_comes_before_the_answer_ends(app: Desk, upstream: Upstream) -> None:
    """The application knows the case from the response's header."""
    before = await _rows(app.served)
    reply = await app.ask(model="gated", stream=True)
    assert reply.status == 200
    case = reply.headers["x-fieldmark-case"]
    assert (await app.report(case, "edited", edit="Well, here you are.")).json["changed"] == pytest.approx(
        0.5
    )
    after = await _rows(app.served)
    assert after["gated"].reported == (before["gated"].reported if "gated" in before else 0) + 1


async def test_a_replay_of_the_records_gives_the_same_tables(app: Desk) -> None:
    case = await app.case()
    for result in ("solved", "harm", "solved"):
        await app.report(case, result)
    ledger = app.served.house.ledger
    with ledger.read() as snapshot:
        now, head = outcome_table(snapshot).model_dump(), snapshot.head()
    await app.case()
    with ledger.at(head) as then:
        assert outcome_table(then).model_dump() == now
    ledger.verify()


async def test_no_secret_of_a_key_is_anywhere(app: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    await app.report(await app.case())
    await app.ask(headers={"Authorization": "Bearer fm_not-a-key-but-close"})
    with app.served.house.ledger.read() as snapshot:
        records = b"".join(entry.raw for entry in snapshot.entries())
    assert app.secret.encode() not in records
    assert b"desk" not in records.replace(b"desk.test", b""), "an application's name is no evidence either"
    state = app.served.folder / ".fieldmark"
    assert not any(app.secret.encode() in path.read_bytes() for path in state.iterdir() if path.is_file())
    said = capfd.readouterr()
    assert app.secret not in said.out + said.err
    assert json.loads(text_of(app.served, "request", "case") or "")["messages"]
