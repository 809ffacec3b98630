"""A page by keyboard, mouse and screen."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fieldmark.sandbox import Look
from fieldmark.scorecards import BrowserScene, Budget, Stage, Task
from fieldmark.scorecards.verifiers import make
from tests import browser as chromium

PAGE = b"""<!doctype html><title>Shop</title>
<style>body { margin: 0 }
#box { position: absolute; left: 300px; top: 200px; width: 40px; height: 40px; background: red }</style>
<label>Name <input></label> <select aria-label="Size"><option>S<option>L</select>
<button onclick="log('pressed')">Press</button> <span onclick="log('word')">secret</span> <span>other</span>
<div id=box></div><p id=log></p>
<script>
const log = text => { document.getElementById('log').textContent += text + ' ' };
let held = null;
box.onmousedown = event => { held = [event.clientX, event.clientY] };
onmouseup = event => { if (held) log(`dragged ${event.clientX - held[0]},${event.clientY - held[1]}`); held = null };
onwheel = event => log(`wheel ${event.deltaY}`);
onkeydown = event => { if (event.key === 'F2') log('F2') };
</script>"""


class Shop(BrowserScene):
    screen = Look(width=500, height=400, seconds=2)

    async def seen(self, page: Any) -> Any:
        return {"log": await page.locator("#log").inner_text(), "title": await page.title()}


@asynccontextmanager
async def opened() -> AsyncIterator[Stage]:
    chromium.ensure()
    task = Task(
        "shop",
        "Buy.",
        make("exact", {"equals": "x"}),
        files={"index.html": PAGE},
        uses=frozenset({"browser"}),
    )
    scene = Shop(task)
    made = Stage(scene, Budget())
    await scene.open()
    yield made
    await scene.close()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with opened() as made:
        yield made


async def test_what_one_trial_copies_another_does_not_paste() -> None:
    async with opened() as one, opened() as two:
        for stage, word in ((one, "first"), (two, "second")):
            tree = (await stage.call("look", {})).result
            await stage.call("type", {"ref": ref(tree, 'textbox "Name"'), "text": word})
            for key in ("Control+a", "Control+c"):
                await stage.call("press", {"key": key})
        for key in ("Control+v", "Control+v"):
            await one.call("press", {"key": key})
        assert "firstfirst" in (await one.call("look", {})).result


def ref(tree: str, words: str) -> str:
    found = re.search(rf"{words}.*?\[ref=(\w+)\]", tree)
    assert found, tree
    return found[1]


async def test_acts_by_reference_text_and_place(stage: Stage) -> None:
    tree = (await stage.call("look", {})).result
    assert 'button "Press"' in tree
    assert "[box=" in tree
    await stage.call("click", {"ref": ref(tree, 'button "Press"')})
    await stage.call("click", {"text": "secret"})
    await stage.call("type", {"ref": ref(tree, 'textbox "Name"'), "text": "Ann"})
    await stage.call("type", {"text": "Bo", "clear": True})
    await stage.call("select", {"ref": ref(tree, 'combobox "Size"'), "option": "L"})
    await stage.call("press", {"key": "F2", "times": 2})
    await stage.call("scroll", {"down": 50})
    await stage.call("drag", {"x": 310, "y": 210, "to_x": 330, "to_y": 250})
    tree = (await stage.call("look", {})).result
    assert 'textbox "Name"' in tree
    assert ": Bo" in tree
    assert 'option "L" [selected]' in tree
    attempt = await stage.end("answered")
    assert attempt.state == {"log": "pressed word F2 F2 wheel 50 dragged 20,40", "title": "Shop"}
    assert not any(call.error for call in attempt.calls)
    pictures = [event.data["path"] for event in attempt.events if event.kind == "picture"]
    assert pictures
    assert all(attempt.files[path].startswith(b"\x89PNG") for path in pictures)


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("click", {}, "say where"),
        ("click", {"ref": "e999"}, "no such element"),
        ("click", {"ref": "css=body"}, "no reference"),
        ("click", {"text": "nowhere"}, "no such element"),
        ("press", {"key": "Nokey"}, "Unknown key"),
        ("select", {"ref": "e1", "option": "XL"}, "."),
        ("drag", {"x": 1, "y": 1}, "say where"),
        ("run_script", {"script": "1"}, "there is no tool"),
    ],
)
async def test_what_cannot_be_done_is_said(
    stage: Stage, tool: str, arguments: dict[str, Any], words: str
) -> None:
    call = await stage.call(tool, arguments)
    assert call.error
    assert re.search(words, call.result), call.result
    assert "Traceback" not in call.result


async def test_a_page_that_hangs_leaves_no_state_and_no_void(stage: Stage) -> None:
    task = Task(
        "hang",
        "x",
        make("exact", {"equals": "x"}),
        files={"index.html": b"<button onclick='while (1) {}'>Go</button>"},
        uses=frozenset({"browser"}),
    )
    scene = Shop(task)
    other = Stage(scene, Budget())
    await scene.open()
    assert (await other.call("click", {"text": "Go"})).error
    attempt = await other.end("answered")
    await scene.close()
    assert attempt.state is None
    assert not attempt.sandbox_fault
