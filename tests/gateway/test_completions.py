"""`/v1` as applications use it: the official `openai` client, whole and streaming, and what does not pass through."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests import upstream as faults
from tests.house import Browser, Served, endpoint, write_field
from tests.upstream import Turn, Upstream

ASK: Any = [{"role": "user", "content": "one two three"}]
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
FAULTS = ("echo", "tools", "thinks", "refuse:500", "cut-off", "too-long", "garbage", "empty")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Served]:
    tables = [endpoint(kind.replace(":", "-"), upstream.url, kind) for kind in FAULTS]
    tables.append(
        endpoint("terse", upstream.url, "echo", 'system = "You are terse."\nsampler = { temperature = 0.5 }')
    )
    with Served(write_field(tmp_path_factory.mktemp("gateway"), "\n".join(tables))) as served:
        yield served


@pytest.fixture
def client(house: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{house.url}/v1", api_key="anything", max_retries=0) as client:
        yield client


@pytest.fixture
async def aclient(house: Served) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{house.url}/v1", api_key="anything", max_retries=0) as client:
        yield client


def test_models_are_the_contenders(client: openai.OpenAI) -> None:
    assert {m.id for m in client.models.list()} == {*(k.replace(":", "-") for k in FAULTS), "terse", "field"}
    assert client.models.retrieve("terse").owned_by == "fieldmark"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody")


def test_a_whole_reply(client: openai.OpenAI, upstream: Upstream) -> None:
    reply = client.chat.completions.create(model="terse", messages=ASK, temperature=1.5, max_tokens=100)
    assert reply.choices[0].message.content == "You said: one two three"
    assert (reply.choices[0].finish_reason, reply.model) == ("stop", "terse")
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 5
    sent = upstream.seen[-1].body
    assert sent["messages"][0] == {"role": "system", "content": "You are terse."}
    assert sent["temperature"] == 0.5, "the contender's own sampler is part of what it is"
    assert "secret" not in reply.model_dump_json()


async def test_a_stream(aclient: openai.AsyncOpenAI) -> None:
    stream = await aclient.chat.completions.create(model="echo", messages=ASK, stream=True)
    chunks = [chunk async for chunk in stream]
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "You said: one two three"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)
    assert {chunk.model for chunk in chunks} == {"echo"}
    counted = await aclient.chat.completions.create(
        model="echo", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    last = [chunk async for chunk in counted][-1]
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.prompt_tokens == 7


def test_tools_and_schemas_pass_through(client: openai.OpenAI, upstream: Upstream) -> None:
    reply = client.chat.completions.create(model="tools", messages=ASK, tools=[TOOL], tool_choice="auto")
    assert reply.choices[0].finish_reason == "tool_calls"
    call: Any = (reply.choices[0].message.tool_calls or [])[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Graz"})
    assert upstream.seen[-1].body["tools"] == [TOOL]
    schema: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    client.chat.completions.create(model="echo", messages=ASK, response_format=schema)
    assert upstream.seen[-1].body["response_format"] == schema
    pieces = list(client.chat.completions.create(model="tools", messages=ASK, tools=[TOOL], stream=True))
    parts = [call for p in pieces for call in p.choices[0].delta.tool_calls or []]
    assert "".join(p.function.arguments or "" for p in parts if p.function) == '{"city": "Graz"}'


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"model": "nobody"}, openai.NotFoundError, "no contender is called 'nobody'"),
        ({"model": ""}, openai.BadRequestError, "names no model"),
        ({"n": 2}, openai.BadRequestError, "'n' must be 1"),
        ({"logprobs": True}, openai.BadRequestError, "'logprobs' is not supported"),
        ({"messages": []}, openai.BadRequestError, "at least one message"),
        ({"model": "refuse-500"}, openai.InternalServerError, "answered with an error"),
        ({"model": "too-long"}, openai.BadRequestError, "longer than the context"),
        ({"model": "garbage"}, openai.InternalServerError, "neither a stream of events nor JSON"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_what_the_client_knows(
    client: openai.OpenAI, change: dict[str, Any], error: type[openai.APIStatusError], said: str, stream: bool
) -> None:
    asked: Any = {"model": "echo", "messages": ASK, "stream": stream, **change}
    with pytest.raises(error) as raised:
        client.chat.completions.create(**asked)
    assert said in raised.value.message
    assert isinstance(raised.value.body, dict)
    assert set(raised.value.body) == {"message", "type", "param", "code"}


def test_a_stream_that_breaks_says_so(client: openai.OpenAI) -> None:
    chunks = client.chat.completions.create(model="cut-off", messages=ASK, stream=True)
    assert next(chunks).choices[0].delta.content
    with pytest.raises(openai.APIError, match="before the end"):
        list(chunks)


async def test_leaving_a_stream_stops_the_contender(tmp_path: Path) -> None:
    with (
        Upstream() as upstream,
        Served(write_field(tmp_path, endpoint("slow", upstream.url, "slow:9"))) as served,
    ):
        async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="x") as client:
            stream = await client.chat.completions.create(model="slow", messages=ASK, stream=True)
            await anext(aiter(stream))
            await stream.close()
        assert upstream.left.wait(5)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 100_000, b'{"messages": 7, "model": "echo"}'])
async def test_what_is_no_request(house: Served, body: bytes) -> None:
    reply = await Browser(house.url).send("POST", "/v1/chat/completions", data=body)
    assert reply.status == 400
    assert reply.json["error"]["type"] == "invalid_request_error"


async def test_nothing_is_recorded_and_any_bearer_will_do(house: Served) -> None:
    with house.house.ledger.read() as snapshot:
        head = snapshot.head()
    body = {"model": "echo", "messages": ASK}
    for headers in ({}, {"Authorization": "Bearer whatever"}):
        assert (
            await Browser(house.url).send("POST", "/v1/chat/completions", json=body, headers=headers)
        ).status == 200
    with house.house.ledger.read() as snapshot:
        assert snapshot.head() == head


@pytest.mark.parametrize("stream", [False, True])
async def test_a_spend_cap_holds_here_too(tmp_path: Path, upstream: Upstream, stream: bool) -> None:
    capped = "price = { input = 1000.0, output = 1000.0 }\nspend_cap = 0.005"
    with Served(write_field(tmp_path, endpoint("capped", upstream.url, "echo", capped))) as served:
        browser = Browser(served.url)
        body = {"model": "capped", "messages": ASK, "stream": stream}
        assert (await browser.send("POST", "/v1/chat/completions", json=body)).status == 200
        refused = await browser.send("POST", "/v1/chat/completions", json=body)
        assert (refused.status, refused.json["error"]["code"]) == (402, "over_budget")
        assert served.house.roster.named("capped").spent == pytest.approx(0.012)


async def test_half_a_surrogate_pair_does_not_break_the_reply(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(turn: Turn) -> object:
        await turn.open()
        await turn.write(b'data: {"choices": [{"index": 0, "delta": {"content": "A\\ud83dB"}}]}\n\n')
        return await turn.end(1)

    monkeypatch.setitem(faults._BEHAVIOURS, "broken", broken)
    with Served(write_field(tmp_path, endpoint("broken", upstream.url, "broken"))) as served:
        for stream in (False, True):
            body = {"model": "broken", "messages": ASK, "stream": stream}
            reply = await Browser(served.url).send("POST", "/v1/chat/completions", json=body)
            assert reply.status == 200
            assert "B" in reply.text
