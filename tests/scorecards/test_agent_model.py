"""The loop around a model: calls, answers, budgets, and everything that an endpoint can do wrong."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from pydantic import BaseModel, Field

from fieldmark.contenders import ContenderSpec, make_contender
from fieldmark.errors import SandboxError
from fieldmark.fields import Member
from fieldmark.scorecards import Bench, Budget, Played, Scene, Task, Tool, ToolRefusal, play
from fieldmark.scorecards.agents import ModelAgent, _asking, agent_for
from fieldmark.scorecards.verifiers import make
from fieldmark.scorecards.views import Calling
from tests.scorecards.stub import (
    Body,
    Passes,
    Said,
    Says,
    calls,
    in_turn,
    member,
    refusal,
    step,
    text,
)


def clock(zone: str) -> str:
    """The time in a zone."""
    if zone != "Europe/Vienna":
        raise ToolRefusal("no such zone")
    return "12:31"


def broken(reason: str) -> str:
    """Breaks."""
    raise RuntimeError(reason)


class Place(BaseModel):
    city: str = Field(max_length=5000, pattern="[a-z]+")


def task(tools: Sequence[Any] = (clock, broken), **more: Any) -> Task:
    return Task("t", "What time is it in Vienna?", Passes(), tools=[Tool.of(f) for f in tools], **more)


async def played(says: Says, *, calling: Calling = "native", what: Task | None = None, **spec: Any) -> Played:
    async with member(says, **spec) as (contender, _):
        return await play(what or task(), agent_for(contender, calling), Bench(), seed=7)


def told(body: Body) -> list[str]:
    return [str(m["content"]) for m in body["messages"]]


async def test_calls_are_made_and_results_told_until_an_answer_comes() -> None:
    says = in_turn(calls(("clock", {"zone": "Europe/Vienna"})), text("It is 12:31."))
    async with member(says) as (contender, seen):
        attempt = (await play(task(), agent_for(contender, "native"), Bench(), seed=7)).attempt
        assert contender.spent == pytest.approx(2 * (10 * 1.0 + 5 * 2.0))
    assert (attempt.answer, attempt.ended, attempt.steps) == ("It is 12:31.", "answered", 2)
    assert [(c.name, c.arguments, c.result) for c in attempt.calls] == [
        ("clock", {"zone": "Europe/Vienna"}, "12:31")
    ]
    assert (attempt.prompt_tokens, attempt.answer_tokens, attempt.cost) == (20, 10, 40.0)
    assert [m["role"] for m in attempt.messages] == ["user", "assistant", "tool", "assistant"]
    assert [e.kind for e in attempt.events] == ["told", "call", "result", "said"]
    assert [tool["function"]["name"] for tool in seen[0]["tools"]] == ["clock", "broken"]
    assert seen[1]["messages"][2] == {
        "role": "tool", "tool_call_id": "call-0", "name": "clock", "content": "12:31"
    }  # fmt: skip
    assert [body["seed"] for body in seen] == [7, 8]


async def test_several_calls_at_once_and_every_way_a_call_can_be_wrong() -> None:
    wrong = calls(
        ("clock", {"zone": "Vienna"}),
        ("clock", "{not json"),
        ("clock", "[1]"),
        ("clock", {"place": "Vienna"}),
        ("watch", {}),
        ("broken", {"reason": "of glass"}),
        ("clock", {"zone": "Europe/Vienna"}),
    )
    attempt = (await played(in_turn(wrong, text("12:31")))).attempt
    results = [call.result for call in attempt.calls]
    assert results == [
        "no such zone",
        "the arguments are no JSON object",
        "the arguments are no JSON object",
        results[3],
        "there is no tool 'watch'; tools: clock, broken",
        "RuntimeError: of glass",
        "12:31",
    ]
    assert results[3].startswith("zone: Field required")
    assert [call.error for call in attempt.calls] == [True] * 6 + [False]
    assert attempt.calls[1].arguments == {"": "{not json"}
    assert attempt.steps == 2


async def test_by_grammar_each_step_is_one_object_of_the_schema() -> None:
    says = in_turn(step(tool="clock", arguments={"zone": "Europe/Vienna"}), step(answer="12:31"))
    async with member(says, system="Be brief.") as (contender, seen):
        attempt = (await play(task(system="At the desk."), agent_for(contender, "grammar"), Bench())).attempt
    assert (attempt.answer, [c.result for c in attempt.calls]) == ("12:31", ["12:31"])
    schema = seen[0]["response_format"]["json_schema"]["schema"]
    forms = schema["anyOf"]
    assert [list(form["properties"]) for form in forms] == [["tool", "arguments"]] * 2 + [["answer"]]
    assert forms[0]["properties"]["arguments"]["required"] == ["zone"]
    assert "tools" not in seen[0]
    assert [m["role"] for m in seen[1]["messages"]] == ["system", "user", "assistant", "user"]
    system, _, call, result = told(seen[1])
    assert system.startswith("Be brief.\n\nAt the desk.\n\n")
    assert "- clock: The time in a zone." in system
    assert json.loads(call) == {"tool": "clock", "arguments": {"zone": "Europe/Vienna"}}
    assert result == "Result of clock: 12:31"
    # The record is in OpenAI's form, whichever way it was asked.
    assert attempt.messages[2]["tool_calls"][0]["function"]["name"] == "clock"


async def test_what_breaks_the_form_is_told_back() -> None:
    says = in_turn(
        text("It is noon"), step(tool=5), {"content": '{"answ', "finish": "length"}, step(answer="ok")
    )
    async with member(says) as (contender, seen):
        attempt = (await play(task(), agent_for(contender, "grammar"), Bench())).attempt
    assert attempt.answer == "ok"
    assert told(seen[1])[-1] == "Invalid: that is not one JSON object."
    assert told(seen[2])[-1] == 'Invalid: it needs "tool" (one of: clock, broken) or "answer".'
    assert told(seen[3])[-1] == "Your answer was cut off after 5 tokens."


async def test_a_model_stuck_in_one_call_is_not_offered_it_again() -> None:
    """As a grammar does: it takes the first form that is there."""

    def says(body: Body) -> Said:
        first = body["response_format"]["json_schema"]["schema"]["anyOf"][0]["properties"]
        if "answer" in first:
            return step(answer="I stop.")
        return step(tool=first["tool"]["const"], arguments={"zone": "Europe/Vienna"})

    def watch(zone: str) -> str:
        """Another clock."""
        return zone

    attempt = (await played(says, calling="grammar", what=task([clock, watch]))).attempt
    assert (attempt.answer, attempt.ended) == ("I stop.", "answered")
    assert [call.name for call in attempt.calls] == ["clock", "clock", "watch", "watch"]


async def test_none_means_that_it_is_asked_without_tools() -> None:
    async with member(in_turn(text("I do not know."))) as (contender, seen):
        await play(task(), agent_for(contender, "none"), Bench())
    assert "tools" not in seen[0]
    assert "response_format" not in seen[0]


async def test_a_schema_with_references_is_moved_to_the_top() -> None:
    def visit(place: Place, days: int = 1) -> str:
        """Go there."""
        return f"{place.city} {days}"

    says = in_turn(step(tool="visit", arguments={"place": {"city": "graz"}}), step(answer="done"))
    async with member(says) as (contender, seen):
        attempt = (await play(task([visit]), agent_for(contender, "grammar"), Bench())).attempt
    assert attempt.calls[0].result == "graz 1"
    schema = seen[0]["response_format"]["json_schema"]["schema"]
    assert schema["anyOf"][0]["properties"]["arguments"]["properties"]["place"] == {
        "$ref": "#/$defs/visit.Place"
    }
    # Neither an unanchored pattern nor thousands of repetitions can be had of a grammar.
    assert schema["$defs"]["visit.Place"]["properties"]["city"] == {"type": "string"}


async def test_steps_tokens_and_cost_are_limited() -> None:
    loop = in_turn(calls(("clock", {"zone": "Europe/Vienna"})))
    for budget, ended, steps in (
        (Budget(steps=3), "steps", 3),
        (Budget(tokens=40), "tokens", 3),
        (Budget(cost=45.0), "cost", 3),
    ):
        result = await played(loop, what=task(budget=budget))
        attempt, verdict = result.attempt, result.verdict
        assert (attempt.ended, attempt.steps, attempt.failure) == (ended, steps, None)
        assert (verdict.result, verdict.score) == ("fail", 0.0)
        assert verdict.explanation == f"the budget of {ended} was used up; what is there would pass"


async def test_a_right_answer_over_its_budget_is_a_fail() -> None:
    """A scene that ends the talk with it does not make up for it; within the budget it is a pass."""
    verifier = make("exact", {"equals": "12:31"})
    for tokens, ended, result in ((15, "answered", "pass"), (14, "tokens", "fail")):
        what = replace(task(budget=Budget(tokens=tokens)), verifier=verifier)
        done = await played(in_turn(text("12:31")), what=what)
        assert (done.attempt.answer, done.attempt.ended, done.verdict.result) == ("12:31", ended, result)
        assert ("budget of tokens" in done.verdict.explanation) == (result == "fail")
    slow = replace(task(budget=Budget(seconds=1.5)), scene=_Slow)
    done = await played(in_turn(text("12:31")), what=slow)
    assert (done.attempt.answer, done.attempt.ended, done.verdict.result) == ("12:31", "seconds", "fail")


class _Slow(Scene):
    async def hear(self, text: str) -> str | None:
        await asyncio.sleep(5)
        return None


@pytest.mark.parametrize("calling", ["native", "none"])
async def test_an_answer_that_is_cut_off_is_a_fail(calling: Calling) -> None:
    cut = {"role": "assistant", "content": "12:31, or rath", "finish": "length"}
    result = await played(in_turn(cut), calling=calling)
    attempt = result.attempt
    assert (attempt.ended, attempt.failure, attempt.answer) == ("failed", "cut_off", "12:31, or rath")
    assert (attempt.steps, attempt.cost) == (1, 20.0)
    assert result.verdict.result == "fail"
    said = "the contender failed: the answer was cut off after 5 tokens; what is there would pass"
    assert result.verdict.explanation == said


async def test_what_was_spent_is_known_though_the_sandbox_dies() -> None:
    def shell() -> str:
        """Runs it."""
        raise SandboxError("it is gone")

    result = await played(in_turn(calls(("shell", {}))), what=task([shell]))
    attempt = result.attempt
    assert (result.verdict.void, result.verdict.explanation) == ("sandbox", "it is gone")
    assert (attempt.steps, attempt.prompt_tokens, attempt.answer_tokens, attempt.cost) == (1, 10, 5, 20.0)


async def test_answers_are_no_longer_than_what_is_left_of_the_tokens() -> None:
    async with member(in_turn(calls(("clock", {"zone": "x"})), text("done"))) as (contender, seen):
        await play(task(budget=Budget(tokens=100)), agent_for(contender, "native"), Bench())
    assert [body["max_tokens"] for body in seen] == [100, 85]


async def test_silence_is_a_failure_of_who_has_done_nothing() -> None:
    result = await played(in_turn(text("")))
    attempt = result.attempt
    assert (attempt.ended, attempt.failure, result.verdict.result) == ("failed", "empty", "fail")
    assert (attempt.steps, attempt.cost) == (1, 20.0)
    attempt = (await played(in_turn(calls(("clock", {"zone": "Europe/Vienna"})), text("")))).attempt
    assert (attempt.ended, attempt.answer) == ("answered", "")


async def test_a_talk_goes_on_until_nobody_answers() -> None:
    class Desk(Scene):
        async def hear(self, text: str) -> str | None:
            return None if "7" in text else "Which number?"

    attempt = (await played(in_turn(text("Hello?"), text("It is 7.")), what=task([], scene=Desk))).attempt
    assert attempt.answer == "It is 7."
    assert [m["content"] for m in attempt.messages[1:]] == ["Hello?", "Which number?", "It is 7."]


async def test_at_its_limit_an_endpoint_is_asked_again_when_it_says() -> None:
    says = in_turn(refusal(429, **{"Retry-After": "0"}), refusal(429, **{"Retry-After": "0"}), text("12:31"))
    result = await played(says)
    assert (result.verdict.result, result.attempt.answer) == ("pass", "12:31")
    notes = [e.data["text"] for e in result.attempt.events if e.kind == "note"]
    assert len(notes) == 2
    assert notes[0].startswith("the server asks for fewer requests (429)")


async def test_requests_are_spaced_and_the_waiting_is_none_of_the_trials_time() -> None:
    at: list[float] = []
    turns = in_turn(*[calls(("clock", {"zone": "Europe/Vienna"}))] * 5, text("12:31"))

    def says(body: Body) -> Said:
        at.append(time.monotonic())
        return turns(body)

    result = await played(says, what=task(budget=Budget(seconds=1.0)), requests_per_minute=200)
    assert (result.verdict.result, len(at)) == ("pass", 6)
    assert min(later - earlier for earlier, later in pairwise(at)) > 0.2
    assert at[-1] - at[0] > 1.4
    assert result.attempt.ms < 1000


async def test_trials_side_by_side_share_the_requests_a_minute() -> None:
    async with member(in_turn(*[text("12:31")] * 4), requests_per_minute=240) as (contender, seen):
        began = time.monotonic()
        agent = agent_for(contender, "native")
        await asyncio.gather(*(play(task(), agent, Bench()) for _ in range(4)))
        assert (len(seen), time.monotonic() - began > 0.7) == (4, True)


@pytest.mark.parametrize("status", [429, 503])
async def test_waiting_for_the_endpoint_is_none_of_the_trials_time(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_asking, "LIMIT_SECONDS", 0.8)
    monkeypatch.setattr(_asking, "AWAY_SECONDS", (0.8,))
    began = time.monotonic()
    result = await played(in_turn(refusal(status), text("12:31")))
    assert time.monotonic() - began > 0.8
    assert (result.verdict.result, result.attempt.ms < 700) == ("pass", True)
    assert [event.ms for event in result.attempt.events] == sorted(e.ms for e in result.attempt.events)


async def test_waiting_uses_up_the_time_there_is_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_asking, "LIMIT_SECONDS", 0.6)
    began = time.monotonic()
    async with member(in_turn(refusal(429))) as (contender, seen):
        result = await play(task(budget=Budget(seconds=1.5)), agent_for(contender, "native"), Bench())
    assert time.monotonic() - began < 1.4  # 0.6 s, and not the next 1.2
    assert (result.attempt.failure, result.attempt.status, len(seen)) == ("refused", 429, 2)


async def test_a_limit_longer_than_the_trial_is_void_at_once() -> None:
    began = time.monotonic()
    result = await played(in_turn(refusal(429, **{"Retry-After": "3600"})))
    assert time.monotonic() - began < 60
    assert (result.verdict.result, result.verdict.void) == ("void", "endpoint")
    assert (result.attempt.status, result.attempt.retry_after) == (429, 3600)


async def test_time_that_went_to_waiting_makes_no_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_asking, "LIMIT_SECONDS", 0.3)

    def says(body: Body) -> Said:
        if not waited:
            waited.append(1)
            return refusal(429)
        time.sleep(1.9)
        return text("late")

    waited: list[int] = []
    result = await played(says, what=task(budget=Budget(seconds=2)))
    assert (result.verdict.void, result.attempt.ended) == ("endpoint", "failed")
    assert "waited" in result.attempt.detail


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_no_key_and_no_credit_are_void(status: int) -> None:
    result = await played(in_turn(refusal(status)))
    assert (result.verdict.void, result.attempt.failure) == ("endpoint", "refused")


async def test_an_error_of_the_server_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_asking, "AWAY_SECONDS", (0.01, 0.01))
    assert (await played(in_turn(refusal(503), refusal(500), text("12:31")))).attempt.answer == "12:31"
    result = await played(in_turn(refusal(503)))
    assert (result.verdict.void, result.attempt.status) == ("endpoint", 503)


async def test_an_endpoint_that_is_gone_is_void(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_asking, "AWAY_SECONDS", (0.01, 0.01))
    spec = ContenderSpec(name="gone", kind="endpoint", url="http://127.0.0.1:9/v1", model="x")
    contender = make_contender(spec)
    result = await play(task(), ModelAgent(Member(contender, "d")), Bench())
    await contender.close()
    assert (result.verdict.void, result.attempt.failure) == ("endpoint", "unreachable")
    assert len([e for e in result.attempt.events if e.kind == "note"]) == 2


async def test_a_conversation_over_the_context_and_nonsense_are_no_void() -> None:
    too_long = refusal(400, "This model's maximum context length is 16 tokens.")
    result = await played(in_turn(too_long))
    assert (result.verdict.result, result.attempt.failure) == ("fail", "too_long")
    assert "the contender failed: the conversation is longer than the context" in result.verdict.explanation
    result = await played(in_turn("<html>"))
    assert (result.verdict.result, result.attempt.failure) == ("fail", "garbage")


async def test_over_its_spend_cap_it_is_not_asked() -> None:
    async with member(in_turn(calls(("clock", {"zone": "x"}))), spend_cap=30.0) as (contender, seen):
        result = await play(task(), agent_for(contender, "native"), Bench())
    assert (result.verdict.void, result.attempt.failure, len(seen)) == ("endpoint", "over_budget", 2)


async def test_an_endpoint_that_knows_no_seed_is_asked_without() -> None:
    def says(body: Body) -> Said:
        return refusal(422, "extra field: seed") if "seed" in body else text("12:31")

    async with member(says) as (contender, seen):
        agent = agent_for(contender, "native")
        assert (await play(task(), agent, Bench())).attempt.answer == "12:31"
        await play(task(), agent, Bench())
    assert ["seed" in body for body in seen] == [True, False, False]


async def test_an_error_without_meaning_is_raised_once() -> None:
    async with member(in_turn(refusal(400, "no such thing"))) as (contender, seen):
        result = await play(task(), agent_for(contender, "native"), Bench())
    assert (result.attempt.failure, len(seen)) == ("refused", 1)


async def test_who_takes_pictures_is_shown_the_screen_as_it_is_now() -> None:
    class Screen(Scene):
        async def begin(self) -> str:
            self.picture = b"first"
            return await super().begin()

    def press() -> str:
        """Press it."""
        made[0].picture = b"second"
        return "pressed"

    made: list[Screen] = []

    def scene(what: Task, variant: Any, seed: int) -> Scene:
        made[:] = [Screen(what, variant, seed)]
        return made[0]

    for vision, shown in ((True, [b"first", b"second"]), (False, [])):
        says = in_turn(calls(("press", {})), text("done"))
        async with member(says, vision=vision) as (contender, seen):
            await play(task([press], scene=scene), agent_for(contender, "native"), Bench())
        last = [body["messages"][-1]["content"] for body in seen]
        urls = [content[1]["image_url"]["url"] for content in last if isinstance(content, list)]
        assert [base64.b64decode(url.partition(",")[2]) for url in urls] == shown
        assert "image_url" not in str([body["messages"][:-1] for body in seen])
