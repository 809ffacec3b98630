"""The reliability card: what it says and what it admits not to know, and that its bytes follow from the head alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fieldmark.errors import NotFound
from fieldmark.ledger.evidence import AnswerEnded, Failure
from fieldmark.reports import Card, build_card, card_json, card_text, verdict_sentence
from tests.arena.ledgers import DIGEST, NAMES, Ballot, cast, trees, withdraw
from tests.arena.test_boards import many
from tests.house import Browser, Served, two
from tests.upstream import Upstream


def _answered(battle: str, name: str, **more: object) -> AnswerEnded:
    given: dict[str, object] = {
        "ms_to_first": 200,
        "ms": 1200,
        "answer_tokens": 50,
        "characters": 9,
        "finish": "stop",
    }
    return AnswerEnded(side="a", turn=1, contender=DIGEST[name], **{**given, **more})


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:3]) as ledger, ledger.read() as snapshot:
        card = build_card(snapshot, "alder")
    kinds = [u.kind for u in card.unknown]
    assert {"no_answers", "no_votes", "outcomes", "tests", "inside", "no_price"} <= set(kinds)
    assert [u.what for u in card.unknown if u.kind == "rival_not_met"] == ["birch", "cedar"]
    assert (card.people.votes, card.people.rating, card.failures.share, card.cost) == (0, None, None, None)
    text = card_text(card)
    assert "No votes yet." in text
    assert "Whether it answers at all: it was never asked." in text
    assert "alder has not met birch." not in text.split("NOT KNOWN")[1]


def test_what_is_known(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:3]) as ledger:
        (battle, _), *_ = cast(
            ledger,
            *[Ballot("alder", "birch", "a", f"p_{i % 3}", "notes") for i in range(30)],
            *[Ballot("birch", "alder", "a", "p_9") for _ in range(12)],
            Ballot("alder", "cedar", "a"),
            Ballot("alder", "birch", "both_bad"),
        )
        failed = {"finish": "failed", "failure": Failure(kind="timeout"), "ms_to_first": None, "attempt": 2}
        leaked = {"leak": True, "hung": True, "cost": 0.002, "attempt": 3, "ms": 2200}
        for more in ({}, failed, leaked):
            ledger.write(
                lambda now, m=more: now.append(  # type: ignore[misc]
                    _answered(battle, "alder", **m), actor="system", refs={"battle": battle}
                )
            )
        with ledger.read() as snapshot:
            card, rival = build_card(snapshot, "alder"), build_card(snapshot, DIGEST["birch"][:12])
    people = card.people
    assert (people.votes, people.wins, people.losses, people.both_bad, people.browsers) == (44, 31, 12, 1, 5)
    assert people.rating is not None
    assert rival.people.rating is not None
    assert people.rating > rival.people.rating
    assert [v.b_name for v in people.rivals] == ["birch", "cedar"]
    assert (people.rivals[0].kind, people.rivals[0].votes) == ("better", 43)
    assert people.rivals[1].kind == "no_rating"
    notes = next(c for c in people.categories if c.id == "notes")
    assert (notes.votes, notes.rating) == (30, None)
    assert (card.failures.answers, card.failures.failed, card.failures.kinds) == (3, 1, {"timeout": 1})
    assert (card.failures.leaks, card.failures.hung) == (1, 1)
    assert card.latency.ms_to_first_p50 == pytest.approx(200, rel=0.02)
    assert card.latency.ms_p95 == pytest.approx(2200, rel=0.02)
    assert card.latency.tokens_per_second == pytest.approx(100 / 3, abs=0.1)
    assert card.cost is not None
    assert (card.cost.total, card.cost.answers) == (0.002, 1)
    assert card.system == "You are alder."
    assert card.parts == {"kind": "endpoint", "model": "alder"}
    text = card_text(card)
    for said in (
        "rank 1 of 2",
        "1 gave no word in time",
        "1 named their author",
        "alder is stronger than birch",
        card.head,
    ):
        assert said in text
    assert max(map(len, text.splitlines())) <= 140


def test_a_contender_that_left_keeps_its_card(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:2]) as ledger:
        cast(ledger, Ballot("alder", "birch", "a"))
        withdraw(ledger, "alder")
        with ledger.read() as snapshot:
            card = build_card(snapshot, "alder")
            assert card.status == "withdrawn"
            assert card.recompute.startswith(f"fieldmark report {DIGEST['alder'][:16]} --at ")
            assert build_card(snapshot, card.digest) == card
            with pytest.raises(NotFound, match="no contender is called 'nobody'"):
                build_card(snapshot, "nobody")
            with pytest.raises(NotFound):
                build_card(snapshot, DIGEST["birch"][:7])


def test_verdicts_in_words(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:3]) as ledger:
        cast(
            ledger,
            Ballot("alder", "birch", "a"),
            Ballot("alder", "birch", "b"),
            Ballot("cedar", "birch", "a"),
        )
        with ledger.read() as snapshot:
            said = [verdict_sentence(v) for v in build_card(snapshot, "birch").people.rivals]
    assert said[0].startswith("birch and alder cannot be told apart with 2 votes")
    assert said[1].startswith(
        "birch against cedar: 0 won, 1 lost, 0 equal, 0 both bad; these votes do not determine"
    )


def test_the_bytes_follow_from_the_head(tmp_path: Path) -> None:
    seen: dict[str, dict[str, str]] = {}
    with trees(tmp_path) as ledger:
        for step in range(4):
            cast(ledger, *many(step, 30))
            with ledger.read() as snapshot:
                seen[str(snapshot.head())] = {name: card_json(build_card(snapshot, name)) for name in NAMES}
        withdraw(ledger, "birch")
        for head, cards in seen.items():
            with ledger.at(head) as snapshot:
                assert {name: card_json(build_card(snapshot, name)) for name in NAMES} == cards


async def test_page_and_command_give_the_same_card(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream, birch="price = { input = 1.0, output = 2.0 }")) as served:
        voter = await Browser(served.url).begin()
        for choice in ("a", "b", "tie", "a"):
            battle = await voter.battle(category="letters")
            await voter.vote(battle["id"], choice)
            await voter.act(battle["id"], "reveal")
        live = (await voter.get("/api/v1/cards/birch-7b")).json
        await voter.vote((await voter.battle())["id"])
        again = (await voter.get(f"/api/v1/cards/birch-7b?at={live['head']}")).json
        assert again == live
        assert (await voter.get("/api/v1/cards/birch-7b?at=99999")).status == 404
        assert (await voter.get("/api/v1/cards/birch-7b?at=../x")).status in {400, 404}

        def command(*arguments: str) -> str:
            base = [sys.executable, "-m", "fieldmark", "report", "birch-7b", "--field", str(tmp_path)]
            return subprocess.run([*base, *arguments], check=True, capture_output=True, text=True).stdout

        by_hash = live["head"][: live["head"].index(":") + 17]
        outputs = {
            command("--format", "json", "--at", by_hash),
            command("--format", "json", "--at", live["head"]),
        }
        assert len(outputs) == 1
        assert json.loads(outputs.pop()) == live
        assert command("--at", by_hash) == card_text(Card.model_validate(live))
    assert by_hash in live["recompute"]
