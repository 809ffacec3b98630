"""Raw OpenAI requests: what reaches the server, and what of its answer is let through."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from fieldmark.contenders import Sampler
from fieldmark.errors import ContenderFailure, InputError
from tests.contenders.asking import contending, user
from tests.upstream import Upstream

TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
]


async def sent(upstream: Upstream, request: dict[str, Any], **more: Any) -> dict[str, Any]:
    async with contending(upstream.spec("echo", **more)) as contender:
        await contender.complete(request)
    return upstream.seen[-1].body


async def test_answer_in_openai_form(upstream: Upstream) -> None:
    async with contending(upstream.spec("echo", name="kind-one")) as contender:
        got = await contender.complete({"model": "kind-one", "messages": user("hello")})
    answer = ChatCompletion.model_validate(got)
    assert answer.model == "kind-one"
    assert answer.choices[0].message.content == "You said: hello"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 10
    assert "secret" not in json.dumps(got)
    assert "chatcmpl-upstream" not in json.dumps(got)


@pytest.mark.parametrize("usage", [False, True])
async def test_chunks_in_openai_form(upstream: Upstream, usage: bool) -> None:
    request: dict[str, Any] = {"messages": user("hello"), "stream": True}
    if usage:
        request["stream_options"] = {"include_usage": True}
    async with contending(upstream.spec("echo", name="kind-one")) as contender:
        got = [chunk async for chunk in contender.complete_stream(request)]
    chunks = [ChatCompletionChunk.model_validate(chunk) for chunk in got]
    assert len({chunk.id for chunk in chunks}) == 1
    assert {chunk.model for chunk in chunks} == {"kind-one"}
    assert "secret" not in json.dumps(got)
    last = chunks.pop() if usage else None
    assert (last is not None and last.usage is not None and last.usage.total_tokens == 10) == usage
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "You said: hello"
    assert [chunk.choices[0].finish_reason for chunk in chunks][-2:] == [None, "stop"]


async def test_tool_calls(upstream: Upstream) -> None:
    request = {"messages": user("weather?"), "tools": TOOLS}
    async with contending(upstream.spec("tools")) as contender:
        answer = ChatCompletion.model_validate(await contender.complete(request))
        chunks = [chunk async for chunk in contender.complete_stream(request)]
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert answer.choices[0].finish_reason == "tool_calls"
    assert calls[0].type == "function"
    assert (calls[0].function.name, calls[0].function.arguments) == ("weather", '{"city": "Graz"}')
    pieces = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert pieces[0]["id"] == "call_1"
    assert "".join(piece["function"]["arguments"] for piece in pieces) == '{"city": "Graz"}'


async def test_failures_come_before_the_first_chunk(upstream: Upstream) -> None:
    async with contending(upstream.spec("refuse:429")) as contender:
        with pytest.raises(ContenderFailure) as caught:
            await anext(contender.complete_stream({"messages": user("hello")}))
    assert caught.value.status == 429


async def test_one_leading_system_message(upstream: Upstream) -> None:
    messages = [
        {"role": "system", "content": "From the application."},
        {"role": "developer", "content": [{"type": "text", "text": "And its developer."}]},
        *user("hello"),
        {"role": "developer", "content": "Later."},
    ]
    body = await sent(upstream, {"messages": messages}, system="From the field.")
    assert [message["role"] for message in body["messages"]] == ["system", "user", "system"]
    assert body["messages"][0]["content"] == "From the field.\n\nFrom the application.\n\nAnd its developer."


async def test_no_system_message_where_nobody_wrote_one(upstream: Upstream) -> None:
    assert (await sent(upstream, {"messages": user("hello")}))["messages"] == user("hello")


async def test_the_contender_s_sampler_wins(upstream: Upstream) -> None:
    asked = {"temperature": 1.5, "top_p": 0.5, "seed": 1, "stop": ["x"], "max_completion_tokens": 50}
    sampler = Sampler(temperature=0, seed=7, stop=("END",), max_tokens=100)
    body = await sent(upstream, {"messages": user("hello"), **asked}, sampler=sampler)
    assert (body["temperature"], body["top_p"], body["seed"], body["stop"]) == (0, 0.5, 7, ["END"])
    assert body["max_tokens"] == 50
    assert "max_completion_tokens" not in body
    body = await sent(upstream, {"messages": user("hello"), "max_tokens": 500}, sampler=sampler)
    assert body["max_tokens"] == 100
    newer = "max_completion_tokens"
    body = await sent(upstream, {"messages": user("hello")}, sampler=sampler, max_tokens_field=newer)
    assert body[newer] == 100
    assert "max_tokens" not in body


async def test_what_is_passed_on(upstream: Upstream) -> None:
    asked = {
        "tools": TOOLS,
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "response_format": {"type": "json_object"},
    }
    body = await sent(upstream, {"messages": user("hello"), "n": 1, "stream": False, "seed": None, **asked})
    assert {name: body[name] for name in asked} == asked
    assert body["model"] == "echo"
    assert "seed" not in body
    assert "n" not in body


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"logit_bias": {"1": 2}}, "'logit_bias'"),
        ({"logprobs": True}, "'logprobs'"),
        ({"n": 2}, "'n'"),
        ({"max_tokens": 0}, "'max_tokens'"),
        ({"max_tokens": "many"}, "'max_tokens'"),
        ({"stop": 3}, "'stop'"),
        ({"stream_options": {"other": 1}}, "'stream_options'"),
        ({"messages": []}, "'messages'"),
        ({"messages": "hello"}, "'messages'"),
        ({"messages": [{"role": "king", "content": "x"}]}, r"'messages\[0\].role'"),
        ({"messages": [{"role": "user", "content": {"a": 1}}]}, r"'messages\[0\].content'"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, r"'messages\[0\].content'"),
    ],
)
async def test_what_cannot_be_asked(upstream: Upstream, more: dict[str, Any], names: str) -> None:
    before = len(upstream.seen)
    async with contending(upstream.spec("echo")) as contender:
        with pytest.raises(InputError, match=names):
            await contender.complete({"messages": user("hello"), **more})
    assert len(upstream.seen) == before
