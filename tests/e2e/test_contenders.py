"""Contenders are added, tried and removed on the page; mistakes in the field's files are said while it is served."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e import axe, told
from tests.e2e.conftest import Visit
from tests.e2e.told import Orders
from tests.e2e.words import say
from tests.house import Served
from tests.upstream import Upstream

PORTS = (11434, 1234, 8000, 8080)
"""Where Ollama, LM Studio, vLLM and llama.cpp usually answer."""


@pytest.fixture
def own(upstream: Upstream, tmp_path: Path) -> Iterator[Served]:
    """A field that the test may change."""
    with Served(told.field(tmp_path / "desk", upstream.url)) as served:
        yield served


def test_add_try_and_remove(visit: Visit, own: Served, upstream: Upstream) -> None:
    visitor = visit(own.url)
    page = visitor.go("/contenders")
    expect(page.locator("ul.list > li")).to_have_count(2)
    page.locator("#add-name").fill("third-one")
    page.locator("#add-url").fill(upstream.url)
    page.locator("#add-model").fill("refuse:401")
    page.locator("#add-model").press("Enter")
    expect(visitor.button("add.save_anyway")).to_be_visible()
    page.locator("#add-model").fill("told:3")
    expect(visitor.button("add.save_anyway")).to_have_count(0)
    page.locator("#add-system").fill("Be brief.")
    visitor.button("add.try").click()
    expect(page.get_by_text(say("add.answers"))).to_be_visible()
    expect(page.locator("blockquote")).to_contain_text("Dear Ms Okafor")
    visitor.button("add.save").click()
    expect(page.get_by_text(say("add.done", name="third-one")).first).to_be_visible()
    file = own.folder / "contenders" / "third-one.toml"
    assert "Be brief." in file.read_text()
    card = page.locator("ul.list > li", has_text="third-one")
    expect(card).to_contain_text("contenders/third-one.toml")
    expect(page.locator("header .num")).to_contain_text("3 contenders")

    page.locator("#add-name").fill("third-one")
    expect(page.locator("#add-name")).to_have_attribute("aria-invalid", "false")
    visitor.button("add.try").click()
    expect(page.get_by_text(say("add.wrong.taken"))).to_be_visible()
    page.locator("#add-name").fill("")

    card.get_by_role("button", name=say("contenders.remove")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=say("action.cancel")).click()
    expect(card).to_have_count(1)
    card.get_by_role("button", name=say("contenders.remove")).click()
    dialog.get_by_role("button", name=say("contenders.remove"), exact=True).click()
    expect(card).to_have_count(0)
    assert not file.exists()
    page.goto(f"{own.url}/contenders/third-one")
    expect(page.locator("article.card")).to_contain_text(say("card.status.withdrawn"))


def test_a_server_of_this_machine_is_offered(visit: Visit, own: Served) -> None:
    free = next((port for port in PORTS if _free(port)), None)
    if free is None:
        pytest.skip(f"all of the ports {PORTS} are in use on this machine, so none can be played")
    with Upstream(free, models=("told:1", "vendor/Some Model")):
        visitor = visit(own.url)
        page = visitor.go("/contenders")
        offer = page.locator("aside", has_text=say("add.detected"))
        expect(offer).to_contain_text(f"http://127.0.0.1:{free}/v1")
        offer.get_by_role("button", name="vendor/Some Model").click()
        expect(page.locator("#add-name")).to_have_value("some-model")
        expect(page.locator("#add-name")).to_be_focused()
        expect(page.locator("#add-url")).to_have_value(f"http://127.0.0.1:{free}/v1")
        offer.get_by_role("button", name="told:1").click()
        visitor.button("add.try").click()
        expect(page.get_by_text(say("add.answers"))).to_be_visible()


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_weights_are_chosen_from_the_shelf_after_their_licence(visit: Visit, own: Served) -> None:
    visitor = visit(own.url)
    page = visitor.go("/contenders")
    page.get_by_text(say("add.kind.weights"), exact=True).click()
    here = page.locator("aside li", has_text="smollm2-135m")
    here.get_by_role("button").click()
    expect(page.locator("#add-model")).to_have_value("smollm2-135m")
    expect(page.locator("#add-name")).to_be_focused()
    absent = page.locator("aside li", has=page.locator("input[type=checkbox]"))
    if absent.count():
        absent.get_by_role("button").click()
        expect(absent.get_by_role("alert")).to_have_text(say("shelf.must_accept"))


def test_a_field_edited_wrongly_while_it_is_served(visit: Visit, own: Served) -> None:
    visitor = visit(own.url)
    page = visitor.go("/leaderboard")
    file = own.folder / "field.toml"
    good = file.read_text()
    file.write_text(good.replace('name = "Letters"', 'nmae = "Letters"'))
    banner = page.locator("section.banner")
    expect(banner).to_be_visible()
    line = next(n for n, text in enumerate(good.splitlines(), 1) if 'name = "Letters"' in text)
    expect(banner).to_contain_text(f"field.toml:{line}")
    expect(banner).to_contain_text("nmae")
    assert axe.faults(page) == []
    visitor.asked(Orders())
    expect(banner).to_be_visible()
    visitor.vote("a")
    visitor.names()
    file.write_text(good.replace('"For tests."', '"Mended."'))
    expect(banner).to_have_count(0)
    page.locator("nav a", has_text=say("nav.field")).click()
    expect(page.locator(".lead")).to_have_text("Mended.")


def test_a_field_edited_well_takes_effect_without_a_restart(
    visit: Visit, own: Served, upstream: Upstream
) -> None:
    visitor = visit(own.url)
    page = visitor.go("/contenders")
    (own.folder / "contenders").mkdir()
    added = f'name = "by-hand"\nkind = "endpoint"\nurl = "{upstream.url}"\nmodel = "told:4"\n'
    (own.folder / "contenders" / "by-hand.toml").write_text(added)
    expect(page.locator("ul.list > li", has_text="by-hand")).to_be_visible()
    (own.folder / "prompts.toml").write_text('[[prompts]]\ntext = "Another prompt."\n')
    page.locator("nav a", has_text=say("nav.field")).click()
    expect(page.get_by_text("Another prompt.").first).to_be_visible()
