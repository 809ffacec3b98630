"""The set `support-desk`: the customer talks with anybody, and its script's faults are nobody's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.scorecards import ScriptFault, Solution, Stage, Task
from tests.scorecards.shipped import checked, part, played, shipped

DESK = shipped("support-desk")
by_dialogue = pytest.mark.parametrize("task", DESK.tasks, ids=lambda task: task.id)


async def test_its_own_solutions() -> None:
    report = await checked("support-desk", oracle_trials=1)
    assert report.tasks == 10
    assert report.kinds[0].wrong > 60


def stage(task: Task, variant: str = "") -> Stage:
    assert task.scene
    return Stage(task.scene(task, task.variant(variant), 0), task.budget)


ORDERS = st.sampled_from(["HD-2041", "hd-2109", " HD-2120", "HD-1", "", "../x"])
VALUES = st.one_of(ORDERS, st.text(max_size=12), st.floats(), st.integers(), st.none(), st.just("refunded"))
NAMES = st.sampled_from([tool.name for tool in stage(DESK.tasks[0]).scene.tools])
KEYS = st.sampled_from(["order", "postcode", "amount", "reason", "article", "email", "topic", "outcome", "x"])
PHRASES = st.sampled_from(
    ["", "order number?", "postcode", "Shall I cancel it?", "Which one?", "refund {}", "{0}%s", "?" * 50]
)
MOVES = st.lists(
    st.one_of(st.text(max_size=200), PHRASES, st.tuples(NAMES, st.dictionaries(KEYS, VALUES, max_size=4))),
    max_size=15,
)


@by_dialogue
def test_the_customer_takes_anything_and_always_ends(task: Task) -> None:
    @settings(max_examples=12, deadline=None)
    @given(moves=MOVES, variant=st.sampled_from(["", *(v.id for v in task.variants)]))
    def go(moves: Sequence[Any], variant: str) -> None:
        asyncio.run(talk(moves, variant))

    async def talk(moves: Sequence[Any], variant: str) -> None:
        now = stage(task, variant)
        assert await now.begin()
        for move in moves:
            if isinstance(move, str):
                reply = await now.say(move)
                assert reply is None or reply.strip()
            else:
                await now.call(*move)
        turns = 0
        while await now.say("And what else?") is not None:
            turns += 1
            assert turns < 20
        assert isinstance(now.scene.state(), dict)

    go()


@by_dialogue
async def test_facts_are_told_only_to_who_asks(task: Task) -> None:
    now = stage(task)
    opening = await now.begin()
    facts = part("support-desk", "_customer").Script.of
    assert callable(facts)
    scene: Any = now.scene
    postcode = next(f for f in scene.customer.script.facts if f.name == "postcode").says[0]
    assert postcode not in opening
    for _ in range(3):
        reply = await now.say("I see.")
        assert reply
        assert postcode not in reply
    assert postcode in (await now.say("May I have your postcode?") or "")


@by_dialogue
async def test_nothing_but_asking_helps(task: Task) -> None:
    """Who closes the case with any outcome, having done nothing, fails."""
    for outcome in ("refunded", "replaced", "cancelled", "escalated", "refused", "unchanged", "voucher"):
        solution = Solution(
            calls=[("close_case", {"outcome": outcome})], answer="I cannot; the 30 days are over. 13 March"
        )
        assert (await played(task, solution)).verdict.result == "fail"


async def test_other_words_do() -> None:
    """The conversation of the lamp and the rug, by an agent with words of its own."""

    async def play(now: Stage) -> str:
        await now.say(
            "Happy to help! Could you give me the e-mail you ordered with, plus your ZIP for verification?"
        )
        found = await now.call("find_orders", {"email": "aylin@demir.example"})
        assert "HD-2108" in found.result
        for order in ("HD-2108", "HD-2109"):
            await now.call("verify_customer", {"order": order, "postcode": "34710"})
            await now.call("look_up_order", {"order": order})
        reply = await now.say(
            "I can see two open orders: a rug for 120.00, and a table lamp for 45.00. Which of them?"
        )
        assert reply == "The lamp. I do want the rug."
        reply = await now.say(
            "To confirm: you want me to cancel the table lamp (HD-2109, due 19 March), is that correct?"
        )
        assert reply == "Yes, go ahead."
        await now.call("cancel_order", {"order": "HD-2109"})
        assert await now.say("The lamp is cancelled and your 49.90 come back. Anything else?") == "Thank you!"
        await now.call("close_case", {"outcome": "cancelled"})
        return "Take care, and enjoy the rug!"

    assert (await played(DESK.task("lamp-or-rug"), Solution(play=play))).verdict.result == "pass"


async def test_a_fault_of_the_script_is_a_void() -> None:
    customer = part("support-desk", "_customer")
    broken = [
        {"facts": {}, "states": {"start": {"otherwise": []}}},
        {
            "facts": {},
            "states": {"start": {"on": [{"says": "So.", "goto": "nowhere"}], "otherwise": ["Hm."]}},
        },
        {"facts": {}, "states": {"start": {"on": [{"says": "So.", "heard": "("}], "otherwise": ["Hm."]}}},
        {"facts": {"x": {"asked": "hello", "says": []}}, "states": {"start": {"otherwise": ["Hm."]}}},
    ]
    for table in broken:
        one = customer.Customer(customer.Script.of(table), [], lambda: False)
        with pytest.raises(ScriptFault):
            _talk(one)

    async def play(now: Stage) -> str:
        scene: Any = now.scene
        scene.customer.state = "nowhere"
        await now.say("Hm.")
        return "Hm."

    verdict = (await played(DESK.tasks[0], Solution(play=play))).verdict
    assert (verdict.result, verdict.void) == ("void", "script")


def _talk(one: Any) -> None:
    for _ in range(3):
        one.answer("hello")


@by_dialogue
def test_scripts_have_no_loose_ends(task: Task) -> None:
    scene: Any = stage(task).scene
    script = scene.customer.script
    gotos = {step.goto for steps, _ in script.states.values() for step in steps if step.goto}
    assert gotos - {"end"} <= set(script.states)
    assert all(otherwise for _, otherwise in script.states.values())
    tools = {tool.name for tool in scene.tools} | {
        "refunds",
        "replacements",
        "labels",
        "vouchers",
        "escalations",
        "cases",
    }
    assert {step.called for steps, _ in script.states.values() for step in steps if step.called} <= tools
