"""Server-sent events, the part of them that chat streams use (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

from fieldmark.errors import ContenderFailure

LINE_LIMIT = 4 << 20
"""Most bytes of one line, and of one event's data."""


class EventParser:
    """Bytes in, the `data` of each finished event out, the same however the bytes were cut."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._rest: list[bytes] = []
        """The beginning of a line, in the pieces that came."""
        self._rest_size = 0
        self._data: list[bytes] = []
        self._size = 0
        self._skip_newline = False
        self._started = False

    def feed(self, chunk: bytes) -> list[str]:
        """Events that this chunk completes.

        Raises:
            ContenderFailure: `garbage` when a line or an event is longer than the limit.
        """
        chunk = self._unify_line_ends(chunk)
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = self._take_rest() + lines[0]
        events = [event for line in lines if (event := self._line(line)) is not None]
        self._rest.append(rest)
        self._rest_size += len(rest)
        self._check(self._rest_size)
        return events

    def end(self) -> list[str]:
        """What a server that ends without a blank line left unfinished."""
        self._line(self._take_rest())
        last = self._dispatch()
        return [] if last is None else [last]

    def _take_rest(self) -> bytes:
        rest = b"".join(self._rest)
        self._rest.clear()
        self._rest_size = 0
        return rest

    def _unify_line_ends(self, chunk: bytes) -> bytes:
        if self._skip_newline and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._skip_newline = False
        if chunk:
            self._skip_newline = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in chunk else chunk

    def _line(self, line: bytes) -> str | None:
        if not self._started:
            self._started = True
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        if field == b"data":
            value = value.removeprefix(b" ")
            self._size += len(value)
            self._check(self._size)
            self._data.append(value)
        return None

    def _dispatch(self) -> str | None:
        if not self._data:
            return None
        event = b"\n".join(self._data).decode("utf-8", "replace")
        self._data.clear()
        self._size = 0
        return event

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise ContenderFailure("garbage", f"the server sent one event of more than {self._limit:,} bytes")
