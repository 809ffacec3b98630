"""The parser of event streams: however the bytes are cut, and whatever they are."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fieldmark.contenders._sse import EventParser
from fieldmark.contenders._wire import Piece, Reply, read
from fieldmark.errors import ContenderFailure

LINE_END = st.sampled_from(["\n", "\r\n", "\r"])
PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\ufeff"), max_size=20)
NOISE = st.one_of(
    st.just(""),
    PLAIN.map(":{}".format),
    PLAIN.map("event: {}".format),
    st.sampled_from(["id: 3", "retry: 5", "unknown: field", "nofield"]),
)
EVENT = st.lists(PLAIN, min_size=1, max_size=3)


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """A valid stream and the events in it."""
    events = draw(st.lists(EVENT, max_size=5))
    lines: list[str] = []
    for data in events:
        if draw(st.booleans()):
            lines.append(draw(NOISE))
        lines += [
            f"data:{draw(st.sampled_from(['', ' ']))}{text}" if text[:1] != " " else f"data: {text}"
            for text in data
        ]
        lines.append("")
    end = draw(LINE_END)  # one kind for all: a lone CR before an empty line with LF would be one line end
    text = "".join(line + end for line in lines)
    return text.encode(), ["\n".join(data) for data in events]


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def parse(chunks: list[bytes]) -> list[str]:
    return parse_into(EventParser(), chunks)


def parse_into(parser: EventParser, chunks: list[bytes]) -> list[str]:
    return [event for chunk in chunks for event in parser.feed(chunk)] + parser.end()


@given(streams(), st.lists(st.integers(0, 10_000), max_size=12))
def test_cuts_do_not_matter(stream: tuple[bytes, list[str]], places: list[int]) -> None:
    data, events = stream
    assert parse(cut(data, places)) == events


@given(streams())
def test_every_byte_alone(stream: tuple[bytes, list[str]]) -> None:
    data, events = stream
    assert parse([bytes([byte]) for byte in data]) == events


@given(streams())
def test_a_byte_order_mark(stream: tuple[bytes, list[str]]) -> None:
    data, events = stream
    assert parse([b"\xef\xbb", b"\xbf" + data]) == events


def understand(chunks: list[bytes]) -> Reply:
    reply = Reply()
    for event in parse(chunks):
        reply.add(read(event))
    return reply


SCALAR = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
JSON = st.recursive(
    SCALAR,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "content",
                    "tool_calls",
                    "function",
                    "index",
                    "usage",
                    "error",
                    "finish_reason",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(
    st.one_of(st.binary(max_size=300), st.binary(max_size=100).map(lambda data: b"data: " + data + b"\n\n"))
)
@example(b"data: " + b"[" * 100_000 + b"\n\n")
@example(b'data: {"choices": [{"delta": {"content": "\\ud800"}}]}\n\n')
def test_arbitrary_bytes_are_garbage_at_worst(data: bytes) -> None:
    try:
        understand([data])
    except ContenderFailure as failure:
        assert failure.kind == "garbage"  # noqa: PT017


@given(JSON)
def test_arbitrary_json_is_a_failure_at_worst(value: object) -> None:
    try:
        understand([b"data: " + json.dumps(value).encode() + b"\n\n"])
    except ContenderFailure as failure:
        assert failure.kind in ("garbage", "refused", "too_long")  # noqa: PT017


def test_lines_and_events_have_a_limit() -> None:
    parser = EventParser(limit=1000)
    with pytest.raises(ContenderFailure, match="1,000 bytes"):
        parse_into(parser, [b"data: " + b"x" * 20] * 100)
    parser = EventParser(limit=1000)
    with pytest.raises(ContenderFailure, match="1,000 bytes"):
        parse_into(parser, [b"data: " + b"x" * 20 + b"\n"] * 100)


def test_one_long_line_in_small_pieces_takes_no_longer_than_its_bytes() -> None:
    piece = b"x" * 40
    begun = time.process_time()
    [event] = parse([b"data: ", *[piece] * 80_000, b"\n\n"])
    assert len(event) == 3_200_000
    assert time.process_time() - begun < 2  # a copy of all so far for each piece takes 20 s


def test_hidden_reasoning_is_alive_but_no_text() -> None:
    piece = read('{"choices": [{"delta": {"reasoning_content": "hm"}}]}')
    assert piece == Piece(alive=True)


def test_usage_without_choices() -> None:
    piece = read('{"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}')
    assert piece.usage is not None
    assert (piece.usage.prompt, piece.usage.answer) == (3, 4)
