"""Files out of a container as a stream: nothing is unpacked, and no more is read than can be there."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Sequence
from typing import IO

from fieldmark.sandbox import _files
from fieldmark.sandbox._base import Collected


class _Bounded:
    """A stream that ends early."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream = stream
        self.room = most

    def read(self, size: int) -> bytes:
        data = self._stream.read(min(size, self.room))
        self.room -= len(data)
        return data


def taken(
    command: Sequence[str], patterns: Sequence[str], max_files: int, max_bytes: int, most: int
) -> Collected:
    """Run a `tar` that writes an archive to its output; the plain files in it that match and fit."""
    files: dict[str, bytes] = {}
    left: dict[str, str] = {}
    with subprocess.Popen(
        list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        stream = _Bounded(process.stdout, most)
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]
                for seen, member in enumerate(archive):
                    if seen > _files.MOST_SEEN:
                        left["."] = f"not everything was looked at: more than {_files.MOST_SEEN} files"
                        break
                    max_bytes -= _take(archive, member, patterns, (max_files, max_bytes), files, left)
        except tarfile.TarError:
            if stream.room <= 0:
                left["."] = "not everything was looked at: too much"
        finally:
            process.kill()
    return Collected(dict(sorted(files.items())), left)


def _take(
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
    patterns: Sequence[str],
    room: tuple[int, int],
    files: dict[str, bytes],
    left: dict[str, str],
) -> int:
    path = member.name.removeprefix("./")
    if member.isdir() or not _files.matches(path, patterns):
        return 0
    why = ""
    if not member.isreg():
        why = "a link" if member.issym() or member.islnk() else "no plain file"
    elif len(files) >= room[0]:
        why = f"more than {room[0]} files"
    elif member.size > room[1]:
        why = f"too big: {member.size} bytes, {room[1]} are allowed"
    if why:
        if len(left) < _files.MOST_LEFT:
            left[path] = why
        return 0
    found = archive.extractfile(member)
    files[path] = found.read() if found else b""
    return len(files[path])
