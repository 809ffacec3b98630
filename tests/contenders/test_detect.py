"""Local servers are found by what they answer, and a contender is probed by asking it."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler

import pytest

from fieldmark.contenders import ContenderSpec, LocalServer, detect, make_contender, probe
from fieldmark.errors import FailureKind
from tests.contenders.asking import contending
from tests.contenders.sources import serving
from tests.upstream import Upstream

MODELS = json.dumps({"object": "list", "data": [{"id": "one"}, {"id": "two:7b"}]})


def handler(pages: Mapping[str, str], banner: str = "test") -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path, "").encode()
            self.send_response(200 if self.path in pages else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def version_string(self) -> str:
            return banner

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.mark.parametrize(
    ("pages", "banner", "kind"),
    [
        ({"/api/version": '{"version": "0.9"}'}, "x", "Ollama"),
        ({"/api/v0/models": '{"data": []}'}, "x", "LM Studio"),
        ({"/version": '{"version": "0.9"}'}, "uvicorn", "vLLM"),
        ({}, "llama.cpp", "llama.cpp"),
        ({}, "x", "OpenAI-compatible"),
        ({"/api/version": "<html>"}, "x", "OpenAI-compatible"),
    ],
)
async def test_kinds(pages: dict[str, str], banner: str, kind: str) -> None:
    with serving(handler({"/v1/models": MODELS, **pages}, banner)) as url:
        found = await detect({int(url.rpartition(":")[2]): "anything"})
    assert found == [LocalServer(kind, f"{url}/v1", ("one", "two:7b"))]


@pytest.mark.parametrize("said", ["", "<html>", "[]", '{"data": 3}', "[" * 100_000])
async def test_what_is_no_such_server(said: str) -> None:
    with serving(handler({"/v1/models": said})) as url:
        assert await detect({int(url.rpartition(":")[2]): "anything"}) == []


async def test_odd_names_are_left_out() -> None:
    listed = json.dumps({"data": [{"id": "good"}, {"id": "\x1b[31m"}, {"id": 3}, {}, "x", {"id": "x" * 999}]})
    with serving(handler({"/v1/models": listed})) as url:
        [server] = await detect({int(url.rpartition(":")[2]): "anything"})
    assert server.models == ("good",)


async def test_nobody_and_one_who_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        ports = {silent.getsockname()[1]: "silent", free.getsockname()[1]: "nobody"}
        assert await detect(ports) == []


async def test_probe(upstream: Upstream) -> None:
    async with contending(upstream.spec("names-itself")) as contender:
        probed = await probe(contender)
    assert probed.ok
    assert probed.text == "I am names-itself, a model made by Upstream Labs."
    assert probed.ms_to_first is not None
    assert probed.failure is None


async def test_probe_stops_when_it_has_heard_enough(upstream: Upstream) -> None:
    async with contending(upstream.spec("endless")) as contender:
        assert (await probe(contender)).ok
    assert upstream.seen[-1].body["max_tokens"] == 256


@pytest.mark.parametrize(
    ("model", "kind"), [("refuse:500", "refused"), ("hang", "timeout"), ("empty", "empty")]
)
async def test_probe_of_one_that_fails(upstream: Upstream, model: str, kind: FailureKind) -> None:
    async with contending(upstream.spec(model, timeout=0.2)) as contender:
        probed = await probe(contender)
    assert (probed.ok, probed.failure) == (False, kind)
    assert probed.message


async def test_probe_of_weights_that_are_not_here() -> None:
    contender = make_contender(ContenderSpec(name="x", kind="weights", model="nobody"))
    probed = await probe(contender)
    await contender.close()
    assert not probed.ok
    assert "nobody" in probed.message
    assert "known:" in probed.hint
