"""Cases: what is recorded of a call with a key, when, and what is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from fieldmark.arena._shadow_view import _message as shadow_message
from fieldmark.errors import LedgerUnavailable
from fieldmark.gateway._inbox import _message
from fieldmark.ledger import every_projection
from fieldmark.ledger.evidence import CaseAnswered, CaseOpened
from tests.gateway.desk import Desk, desk, field, text_of
from tests.house import Browser, Served, until
from tests.upstream import Upstream


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Served]:
    behaviours = {
        "alder": "echo",
        "tools": "tools",
        "cut": "cut-off",
        "refuser": "refuse:500",
        "slow": "slow:5",
        "halves": "halves",
    }
    with Served(field(tmp_path_factory.mktemp("desk"), upstream, **behaviours)) as served:
        yield served


@pytest.fixture
def app(house: Served) -> Desk:
    return desk(house)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_becomes_a_case(app: Desk, stream: bool) -> None:
    headers = {"x-fieldmark-category": "letters", "x-fieldmark-person": "customer 7"}
    reply = await app.ask("Write to a@b.example please", headers=headers, stream=stream)
    assert reply.status == 200
    await app.settle()
    opened, answered = app.served.records(CaseOpened)[-1], app.served.records(CaseAnswered)[-1]
    assert opened.application == app.application.id
    assert (opened.category, opened.route, opened.propensity, opened.basis) == (
        "letters",
        "champion",
        1.0,
        "always",
    )
    assert opened.person is not None
    assert opened.person.startswith("p_")
    assert (opened.stream, opened.redactions) == (stream, {"email": 1})
    assert (answered.role, answered.finish, answered.failure) == ("served", "stop", None)
    assert (answered.prompt_tokens, answered.answer_tokens, answered.estimated) == (7, 6, False)
    assert answered.ms_to_first is not None
    assert reply.headers["x-fieldmark-contender"] == "alder"
    request = json.loads(text_of(app.served, "request", "case") or "")
    assert request["messages"] == [{"role": "user", "content": "Write to [email] please"}]
    assert text_of(app.served, "answer", "reply") == "You said: Write to [email] please"
    with app.served.house.ledger.read() as snapshot:
        assert snapshot.entry(reply.headers["x-fieldmark-case"]).record.actor == app.application.id


async def test_one_person_is_one_pseudonym_in_one_application(house: Served, app: Desk) -> None:
    other = desk(house, "other")
    for who in (app, app, other):
        await who.case(headers={"x-fieldmark-person": "x" * 256})
    first, again, elsewhere = (c.person for c in house.records(CaseOpened)[-3:])
    assert first == again != elsewhere


async def test_tool_calls_are_kept_and_pass_through(app: Desk) -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    reply = await app.ask("Rain?", model="tools", tools=[tool])
    call = reply.json["choices"][0]["message"]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"city": "Graz"}
    await app.settle()
    assert app.served.records(CaseAnswered)[-1].finish == "tool_calls"
    assert json.loads(text_of(app.served, "calls", "reply") or "")[0]["function"]["name"] == "weather"
    assert json.loads(text_of(app.served, "request", "case") or "")["tools"] == [tool]


async def test_a_picture_is_kept_as_its_digest(app: Desk, upstream: Upstream) -> None:
    picture = "data:image/png;base64," + "iVBORw0KGgo" * 4000
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": picture}},
    ]
    body = {"model": "field", "messages": [{"role": "user", "content": content}]}
    assert (await app.send("POST", "/v1/chat/completions", body)).status == 200
    assert upstream.seen[-1].body["messages"][-1]["content"] == content
    request = text_of(app.served, "request", "case") or ""
    assert "iVBORw0KGgo" not in request
    kept = json.loads(request)["messages"][0]["content"]
    assert kept[0] == content[0]
    assert kept[1]["kept"]["media_type"] == "image/png"
    assert kept[1]["kept"]["characters"] == len(picture)


async def test_half_a_surrogate_pair_in_a_question(app: Desk) -> None:
    body = '{"model": "field", "messages": [{"role": "user", "content": "A\\ud83dB"}]}'
    headers = {"Authorization": f"Bearer {app.secret}"}
    reply = await Browser(app.served.url).send("POST", "/v1/chat/completions", headers, data=body)
    assert reply.status == 200
    assert "A\ufffdB" in (text_of(app.served, "request", "case") or "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"headers": {"x-fieldmark-person": "x" * 257}}, "x-fieldmark-person"),
        ({"headers": {"x-fieldmark-person": "a\u0085b"}}, "x-fieldmark-person"),
        ({"headers": {"x-fieldmark-category": "nothing' OR 1=1"}}, "names no category"),
        ({"n": 2}, "'n' must be 1"),
        ({"messages": []}, "at least one message"),
        ({"messages": [{"role": "user", "content": [7]}]}, "must be a text or a list of parts"),
    ],
)
async def test_a_wrong_request_is_no_case(app: Desk, change: dict[str, object], said: str) -> None:
    before = len(app.served.records(CaseOpened))
    reply = await app.ask(**change)  # type: ignore[arg-type]
    assert reply.status == 400
    assert said in reply.json["error"]["message"]
    await app.settle()
    assert len(app.served.records(CaseOpened)) == before


async def test_without_a_key_it_is_closed(house: Served, app: Desk) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer fm_wrong"},
        {"Authorization": "Basic eDp5"},
        {"Authorization": ""},
    ):
        for method, path in (
            ("POST", "/v1/chat/completions"),
            ("GET", "/v1/models"),
            ("GET", "/v1/models/alder"),
        ):
            reply = await Browser(house.url).send(
                method, path, headers, json={"model": "alder", "messages": []}
            )
            assert reply.status == 401, path
            assert reply.json["error"]["code"] == "invalid_api_key"
    limited = desk(house, "reporter", ("outcome",))
    assert (await limited.ask()).status == 403
    assert (await app.send("GET", "/v1/models")).json["data"][-1]["id"] == "field"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_is_recorded_and_its_case_is_told(app: Desk, stream: bool) -> None:
    reply = await app.ask(model="refuser", stream=stream)
    assert reply.status == 502
    assert reply.headers["x-fieldmark-case"]
    await app.settle()
    answered = app.served.records(CaseAnswered)[-1]
    assert (answered.finish, answered.failure, answered.cost) == ("failed", "refused", None)


async def test_what_breaks_off_keeps_what_came(app: Desk) -> None:
    reply = await app.ask(model="cut", stream=True)
    assert "before the end" in reply.text
    await app.settle()
    answered = app.served.records(CaseAnswered)[-1]
    assert (answered.finish, answered.failure) == ("failed", "cut_off")
    assert "This sentence will never be".startswith(text_of(app.served, "answer", "reply") or "?")


async def test_an_application_that_leaves(app: Desk) -> None:
    before = len(app.served.records(CaseAnswered))
    body = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": "?"}]}
    headers = {"Authorization": f"Bearer {app.secret}"}
    async with aiohttp.ClientSession() as session:
        response = await session.post(f"{app.served.url}/v1/chat/completions", json=body, headers=headers)
        assert response.headers["x-fieldmark-case"]
        await response.content.readline()
        response.close()
    await until(lambda: len(app.served.records(CaseAnswered)) > before)
    answered = app.served.records(CaseAnswered)[-1]
    assert (answered.finish, answered.failure) == ("stopped", None)
    assert 0 < answered.characters < len("I take my time to say anything at all.")


async def test_an_application_that_leaves_before_the_first_word(tmp_path: Path) -> None:
    with Upstream() as upstream, Served(field(tmp_path, upstream, mute="hang")) as served:
        app = desk(served)
        for stream in (False, True):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await app.ask(stream=stream)
            assert upstream.left.wait(5)
            upstream.left.clear()
        await until(lambda: len(served.records(CaseAnswered)) == 2)
        assert {a.finish for a in served.records(CaseAnswered)} == {"stopped"}
        assert served.records(CaseAnswered)[0].ms_to_first is None


@pytest.mark.parametrize(
    ("gateway", "headers", "recorded"),
    [
        ('record = "never"', {"x-fieldmark-consent": "yes"}, False),
        ('record = "consent"', {}, False),
        ('record = "consent"', {"x-fieldmark-consent": "no"}, False),
        ('record = "consent"', {"x-fieldmark-consent": " YES "}, True),
        ('record = "consent"\nconsent_header = "x-may-we"', {"x-may-we": "1"}, True),
        ('record = "sampled"\nshare = 0.0', {}, False),
        ('record = "sampled"\nshare = 1.0', {}, True),
    ],
)
async def test_what_is_recorded_is_what_the_policy_says(
    tmp_path: Path, upstream: Upstream, gateway: str, headers: dict[str, str], recorded: bool
) -> None:
    with Served(field(tmp_path, upstream, gateway)) as served:
        app = desk(served)
        reply = await app.ask(headers=headers)
        assert reply.status == 200
        assert ("x-fieldmark-case" in reply.headers) == recorded
        await app.settle()
        assert len(served.records(CaseOpened)) == recorded


@pytest.mark.parametrize(("record", "status"), [("always", 503), ("sampled", 200)])
async def test_a_ledger_that_refuses(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, record: str, status: int
) -> None:
    with Served(field(tmp_path, upstream, f'record = "{record}"')) as served:
        app = desk(served)
        assert (await app.ask()).status == 200
        await app.settle()

        async def full(_: object) -> object:
            raise LedgerUnavailable("the disk is full")

        monkeypatch.setattr(served.house.ledger, "awrite", full)
        for stream in (False, True):
            reply = await app.ask(stream=stream)
            assert reply.status == status
            assert "x-fieldmark-case" not in reply.headers
        assert served.house.gateway.busy().unrecorded == (2 if status == 200 else 0)
        assert len(served.records(CaseOpened)) == 1


async def test_a_case_that_a_crash_left_open_gets_its_reply(tmp_path: Path, upstream: Upstream) -> None:
    folder = field(tmp_path, upstream)
    with Served(folder) as served:
        app = desk(served)
        await app.case()
        served.house.gateway._recorder.keep = None  # type: ignore[method-assign, assignment]
        assert (await app.ask()).status == 200
    with Served(folder) as served:
        first, left = served.records(CaseAnswered)
        assert (first.finish, left.finish, left.failure) == ("stop", "failed", "interrupted")
        assert left.contender == served.records(CaseOpened)[-1].contender
        served.house.ledger.verify()
    with Served(folder) as served:
        assert len(served.records(CaseAnswered)) == 2


async def test_a_server_that_stops_keeps_what_was_said(tmp_path: Path, upstream: Upstream) -> None:
    folder = field(tmp_path, upstream, slow="slow:3")
    with Served(folder) as served:
        app = desk(served)
        asking = asyncio.create_task(app.ask(stream=True))
        await until(lambda: len(served.records(CaseOpened)) == 1)
        await asyncio.sleep(0.5)
    await asyncio.gather(asking, return_exceptions=True)
    with Served(folder) as served:
        (answered,) = served.records(CaseAnswered)
        assert answered.finish == "stopped"
        assert answered.characters > 0


async def test_revoking_a_key_ends_what_it_asked(house: Served, app: Desk) -> None:
    browser = await Browser(house.url).begin()
    asking = asyncio.create_task(app.ask(model="slow", stream=True))
    before = len(house.records(CaseOpened))
    await until(lambda: len(house.records(CaseOpened)) > before)
    assert (await browser.delete(f"/api/v1/keys/{app.application.id}")).json["revoked"]
    reply = await asking
    assert "was revoked" in reply.text
    assert "[DONE]" not in reply.text
    assert (await app.ask()).status == 401
    await app.settle()
    assert house.records(CaseAnswered)[-1].finish == "stopped"


def test_the_tables_are_what_the_records_say(house: Served) -> None:
    assert "gateway" in {p.name for p in every_projection()}
    assert "gateway" in house.house.ledger.verify().projections


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "x", "tool_calls": ["x"]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": 1, "function": "f"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": "f"}]},
        {"role": "assistant", "content": None, "tool_calls": {"id": "1"}},
        {"role": "user", "content": [{"type": "text", "text": 5}]},
        {"role": "user", "content": ["x"]},
        {"role": "user", "content": 5},
    ],
)
@pytest.mark.parametrize("model", ["field", "alder"])
async def test_a_message_of_another_form_is_refused(
    app: Desk, model: str, message: dict[str, object]
) -> None:
    before = len(app.served.records(CaseAnswered))
    body = {"model": model, "messages": [message]}
    reply = await app.send("POST", "/v1/chat/completions", body)
    assert reply.status == 400
    assert reply.json["error"]["type"] == "invalid_request_error"
    assert "messages[0]" in reply.json["error"]["message"]
    await app.settle()
    assert len(app.served.records(CaseAnswered)) == before
    person = await Browser(app.served.url).begin()
    assert (await person.get("/api/v1/cases?state=all")).status == 200


async def test_odd_messages_that_are_held_already_break_nothing() -> None:
    for message in (
        {"role": "user", "content": "x", "tool_calls": ["x", {"function": "f"}, 3]},
        {"role": "user", "content": [{"type": "text", "text": 5}, "x", None], "tool_calls": {"a": 1}},
        {"role": 5, "content": 7, "tool_calls": "x"},
    ):
        assert _message(message).role == str(message["role"])
        assert shadow_message(message).role == str(message["role"])


@pytest.mark.parametrize(
    "name",
    [
        "J\u00f6rg",
        "\u00c9mile",
        "\u5c71\u7530",
        "\u5c71\u7530\u3000\u592a\u90ce",
        "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
    ],
)
async def test_people_may_have_any_name(house: Served, app: Desk, name: str) -> None:
    await app.case(headers={"x-fieldmark-person": name})
    assert house.records(CaseOpened)[-1].person is not None


async def test_names_that_differ_in_their_last_letter_are_two_people(house: Served, app: Desk) -> None:
    """In Latin-1 the last bytes of these two read as spaces."""
    for name in ("Nicol\u00e0", "Nicol\u00c5"):
        await app.case(headers={"x-fieldmark-person": name})
    first, second = (c.person for c in house.records(CaseOpened)[-2:])
    assert first != second


async def test_halves_of_a_character_are_kept_as_they_were_delivered(app: Desk) -> None:
    reply = await app.ask(model="halves")
    await app.settle()
    assert reply.json["choices"][0]["message"]["content"] == "hi \U0001f600"
    assert text_of(app.served, "answer", "reply") == "hi \U0001f600"
