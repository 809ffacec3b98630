"""Endpoints over real HTTP: what they answer, and every way they can fail."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import threading
import traceback
from collections.abc import Callable
from contextlib import aclosing
from itertools import count
from typing import Self

import pytest

from fieldmark.contenders import ContenderSpec, Delta, Finish, Sampler, make_contender
from fieldmark.errors import ContenderFailure, FailureKind, InputError
from tests.contenders.asking import answer, contending, user
from tests.upstream import Upstream

KEY = "sk-very-secret-0123456789"


@pytest.mark.parametrize(
    ("model", "text", "finish"),
    [
        ("echo", "You said: hello there", Finish("stop", 7, 4)),
        ("whole", "All at once.", Finish("stop", 7, 3)),
        ("odd-form", "Odd but fine", Finish("stop")),
        ("thinks", "Four.", Finish("stop", 7, 1)),
        ("filtered", "I would rather not", Finish("stop", 7, 4)),
    ],
)
async def test_answers(upstream: Upstream, model: str, text: str, finish: Finish) -> None:
    async with contending(upstream.spec(model, timeout=0.4)) as contender:
        assert await answer(contender, "hello there") == (text, finish)


@pytest.mark.parametrize(
    ("model", "kind", "status"),
    [
        ("hang", "timeout", None),
        ("hang:3", "timeout", None),
        ("keep-alive", "timeout", None),
        ("refuse:401", "refused", 401),
        ("refuse:404", "refused", 404),
        ("refuse:429", "refused", 429),
        ("refuse:500", "refused", 500),
        ("redirect", "refused", 302),
        ("error-inside", "refused", 503),
        ("too-long", "too_long", 400),
        ("garbage", "garbage", None),
        ("web-page", "garbage", None),
        ("not-json", "garbage", None),
        ("not-chunks", "garbage", None),
        ("big-line", "garbage", None),
        ("cut-off", "cut_off", None),
        ("cut-cleanly", "cut_off", None),
        ("cut-at-once", "cut_off", None),
        ("nothing", "cut_off", None),
        ("empty", "empty", None),
    ],
)
async def test_failures(upstream: Upstream, model: str, kind: FailureKind, status: int | None) -> None:
    async with contending(upstream.spec(model, timeout=0.3)) as contender:
        with pytest.raises(ContenderFailure) as caught:
            await answer(contender, "hello")
        assert (caught.value.kind, caught.value.status) == (kind, status)
        assert caught.value.message


async def test_text_before_a_failure_is_given(upstream: Upstream) -> None:
    async with contending(upstream.spec("cut-off")) as contender:
        parts = contender.stream(user("hello"))
        got = [await anext(parts) for _ in range(5)]
        with pytest.raises(ContenderFailure):
            await anext(parts)
    assert "".join(part.text for part in got if isinstance(part, Delta)) == "This sentence will never be"


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/v1", "http://no-such-host.invalid/v1"])
async def test_nobody_there(url: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = url.format(port=free.getsockname()[1])
    async with contending(ContenderSpec(name="x", kind="endpoint", url=url, model="m")) as contender:
        with pytest.raises(ContenderFailure) as caught:
            await answer(contender, "hello")
    assert caught.value.kind == "unreachable"
    assert url in caught.value.message


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", b"\x00\xff" * 200])
async def test_not_http(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        async with contending(ContenderSpec(name="x", kind="endpoint", url=url, model="m")) as contender:
            with pytest.raises(ContenderFailure) as caught:
                await answer(contender, "hello")
        thread.join()
    assert caught.value.kind == "garbage"


async def test_an_endless_answer_ends_by_length(upstream: Upstream) -> None:
    async with contending(upstream.spec("endless")) as contender:
        text, finish = await answer(contender, "go on")
    assert finish.reason == "length"
    assert 1_000_000 < len(text) <= 1 << 20


async def test_leaving_stops_the_server() -> None:
    with Upstream() as upstream:
        async with (
            contending(upstream.spec("endless")) as contender,
            aclosing(contender.stream(user("go"))) as parts,
        ):
            assert isinstance(await anext(parts), Delta)
        assert await asyncio.to_thread(upstream.left.wait, 5)


async def test_many_at_once(upstream: Upstream) -> None:
    async with contending(upstream.spec("slow:20")) as contender:
        answers = await asyncio.gather(*(answer(contender, "hello") for _ in range(150)))
    assert {text for text, _ in answers} == {"I take my time to say anything at all."}


class _Bare:
    """A server by hand: counts connections and requests, and closes a connection as `closing` says of a request's
    number on it (from 1); with `hanging` it never ends a stream."""

    def __init__(self, closing: Callable[[int], bool] = lambda _: False, *, hanging: bool = False) -> None:
        self.connections = self.requests = 0
        self._closing, self._hanging = closing, hanging
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.spec = ContenderSpec(
            name="x", kind="endpoint", url=f"http://127.0.0.1:{port}", model="m", timeout=5
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
            await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        for number in count(1):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            await reader.readexactly(int(re.search(rb"content-length: (\d+)", head, re.I)[1]))  # type: ignore[index]
            self.requests += 1
            if self._closing(number):
                break
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            )
            said = {"choices": [{"delta": {"content": "Well."}, "finish_reason": "stop"}]}
            usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
            for payload in (json.dumps(said), json.dumps(usage), *([] if self._hanging else ["[DONE]"])):
                line = f"data: {payload}\n\n".encode()
                writer.write(b"%x\r\n%s\r\n" % (len(line), line))
            writer.write(b"" if self._hanging else b"0\r\n\r\n")
        writer.close()


class TestConnections:
    async def test_an_answer_leaves_its_connection_to_the_next(self) -> None:
        async with _Bare() as server, contending(server.spec) as contender:
            assert [(await answer(contender, "hello"))[0] for _ in range(3)] == ["Well."] * 3
            assert (server.connections, server.requests) == (1, 3)

    async def test_one_that_is_closed_as_it_is_used_again_is_no_failure(self) -> None:
        async with _Bare(lambda number: number == 2) as server, contending(server.spec) as contender:
            assert [(await answer(contender, "hello"))[0] for _ in range(2)] == ["Well."] * 2
            assert (server.connections, server.requests) == (2, 3)

    async def test_a_new_one_that_is_closed_is_one(self) -> None:
        async with _Bare(lambda _: True) as server, contending(server.spec) as contender:
            with pytest.raises(ContenderFailure) as caught:
                await answer(contender, "hello")
            assert caught.value.kind == "cut_off"
            assert server.requests == 1

    async def test_a_stream_that_does_not_end_is_left(self) -> None:
        async with _Bare(hanging=True) as server, contending(server.spec) as contender:
            for _ in range(2):
                async with asyncio.timeout(2):
                    assert await answer(contender, "hello") == ("Well.", Finish("stop", 1, 1))
            assert server.connections == 2


class TestKey:
    async def test_is_read_at_each_call(self, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
        async with contending(upstream.spec("echo", key_env="SOME_KEY")) as contender:
            assert contender.readiness.state == "missing"
            with pytest.raises(ContenderFailure, match="SOME_KEY") as caught:
                await answer(contender, "hello")
            assert caught.value.kind == "refused"
            monkeypatch.setenv("SOME_KEY", KEY)
            await answer(contender, "hello")
        assert upstream.seen[-1].headers["Authorization"] == f"Bearer {KEY}"

    @pytest.mark.parametrize(
        "model", ["refuse:400", "refuse:401", "refuse:500", "cut-off", "garbage", "hang"]
    )
    async def test_is_never_told(
        self,
        upstream: Upstream,
        model: str,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        monkeypatch.setenv("SOME_KEY", KEY)
        async with contending(upstream.spec(model, key_env="SOME_KEY", timeout=0.2)) as contender:
            with pytest.raises(ContenderFailure) as caught:
                await answer(contender, "hello")
            told = [str(caught.value), repr(caught.value), repr(contender), repr(contender.spec), caplog.text]
            told += [
                str(contender.identity),
                repr(vars(contender)),
                *traceback.format_exception(caught.value),
            ]
        assert not any("very-secret" in text for text in told)

    async def test_with_odd_characters(self, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SOME_KEY", "sk-\u2014secret")
        async with contending(upstream.spec("echo", key_env="SOME_KEY")) as contender:
            with pytest.raises(ContenderFailure, match="unusual characters") as caught:
                await answer(contender, "hello")
        assert "secret" not in str(caught.value)


async def test_proxies_are_not_asked_for_loopback(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with contending(upstream.spec("echo")) as contender:
        assert (await answer(contender, "hi"))[0] == "You said: hi"


class TestIdentity:
    def digest(self, **more: object) -> str:
        spec = {"name": "x", "kind": "endpoint", "url": "http://h/v1", "model": "m", **more}
        return make_contender(ContenderSpec.model_validate(spec)).identity.digest

    @pytest.mark.parametrize(
        "same",
        [
            {"name": "y"},
            {"url": "HTTP://H:80/v1/"},
            {"url": "http://h/v1/chat/completions"},
            {"system": ""},
            {"timeout": 5},
            {"key_env": "OTHER"},
            {"price": {"input": 1, "output": 2}},
            {"sampler": {}},
        ],
    )
    def test_does_not_change(self, same: dict[str, object]) -> None:
        assert self.digest(**same) == self.digest()

    def test_changes(self) -> None:
        others: list[dict[str, object]] = [
            {"url": "https://h/v1"},
            {"url": "http://h:81/v1"},
            {"url": "http://h/V1"},
            {"model": "n"},
            {"system": "Be kind."},
            {"sampler": {"temperature": 0}},
            {"sampler": {"temperature": 0.5}},
            {"sampler": {"stop": ["x"]}},
        ]
        assert len({self.digest(), *(self.digest(**other) for other in others)}) == len(others) + 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"url": None}, "needs 'url'"),
        ({"model": None}, "needs 'url' and 'model'"),
        ({"url": "ftp://h"}, "http://"),
        ({"url": "h/v1"}, "http://"),
        ({"url": "http://me:pw@h/v1"}, "user or password"),
        ({"url": "http://h/v1?key=1"}, "base URL"),
        ({"url": "http://h:port/v1"}, "cannot be read"),
        ({"context": 512}, "'context' is for weights"),
        ({"sampler": Sampler(top_k=3)}, "'top_k' is for weights"),
        ({"kind": "oracle"}, "no kind is called 'oracle'"),
    ],
)
def test_specs_that_cannot_be(more: dict[str, object], says: str) -> None:
    good = {"name": "x", "kind": "endpoint", "url": "http://h/v1", "model": "m"}
    with pytest.raises(InputError, match=says) as caught:
        make_contender(ContenderSpec.model_validate({**good, **more}))
    assert "pw" not in str(caught.value)
