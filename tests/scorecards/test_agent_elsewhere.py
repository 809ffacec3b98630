"""Agents that do not converse are left out of battles, real cases and drift; nobody adds one over the page."""

from __future__ import annotations

from pathlib import Path

from tests.house import Browser, endpoint, served, write_field
from tests.upstream import Upstream

COMMAND = '[[contenders]]\nname = "worker"\nkind = "agent"\ncommand = ["true"]\n'


async def test_a_command_takes_tasks_only(tmp_path: Path) -> None:
    with Upstream() as upstream:
        folder = write_field(tmp_path / "field", COMMAND + endpoint("alder-7b", upstream.url, "echo"))
        with served(folder) as house:
            browser = await Browser(house.url).begin()
            listed = (await browser.get("/api/v1/contenders")).json
            assert [(c["name"], c["kind"], c["status"]) for c in listed] == [
                ("worker", "agent", "active"),
                ("alder-7b", "endpoint", "active"),
            ]
            refused = await browser.post("/api/v1/battles", {"prompt": "Say hello."})
            assert (refused.status, refused.json["error"]["code"]) == (409, "too_few_contenders")
            models = (await browser.get("/v1/models")).json["data"]
            assert [model["id"] for model in models] == ["alder-7b", "field"]
            drift = (await browser.get("/api/v1/drift")).json
            assert "worker" not in str(drift)
            asked = await browser.post(
                "/v1/chat/completions", {"model": "field", "messages": [{"role": "user", "content": "hi"}]}
            )
            assert asked.json["choices"][0]["message"]["content"] == "You said: hi"
            spec = {"name": "mine", "kind": "agent", "command": ["sh", "-c", "id"]}
            added = await browser.post("/api/v1/contenders", spec)
            assert (added.status, "not added over the page" in added.json["error"]["message"]) == (400, True)
            probed = await browser.post("/api/v1/contenders/probe", spec)
            assert probed.status == 400
