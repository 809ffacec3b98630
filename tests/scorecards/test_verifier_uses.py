"""One verifier object as score, reward and monitor; and what a verifier may do wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fieldmark.contenders import Contender, ContenderSpec, Delta, Finish, Identity, Message
from fieldmark.errors import ContenderFailure, InputError
from fieldmark.monitors import MONITORS, CaseFacts, MonitorProcess
from fieldmark.scorecards import Attempt, Bench, Solution, Task, Tool, Verdict, judge, play, reward
from fieldmark.scorecards.agents import Scripted
from fieldmark.scorecards.verifiers import Calibration, Label, ModelJudge, calibrate, make, read_labels

CLOCK = {
    "checks": [
        {"kind": "calls", "expected": [{"name": "clock", "arguments": {"zone": "Europe/Paris"}}]},
        {"kind": "regex", "pattern": r"\b14:05\b"},
    ]
}


def clock(zone: str) -> str:
    """The time there."""
    return "14:05"


def completion(zone: str, answer: str) -> list[dict[str, Any]]:
    function = {"name": "clock", "arguments": json.dumps({"zone": zone})}
    return [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "14:05"},
        {"role": "assistant", "content": answer},
    ]


@dataclass
class Wanted:
    kind: str
    settings: Mapping[str, Any]
    seconds: float = 20.0


ANSWERS = [
    ("Europe/Paris", "It is 14:05.", "pass", 1.0),
    ("UTC", "It is 14:05.", "fail", 0.5),
    ("UTC", "No idea.", "fail", 0.0),
]


async def test_one_object_says_the_same_as_score_reward_and_monitor() -> None:
    verifier = make("all", CLOCK)
    task = Task("paris", "What time is it in Paris?", verifier, tools=[Tool.of(clock)])
    process = MonitorProcess()
    try:
        for zone, answer, result, score in ANSWERS:
            solution = Solution(answer, calls=[("clock", {"zone": zone})])
            scored = (await play(task, Scripted(solution), Bench())).verdict
            assert (scored.result, scored.score) == (result, score)
            made = reward(verifier, task)
            assert made(["What time is it in Paris?"], [completion(zone, answer)], task=["paris"]) == [score]
            calls = completion(zone, answer)[0]["tool_calls"]
            facts = CaseFacts([{"role": "user", "content": "?"}], answer, tool_calls=calls)
            report = await process.run(Wanted("verifier", {"kind": "all", **CLOCK}), Path(), facts)
            assert report.error is None
            assert (report.passed, report.score) == (result == "pass", score)
    finally:
        await process.close()


def test_a_reward_has_a_name_takes_texts_and_knows_no_score_of_a_void(tmp_path: Path) -> None:
    right = reward(make("exact", {"equals": "4"}), "sum")
    assert right.__name__ == "exact_sum"
    assert right(["2 + 2?", "2 + 2?"], ["4", "5"], extra=[1, 2]) == [1.0, 0.0]
    (tmp_path / "verifier.py").write_text("def verify(attempt):\n    return 1 / 0\n")
    assert reward(make("python", {}, tmp_path))(completions=["4"]) == [None]


def test_monitors_of_verifiers_say_what_they_cannot(tmp_path: Path) -> None:
    maker = MONITORS.get("verifier")
    with pytest.raises(InputError, match="'kind' of the verifier is missing"):
        maker({}, tmp_path)
    with pytest.raises(InputError, match="needs a sandbox"):
        maker({"kind": "code", "entry": "s.py:f", "cases": [{"equals": 1}]}, tmp_path)
    with pytest.raises(InputError, match="'equals' is missing"):
        maker({"kind": "exact"}, tmp_path)


async def test_a_monitor_judges_trials(tmp_path: Path) -> None:
    verifier = make("monitor", {"monitor": "forbidden", "settings": {"words": ["guarantee"]}})
    passed = await judge(verifier, Attempt("t", answer="We try."), Bench())
    failed = await judge(verifier, Attempt("t", answer="We guarantee it."), Bench())
    assert (passed.result, failed.result) == ("pass", "fail")
    (tmp_path / "c.py").write_text("def f(case):\n    raise KeyError\n")
    broken = make("monitor", {"monitor": "python", "settings": {"function": "c.py:f"}}, tmp_path)
    verdict = await judge(broken, Attempt("t"), Bench())
    assert (verdict.result, verdict.void, verdict.explanation) == (
        "void",
        "verifier",
        "the monitor failed: KeyError",
    )


VERIFIER = """
import os, sys, time

def answer(attempt):
    return attempt.answer == "4", "said " + attempt.answer

def everything(attempt):
    ok = attempt.files["a.bin"] == b"\\0" and attempt.calls[0].arguments["x"] == 1 and attempt.state["n"] == [1]
    return {"passed": ok and attempt.messages[0]["role"] == "user", "score": 0.75}

def score(attempt):
    return 0.25

def throws(attempt):
    return {}["x"]

def hangs(attempt):
    time.sleep(60)

def leaves(attempt):
    os._exit(0)

def leaves_a_child(attempt):
    if os.fork() == 0:
        time.sleep(60)
    return True

def prints(attempt):
    text = '{"passed": true, "score": 1.0, "explanation": "", "token": ""}'
    print(text)
    os.write(1, text.encode())
    return False

def returns_nonsense(attempt):
    return "pass"

def too_much(attempt):
    return 2.0

def sees_keys(attempt):
    return "SECRET_KEY" in os.environ
"""


async def by(folder: Path, name: str, **attempt: Any) -> Verdict:
    (folder / "verifier.py").write_text(VERIFIER)
    verifier = make("python", {"function": f"verifier.py:{name}", "seconds": 3}, folder)
    return await judge(verifier, Attempt("t", **attempt), Bench())


async def test_functions_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "x")
    verdict = await by(tmp_path, "answer", answer="4")
    assert (verdict.result, verdict.explanation) == ("pass", "said 4")
    from fieldmark.scorecards import ToolCall

    whole: dict[str, Any] = {
        "files": {"a.bin": b"\0"},
        "calls": [ToolCall("f", {"x": 1}, "")],
        "state": {"n": [1]},
        "messages": [{"role": "user", "content": "?"}],
    }
    verdict = await by(tmp_path, "everything", **whole)
    assert (verdict.result, verdict.score) == ("pass", 0.75)
    assert (await by(tmp_path, "score")).score == 0.25
    assert (await by(tmp_path, "prints")).result == "fail"
    assert (await by(tmp_path, "sees_keys")).result == "fail"
    assert (await by(tmp_path, "leaves_a_child")).result == "pass"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("throws", "KeyError: 'x'"),
        ("hangs", "it said nothing for 3 s"),
        ("leaves", "its process ended without a word"),
        ("returns_nonsense", "it returned str, not true or false"),
        ("too_much", "a score of 2 is not from 0 to 1"),
    ],
)
async def test_a_function_that_fails_is_a_void(tmp_path: Path, name: str, words: str) -> None:
    verdict = await by(tmp_path, name)
    assert (verdict.result, verdict.void, verdict.score) == ("void", "verifier", None)
    assert words in verdict.explanation


class Reader(Contender):
    """Judges by the number that stands in the answer, if one does."""

    @property
    def identity(self) -> Identity:
        return Identity({"kind": "reader"})

    async def stream(
        self, conversation: Sequence[Message], *, max_tokens: int | None = None
    ) -> AsyncGenerator[Delta | Finish, None]:
        yield Finish("stop")

    async def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        asked = str(request["messages"][0]["content"])
        answer = asked.split("<answer>\n")[1].split("\n</answer>", maxsplit=1)[0]
        if answer == "gone":
            raise ContenderFailure("unreachable", "no connection")
        content = "what?" if answer == "garbage" else json.dumps({"reason": "read", "score": int(answer)})
        return {"choices": [{"message": {"content": content}}]}

    async def complete_stream(self, request: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        yield {}


def reader(folder: Path, **more: Any) -> ModelJudge:
    table = {"kind": "endpoint", "url": "http://127.0.0.1:9/v1", "model": "m"}
    made = ModelJudge({"question": "Is it kind?", "contender": table, **more}, folder)
    made.contender = Reader(ContenderSpec(name="reader", kind="endpoint"))
    return made


async def test_a_judge_counts_only_when_people_have_calibrated_it(tmp_path: Path) -> None:
    labels = [Label("q", str(n % 11), passes=n % 11 >= 7) for n in range(60)]
    labels += [Label("q", "9", other="3", better="a"), Label("q", "5", other="5", better="tie")]
    good = await calibrate(reader(tmp_path), labels)
    assert (good.agreement, good.labels, good.kappa) == (1.0, 62, 1.0)
    assert good.lower > 0.9
    file = tmp_path / "judge.json"

    async def said(of: Calibration, answer: str = "8", **more: Any) -> Verdict:
        of.save(file)
        return await judge(
            reader(tmp_path, calibration="judge.json", **more), Attempt("t", answer=answer), Bench()
        )

    verdict = await said(good)
    assert (verdict.result, verdict.score) == ("pass", 0.8)
    assert (await said(good, "3")).result == "fail"
    for answer, words in (
        ("gone", "did not answer (unreachable)"),
        ("garbage", "gave no score"),
        ("99", "gave no score"),
    ):
        void = await said(good, answer)
        assert void.void == "verifier"
        assert words in void.explanation
    never = await judge(reader(tmp_path), Attempt("t", answer="8"), Bench())
    assert (never.result, never.explanation[:27]) == ("void", "the judge is not calibrated")
    assert "was changed" in (await said(good, question="Is it short?")).explanation
    few = await calibrate(reader(tmp_path), labels[:10])
    assert "10 judgements" in (await said(few)).explanation
    contrary = await calibrate(
        reader(tmp_path), [Label("q", str(n % 11), passes=n % 2 == 0) for n in range(60)]
    )
    assert contrary.kappa < 0.4
    assert contrary.kappa_lower <= contrary.kappa <= contrary.kappa_upper
    assert "agrees with people in" in (await said(contrary)).explanation


async def test_labels_come_from_lines_of_json(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(
        '{"instruction": "q", "answer": "1", "passes": true}\n\n{"instruction": "q", "answer": "1"}\n'
    )
    with pytest.raises(InputError, match=r"labels.jsonl:3"):
        read_labels(file)
    with pytest.raises(InputError):
        await calibrate(reader(tmp_path), [])


async def test_rewards_can_be_asked_from_inside_a_loop() -> None:
    assert reward(make("exact", {"equals": "4"}))(completions=["4"]) == [1.0]
    assert asyncio.get_running_loop().is_running()
