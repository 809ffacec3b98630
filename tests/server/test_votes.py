"""The route of votes stands before FastAPI's own: it takes, refuses and counts what that would."""

import pytest

from tests.house import Browser, Served


async def test_a_vote_is_answered_with_the_round(voter: Browser) -> None:
    begun = await voter.post("/api/v1/battles", {"prompt": "Say hello."})
    path = f"/api/v1/battles/{begun.json['id']}"
    said = await voter.post(f"{path}/vote", {"choice": "tie"})
    assert (said.status, said.json["state"], said.json["vote"]["choice"]) == (200, "voted", "tie")
    seen = (await voter.get(path)).json
    assert said.json == {**seen, "undo_ms": said.json["undo_ms"]}
    assert said.json["reveal"] is None
    again = await voter.post(f"{path}/vote", {"choice": "a"})
    assert (again.status, again.json["error"]["code"]) == (409, "already_voted")


@pytest.mark.parametrize("body", [{}, {"choice": "c"}, {"choice": "a", "more": 1}, [], None])
async def test_what_is_no_vote_is_refused(voter: Browser, body: object) -> None:
    reply = await voter.post("/api/v1/battles/nothing/vote", body)
    assert (reply.status, reply.json["error"]["code"]) == (422, "invalid")


async def test_a_strangers_round_stays_as_it_is(voter: Browser, other: Browser) -> None:
    begun = await voter.post("/api/v1/battles", {"prompt": "Say hello."})
    path = f"/api/v1/battles/{begun.json['id']}"
    await other.post("/api/v1/battles", {"prompt": "Say hello."})
    assert (await other.post(f"{path}/vote", {"choice": "a"})).status == 403
    assert (await voter.get(path)).json["state"] == "open"
    assert (await voter.post("/api/v1/battles/nothing/vote", {"choice": "a"})).status == 404


async def test_it_is_measured_by_its_template(voter: Browser, served: Served) -> None:
    await voter.post("/api/v1/battles/nothing/vote", {"choice": "a"})
    text = (await voter.get("/metrics")).text
    assert 'route="/api/v1/battles/{battle}/vote",status="404"' in text
