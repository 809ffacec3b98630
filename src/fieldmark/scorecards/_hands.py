"""What a contender can do in a sandbox: run commands, read and write files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from fieldmark.sandbox import WORK, Done, Sandbox
from fieldmark.scorecards._task import Tool, ToolRefusal

SHOWN = 8_000
"""Characters of a command's output that are told: its beginning and its end."""
LINES = 400
"""Lines of a file that are told at once, unless asked otherwise."""
LISTED = 500
"""Files that are listed."""
FILE_TOOLS = frozenset({"read_file", "write_file", "list_files"})
"""Names of those tools that work on files."""

Path = Annotated[str, Field(description="relative to the working folder", min_length=1)]


def hands(sandbox: Sandbox) -> Sequence[Tool]:
    """The tools `shell`, `read_file`, `write_file` and `list_files` of one sandbox."""
    longest = sandbox.limits.seconds

    async def shell(
        command: str,
        seconds: Annotated[float, Field(gt=0, description="after so long it is killed")] = longest,
    ) -> str:
        done = await sandbox.exec(["/bin/sh", "-c", command], seconds=min(seconds, longest))
        return _told(done)

    shell.__doc__ = (
        f"Run a command with /bin/sh in the working folder {WORK}; its output and exit status. There is no network. "
        f"Nothing is kept between commands but files; it is killed after {longest:g} seconds at most."
    )

    async def read_file(
        path: Path,
        start: Annotated[int, Field(ge=1, description="first line")] = 1,
        lines: Annotated[int, Field(ge=1, le=5000)] = LINES,
    ) -> str:
        """Read a text file, or some of its lines."""
        return _lines(await read_text(sandbox, path), start, lines)

    async def write_file(path: Path, content: str) -> str:
        """Write a text file; folders are made, and what was in the file before is gone."""
        return await write_text(sandbox, path, content)

    async def list_files(folder: Path = ".") -> str:
        """The files of a folder and of those in it, without hidden folders."""
        names = await file_names(sandbox, folder)
        more = [f"[more than {LISTED}]"] if len(names) > LISTED else []
        return "\n".join(names[:LISTED] + more) or "[no files]"

    return tuple(Tool.of(each) for each in (shell, read_file, write_file, list_files))


async def file_names(sandbox: Sandbox, folder: str = ".") -> list[str]:
    """Paths of the files in a folder, sorted, hidden folders left out; one more than `LISTED` at most.

    Raises:
        ToolRefusal: it is no folder.
    """
    find = 'cd "$1" && find . -type d -name ".?*" -prune -o -type f -print | sort | head -n "$2"'
    done = await sandbox.exec(["/bin/sh", "-c", find, "sh", folder, str(LISTED + 1)])
    if not done.ok:
        raise ToolRefusal(f"'{folder}' cannot be listed: {_text(done.stderr).strip() or 'it is no folder'}")
    return [line.removeprefix("./") for line in _text(done.stdout).splitlines()]


async def write_text(sandbox: Sandbox, path: str, text: str) -> str:
    """Write a file; says so. Raises ToolRefusal."""
    data = text.encode("utf-8", "replace")
    try:
        await sandbox.write(path, data)
    except (OSError, ValueError) as error:
        raise ToolRefusal(f"'{path}' cannot be written: {error}") from None
    return f"{len(data)} bytes written to {path}"


async def read_text(sandbox: Sandbox, path: str) -> str:
    """A file's text. Raises ToolRefusal."""
    try:
        data = await sandbox.read(path)
    except FileNotFoundError:
        raise ToolRefusal(f"there is no file '{path}'") from None
    except (OSError, ValueError) as error:
        raise ToolRefusal(f"'{path}' cannot be read: {error}") from None
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ToolRefusal(f"'{path}' is no text: {len(data)} bytes") from None


def _lines(text: str, start: int, count: int) -> str:
    every = text.splitlines(keepends=True)
    shown = "".join(every[start - 1 : start - 1 + count])
    left = len(every) - (start - 1 + count)
    return shown + (f"[{left} more lines, from {start + count} on]" if left > 0 else "")


def _told(done: Done) -> str:
    parts = [_short(_text(done.stdout)), _short(_text(done.stderr))]
    if done.timed_out:
        parts.append(f"[killed after {done.seconds:.0f} s]")
    elif done.code:
        parts.append(f"[exit status {done.code}]")
    return "\n".join(part.rstrip("\n") for part in parts if part) or "[no output]"


def _short(text: str) -> str:
    if len(text) <= SHOWN:
        return text
    half = SHOWN // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
