"""What a browser can see of itself, take away, and have erased while the field is served."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

from fieldmark.ledger.evidence import Abandonment, Erasure
from tests.house import Browser, served, two, until
from tests.ledger.test_erase import files_with
from tests.upstream import Upstream


def needle() -> str:
    return base64.b64encode(secrets.token_bytes(60)).decode()


async def test_a_browser_that_did_nothing_has_nothing(voter: Browser) -> None:
    held = (await voter.get("/api/v1/me")).json
    assert (held["pseudonym"], held["records"], held["entries"], held["next"]) == (None, {}, [], None)
    exported = await voter.get("/api/v1/me/export")
    assert exported.headers["content-disposition"].endswith('-nobody.json"')
    gone = (await voter.delete("/api/v1/me")).json
    assert (gone["record"], gone["texts"]) == (None, 0)


async def test_rounds_are_told_with_prompts_and_votes_and_without_names(
    voter: Browser, other: Browser
) -> None:
    await other.vote((await other.battle("Not yours"))["id"])
    first = await voter.battle("First prompt", category="notes")
    await voter.act(first["id"], "turns", {"prompt": "And then?"})
    await voter.ready(first["id"], after=first["last_event"])
    await voter.vote(first["id"], "b")
    await voter.act(first["id"], "remark", {"comment": "Clearer.", "tags": {}, "rubric": {}})
    second = await voter.battle("Second prompt")
    reply = await voter.get("/api/v1/me")
    held = reply.json
    assert held["records"] == {"answer": 6, "battle": 2, "remark": 1, "turn": 1, "vote": 1}
    assert (held["links"], held["texts"]) == (1, 10)
    newest, oldest = held["entries"]
    assert (newest["id"], newest["state"], newest["prompts"]) == (second["id"], "open", ["Second prompt"])
    assert (oldest["choice"], oldest["comment"], oldest["category"]) == ("b", "Clearer.", "notes")
    assert oldest["prompts"] == ["First prompt", "And then?"]
    assert "-7b" not in reply.text
    page = (await voter.get("/api/v1/me?limit=1")).json
    assert [each["id"] for each in page["entries"]] == [second["id"]]
    rest = (await voter.get(f"/api/v1/me?limit=1&before={page['next']}")).json
    assert ([each["id"] for each in rest["entries"]], rest["next"]) == ([first["id"]], None)


async def test_the_export_has_the_answers_and_names_only_what_was_shown(voter: Browser) -> None:
    shown = await voter.battle("Shown")
    await voter.vote(shown["id"])
    await voter.act(shown["id"], "reveal")
    hidden = await voter.battle("Hidden")
    exported = (await voter.get("/api/v1/me/export")).json
    entries = {each["id"]: each for each in exported["entries"]}
    assert sorted(entries[shown["id"]]["names"].values()) == ["alder-7b", "birch-7b"]
    assert "names" not in entries[hidden["id"]]
    assert [a["text"] for a in entries[hidden["id"]]["answers"]] == ["You said: Hidden"] * 2


async def test_erasing_takes_the_bytes_and_leaves_the_votes(tmp_path: Path, upstream: Upstream) -> None:
    with served(two(tmp_path / "field", upstream)) as house:
        voter, other = await Browser(house.url).begin(), await Browser(house.url).begin()
        prompt, comment, open_prompt = needle(), needle(), needle()
        voted = await voter.battle(prompt)
        await voter.vote(voted["id"])
        await voter.act(voted["id"], "remark", {"comment": comment, "tags": {}, "rubric": {}})
        await other.vote((await other.battle("Stays"))["id"])
        open_round = await voter.battle(open_prompt)
        pseudonym = (await voter.get("/api/v1/me")).json["pseudonym"]
        needles = [each.encode() for each in (prompt, comment, open_prompt)]
        assert files_with(tmp_path, *needles)
        votes = (await voter.get("/api/v1/status")).json["votes"]
        board = (await voter.get("/api/v1/board")).json
        cookie = dict(voter.cookies)

        refused = await Browser(house.url, cookies=cookie).delete("/api/v1/me")
        assert refused.status == 403
        gone = await voter.delete("/api/v1/me")
        assert gone.status == 200, gone.text
        assert (gone.json["texts"], gone.json["links"], gone.json["swept"]) == (7, 1, True)
        assert files_with(tmp_path, *needles) == []
        assert house.records(Abandonment)[-1].reason == "voter"
        assert house.records(Erasure)[-1].subject == pseudonym
        assert voter.cookies != cookie

        for browser in (await voter.begin(), await Browser(house.url, cookies=cookie).begin()):
            assert (await browser.get("/api/v1/me")).json["pseudonym"] is None
            assert (await browser.get(f"/api/v1/battles/{open_round['id']}")).status in {403, 404}
        after = (await voter.get("/api/v1/board")).json
        assert (await voter.get("/api/v1/status")).json["votes"] == votes == 2
        assert [row["battles"] for row in after["rows"]] == [row["battles"] for row in board["rows"]]
        assert house.house.ledger.verify().types["erasure"] == 1
        assert house.house.arena._live.keys() <= {None} or open_round["id"] not in house.house.arena._live
    assert files_with(tmp_path, *needles) == []


async def test_a_round_that_is_being_written_ends(tmp_path: Path, upstream: Upstream) -> None:
    with served(two(tmp_path / "field", upstream, "slow:40", "slow:40")) as house:
        voter = await Browser(house.url).begin()
        battle = await voter.start("Write on and on")
        gone = (await voter.delete("/api/v1/me")).json
        assert gone["texts"] >= 1
        assert battle not in house.house.arena._live
        with house.house.ledger.read() as snapshot:
            texts = [c.text_id for e in snapshot.entries() if e.record.type in {"battle", "answer"}
                     for c in e.record.commitments.values()]  # fmt: skip
            assert [snapshot.text(each) for each in texts] == [None] * len(texts)


async def test_what_another_process_erases_is_forgotten_here(tmp_path: Path, upstream: Upstream) -> None:
    with served(two(tmp_path / "field", upstream)) as house:
        voter = await Browser(house.url).begin()
        battle = (await voter.battle("Over there"))["id"]
        pseudonym = (await voter.get("/api/v1/me")).json["pseudonym"]
        house.house.ledger.write(lambda now: now.erase(person=pseudonym))
        await until(lambda: battle not in house.house.arena._live)
        register = tmp_path / "field" / ".fieldmark" / "erasures.jsonl"
        await until(register.exists)
        await until(lambda: pseudonym in register.read_text())
