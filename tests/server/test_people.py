"""People take tasks of a scorecard over HTTP: timed, judged, recorded, one at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fieldmark.ledger.evidence import RunEnded, RunStarted, TrialEnded, VerdictGiven
from fieldmark.scorecards import (
    PEOPLE_DIGEST,
    Attempt,
    Budget,
    Grading,
    Scene,
    Task,
    TaskSet,
    Tool,
    ToolRefusal,
    Verdict,
    Verifier,
)
from fieldmark.scorecards import _people as people_module
from tests.house import Browser, Served, two, until
from tests.upstream import Upstream


@pytest.fixture
def served(tmp_path: Path, upstream: Upstream) -> Iterator[Served]:
    """A field of its own for each test: they count records."""
    with Served(two(tmp_path / "field", upstream)) as served:
        yield served


class Says(Verifier):
    """Passes when the answer, or the file `answer.txt`, holds a word."""

    kind = "says"

    def __init__(self, word: str) -> None:
        self.word = word

    @property
    def digest(self) -> str:
        return f"says-{self.word}"

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
        said = attempt.answer + attempt.files.get("answer.txt", b"").decode()
        return Verdict.of(self.word in said, f"looked for {self.word}")


def clock(zone: str) -> str:
    """The time in a zone."""
    if zone != "Europe/Vienna":
        raise ToolRefusal("no such zone")
    return "12:31"


class Desk(Scene):
    """Somebody who wants a number before anything is over."""

    async def hear(self, text: str) -> str | None:
        return None if "7" in text else "Which number?"


TIME = Task("time", "What time is it in Vienna?", Says("12:31"), title="The time", tools=[Tool.of(clock)])
TALK = Task("talk", "Help the customer.", Says("7"), scene=Desk)
FILES = Task(
    "files", "Copy the word.", Says("heron"), files={"word.txt": b"heron\n"}, uses=frozenset({"sandbox"}),
    artifacts=["answer.txt"],
)  # fmt: skip
SEALED = Task("abc", "Nobody may see this.", Says("x"), sealed=True)


def give(served: Served, *tasks: Task, name: str = "toys") -> str:
    served.house.runs.catalogue.made[name] = TaskSet(name, tasks, digest=f"{name}-{len(tasks)}")
    return f"/api/v1/scorecards/{name}/people/next"


async def act(voter: Browser, task: Mapping[str, Any], what: str, **body: Any) -> Any:
    reply = await voter.post(f"/api/v1/people/{task['id']}/{what}", body)
    assert reply.status == 200, reply.text
    return reply.json


async def begin(voter: Browser, place: str) -> Any:
    reply = await voter.post(place)
    assert reply.status == 200, reply.text
    return reply.json


async def test_a_person_uses_tools_answers_and_is_judged(served: Served, voter: Browser) -> None:
    place = give(served, TIME, SEALED)
    task = await begin(voter, place)
    assert (task["task"], task["title"], task["number"], task["of"]) == ("time", "The time", 1, 1)
    assert task["messages"] == [{"role": "user", "content": "What time is it in Vienna?"}]
    assert [tool["name"] for tool in task["tools"]] == ["clock"]
    assert 590 < task["seconds_left"] <= 600
    wrong = await act(voter, task, "call", name="clock", arguments={"zone": "Vienna"})
    assert (wrong["result"], wrong["error"], wrong["over"]) == ("no such zone", True, False)
    right = await act(voter, task, "call", name="clock", arguments={"zone": "Europe/Vienna"})
    assert (right["result"], right["error"]) == ("12:31", False)
    done = await act(voter, task, "say", text="It is 12:31.")
    assert (done["over"], done["verdict"], done["explanation"]) == (True, "pass", "looked for 12:31")
    assert await begin(voter, place) is None
    (run,), (trial,) = served.records(RunStarted), served.records(TrialEnded)
    (verdict,) = served.records(VerdictGiven)
    assert (run.kinds, run.labels) == ({PEOPLE_DIGEST: "person"}, {PEOPLE_DIGEST: "people"})
    assert run.tasks == ("time",)
    assert (trial.person, trial.contender, trial.calls, trial.ended) == (True, PEOPLE_DIGEST, 2, "answered")
    assert verdict.result == "pass"
    assert [end.reason for end in served.records(RunEnded)] == ["complete"]
    card = (await voter.get("/api/v1/scorecards/toys")).json
    assert [(s["name"], s["kind"], s["share"]["passed"]) for s in card["line"]["scores"]] == [
        ("people", "person", 1)
    ]


async def test_before_anybody_took_a_task_there_is_no_line_of_people(served: Served, voter: Browser) -> None:
    give(served, TIME)
    assert (await voter.get("/api/v1/scorecards/toys")).json["line"]["scores"] == []


async def test_somebody_answers_until_the_talk_is_over(served: Served, voter: Browser) -> None:
    task = await begin(voter, give(served, TALK))
    assert task["answers"]
    step = await act(voter, task, "say", text="What can I do for you?")
    assert (step["result"], step["over"]) == ("Which number?", False)
    assert [m["content"] for m in step["task"]["messages"]][-1] == "Which number?"
    assert (await act(voter, task, "say", text="It is 7."))["verdict"] == "pass"


async def test_files_are_read_and_written_in_the_sandbox(served: Served, voter: Browser) -> None:
    task = await begin(voter, give(served, FILES))
    assert task["files"] == ["word.txt"]
    assert [tool["name"] for tool in task["tools"]] == ["shell"]
    assert (await act(voter, task, "read", path="word.txt"))["result"] == "heron\n"
    missing = await voter.post(f"/api/v1/people/{task['id']}/read", {"path": "../etc/passwd"})
    assert missing.status == 400
    step = await act(voter, task, "write", path="answer.txt", text="heron")
    assert step["task"]["files"] == ["answer.txt", "word.txt"]
    assert (await act(voter, task, "say", text="done"))["verdict"] == "pass"


async def test_giving_up_is_a_fail_and_the_next_task_comes(served: Served, voter: Browser) -> None:
    place = give(served, TIME, TALK)
    first = await begin(voter, place)
    assert (await begin(voter, place))["id"] == first["id"], "one at a time"
    step = await act(voter, first, "give-up")
    assert (step["over"], step["verdict"]) == (True, "fail")
    late = await voter.post(f"/api/v1/people/{first['id']}/say", {"text": "12:31 7"})
    assert (late.status, late.json["error"]["code"]) == (409, "attempt_over")
    second = await begin(voter, place)
    assert (second["number"], second["of"]) == (2, 2)
    assert {first["task"], second["task"]} == {"time", "talk"}
    assert [trial.ended for trial in served.records(TrialEnded)] == ["gave_up"]


async def test_two_sets_cannot_be_open_at_once_and_others_cannot_look(
    served: Served, voter: Browser, other: Browser
) -> None:
    task = await begin(voter, give(served, TIME))
    refused = await voter.post(give(served, TALK, name="more"))
    assert (refused.status, refused.json["error"]["code"]) == (409, "attempt_open")
    await other.post(give(served, TALK, name="more"))
    for what, body in (("say", {"text": "12:31"}), ("give-up", {}), ("read", {"path": "x"})):
        assert (await other.post(f"/api/v1/people/{task['id']}/{what}", body)).status == 404
    assert (await other.get(f"/api/v1/people/{task['id']}")).status == 404
    assert (await voter.get(f"/api/v1/people/{task['id']}")).json["id"] == task["id"]
    no_files = await voter.post(f"/api/v1/people/{task['id']}/read", {"path": "x"})
    assert (no_files.status, no_files.json["error"]["message"]) == (400, "this task has no files")


async def test_a_browser_that_goes_away_ends_at_the_tasks_time(
    served: Served, voter: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_module, "LEAST_SECONDS", 0.3)
    slow = Task("time", "What time is it?", Says("12:31"), budget=Budget(seconds=0.3))
    place = give(served, slow)
    task = await begin(voter, place)
    await until(lambda: served.records(VerdictGiven))
    late = await voter.post(f"/api/v1/people/{task['id']}/say", {"text": "12:31"})
    assert late.json["error"]["code"] == "attempt_over"
    assert (await voter.get(f"/api/v1/people/{task['id']}")).status == 409
    assert [(t.ended, t.failure) for t in served.records(TrialEnded)] == [("seconds", None)]
    assert await begin(voter, place) is None


async def test_sealed_tasks_are_never_given(served: Served, voter: Browser) -> None:
    assert await begin(voter, give(served, SEALED)) is None
    assert "Nobody may see this" not in json.dumps(voter.heard)
    assert served.records(RunStarted) == []


async def test_what_a_person_did_is_theirs_to_take_away_and_erase(served: Served, voter: Browser) -> None:
    task = await begin(voter, give(served, TIME))
    await act(voter, task, "say", text="a needle 12:31")
    me = (await voter.get("/api/v1/me")).json
    assert me["records"]["trial"] == 1
    assert me["texts"] > 0
    assert (await voter.delete("/api/v1/me")).status == 200
    with served.house.ledger.read() as snapshot:
        (entry,) = snapshot.entries(types=[TrialEnded])
        texts = [snapshot.text(c.text_id) for c in entry.record.commitments.values()]
    assert texts
    assert set(texts) == {None}


async def test_so_many_people_and_no_more(
    served: Served, voter: Browser, other: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_module, "MOST_OPEN", 1)
    place = give(served, TIME)
    task = await begin(voter, place)
    refused = await other.post(place)
    assert (refused.status, refused.json["error"]["code"]) == (409, "too_many_people")
    await act(voter, task, "give-up")
    assert (await begin(other, place))["task"] == "time"


async def test_a_run_that_was_cancelled_is_not_gone_on_with(served: Served, voter: Browser) -> None:
    place = give(served, TIME, TALK)
    first = await begin(voter, place)
    await act(voter, first, "give-up")
    (run,) = (await voter.get("/api/v1/scorecards/toys")).json["runs"]
    assert (await voter.post(f"/api/v1/runs/{run['id']}/cancel")).json["state"] == "ended"
    second = await begin(voter, place)
    assert (second["number"], second["task"] != first["task"]) == (2, True)
    await act(voter, second, "give-up")
    assert len(served.records(RunStarted)) == 2
    assert await begin(voter, place) is None
