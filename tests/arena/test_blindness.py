"""Nothing that comes from the server tells who answers before the vote, and only the voter is told afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.house import Browser, Served, endpoint, write_field
from tests.upstream import Upstream

PAGES = ("/api/v1/status", "/api/v1/field", "/api/v1/battles/open")


async def _secrets(served: Served) -> set[str]:
    words = {"secret-upstream-name", "fp_secret", "chatcmpl-upstream"}
    for member in served.house.roster.members:
        words |= {
            member.name,
            member.digest,
            member.digest[:12],
            member.spec.url or "",
            member.spec.system or "",
        }
    return words - {""}


async def test_no_reply_names_a_contender_before_the_reveal(tmp_path: Path) -> None:
    with Upstream() as upstream:
        quiet = endpoint("alder-7b", upstream.url, "echo", 'system = "You are terse."')
        moody = endpoint("birch-7b", upstream.url, "names-itself", 'system = "You are kind."')
        with Served(
            write_field(tmp_path, quiet + moody + endpoint("cedar-7b", upstream.url, "refuse:401"))
        ) as served:
            voter = await Browser(served.url).begin()
            listening = asyncio.create_task(voter.events("/api/v1/status/events", until="never"))
            for number in range(60):  # pairs are drawn: until the one that names itself was among them
                if number >= 6 and any("I am names-itself" in line for line in voter.heard):
                    break
                battle = await voter.battle("Who are you?")
                failed = next((s for s in "ab" if battle["turns"][0][s]["failure"]), None)
                if failed:
                    await voter.act(battle["id"], "retry", {"side": failed})
                    await voter.ready(battle["id"], after=battle["last_event"])
                await voter.act(battle["id"], "turns", {"prompt": "And now?"})
                await voter.ready(battle["id"], after=battle["last_event"])
                await voter.vote(battle["id"], "tie")
                await voter.act(battle["id"], "remark", {"comment": "None."})
                await voter.act(battle["id"], "undo")
                await voter.vote(battle["id"], "a")
                for page in PAGES:
                    await voter.get(page)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            assert any('"head"' in line for line in voter.heard if line.startswith("data: ")), (
                "the board's stream spoke"
            )
            heard, secrets = "\n".join(voter.heard), await _secrets(served)
            assert "I am names-itself" in heard, "what a contender says of itself is shown"
            for secret in secrets:
                assert secret not in heard.replace("I am names-itself", ""), secret
            shown = await voter.act(battle["id"], "reveal")
            assert any(shown["reveal"]["a"]["digest"] == m.digest for m in served.house.roster.members)


async def test_the_log_of_a_contender_that_breaks_does_not_name_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Upstream() as upstream:
        folder = write_field(
            tmp_path, endpoint("alder-7b", upstream.url, "echo") + endpoint("birch-7b", upstream.url, "slow")
        )
        with Served(folder) as served:

            def broken(*_: object, **__: object) -> object:
                raise ZeroDivisionError("a mistake of ours")

            for member in served.house.roster.members:
                monkeypatch.setattr(member.contender, "stream", broken)
            voter = await Browser(served.url).begin()
            battle = await voter.battle()
            assert {battle["turns"][0][s]["failure"] for s in "ab"} == {"crashed"}
    assert "an answer broke" in caplog.text
    assert "alder-7b" not in caplog.text
