"""How contenders call tools is found out by asking, for a real small model too, and kept for their identity."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldmark.contenders import ContenderSpec, make_contender
from fieldmark.errors import ContenderFailure
from fieldmark.fields import Member
from fieldmark.scorecards import Bench, Budget, Task, Tool, calling_of, known_calling, play, probe_calling
from fieldmark.scorecards._calling import FILE
from fieldmark.scorecards.agents import agent_for
from tests.house import Browser, Served, served, write_field
from tests.models import NAME, only_smollm2
from tests.scorecards.stub import Body, Passes, Said, Says, calls, in_turn, member, refusal, step, stub, text

RIGHT = calls(("weather", {"city": "Graz, Austria"}))


def by_form(native: Said, form: Said) -> Says:
    def says(body: Body) -> Said:
        return form if "response_format" in body else native

    return says


@pytest.mark.parametrize(
    ("native", "form", "calling", "words"),
    [
        (RIGHT, text("no"), "native", "a valid call"),
        (
            text("It is sunny."),
            step(tool="weather", arguments={"city": "Gr"}),
            "grammar",
            "without calling it",
        ),
        (
            refusal(400, "tools are not supported"),
            step(tool="weather", arguments={}),
            "grammar",
            "the endpoint refused",
        ),
        (calls(("weather", "{city")), text("{"), "none", "it did not keep to the form"),
        (calls(("forecast", {"city": "Graz"})), step(answer="sunny"), "none", "it called something else"),
        (calls(("weather", {"city": "Paris"})), refusal(400), "none", "wrong arguments"),
    ],
)
async def test_what_it_does_decides(
    native: Said, form: Said, calling: str, words: str, tmp_path: Path
) -> None:
    async with member(by_form(native, form)) as (contender, seen):
        found = await calling_of(contender, tmp_path)
        assert (found.calling, words in found.said) == (calling, True), found.said
        asked = len(seen)
        assert await calling_of(contender, tmp_path) == found
        assert len(seen) == asked, "it is not asked twice"
        assert known_calling(tmp_path, "another") is None
        assert contender.spent > 0


async def test_one_that_cannot_be_asked_is_not_known(tmp_path: Path) -> None:
    async with member(in_turn(refusal(429))) as (contender, _):
        with pytest.raises(ContenderFailure):
            await probe_calling(contender, tmp_path)
        assert known_calling(tmp_path, contender.digest) is None


async def test_a_file_that_cannot_be_read_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{nonsense")
    async with member(in_turn(RIGHT)) as (contender, _):
        assert (await calling_of(contender, tmp_path)).calling == "native"
        known = known_calling(tmp_path, contender.digest)
        assert known is not None
        assert known.calling == "native"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDMARK_MODELS", only_smollm2(tmp_path / "models"))


async def test_a_small_model_calls_by_grammar_only(shelf: None, tmp_path: Path) -> None:

    def clock(zone: str) -> str:
        """The time now in a zone, such as Europe/Vienna."""
        return "12:31"

    contender = make_contender(
        ContenderSpec(name="small", kind="weights", model=NAME, sampler={"temperature": 0, "max_tokens": 30})
    )
    try:
        who = Member(contender, contender.identity.digest)
        assert (await probe_calling(who, tmp_path / "state")).calling == "grammar"
        task = Task("t", "What time is it?", Passes(), tools=[Tool.of(clock)], budget=Budget(steps=1))
        attempt = (await play(task, agent_for(who, "grammar"), Bench())).attempt
        assert attempt.failure is None
        assert attempt.calls or attempt.answer
        assert all(call.name == "clock" for call in attempt.calls)
    finally:
        await contender.close()


async def test_the_contenders_page_shows_it_and_asks_again(tmp_path: Path) -> None:
    async with stub(in_turn(RIGHT)) as (url, _):
        table = f'[[contenders]]\nname = "stub"\nkind = "endpoint"\nurl = "{url}"\nmodel = "stub"\n'
        with served(write_field(tmp_path / "field", table)) as house:
            await look(house)


async def look(house: Served) -> None:
    browser = await Browser(house.url).begin()
    (contender,) = (await browser.get("/api/v1/contenders")).json
    place = f"/api/v1/contenders/{contender['digest']}/calling"
    assert (await browser.get(place)).json == {"calling": None, "said": ""}
    found = (await browser.post(place)).json
    assert found == {"calling": "native", "said": "it made a valid call when it was given a tool"}
    assert (await browser.get(place)).json == found
    assert (await browser.get("/api/v1/contenders/abc/calling")).status == 404
