"""What every kind of sandbox can do: a fresh place, without a network, in which code that nobody trusts may run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import ClassVar, Self

from fieldmark.plugins import Registry

WORK = "/task"
"""The working folder inside, and what relative paths are relative to."""


@dataclass(frozen=True)
class Limits:
    """What everything in one sandbox may use together."""

    memory_mb: int = 512
    """Memory of all processes, files in the working folder included. See `Sandbox.bounds` for what is really bound."""
    processes: int = 128
    """Processes and threads at once."""
    disk_mb: int = 256
    """Bytes in the working folder."""
    seconds: float = 60.0
    """Wall-clock time of one command; afterwards it is killed with its children."""
    output_kb: int = 1024
    """Standard output and error kept of one command, each; the rest is thrown away and the command goes on."""


@dataclass(frozen=True)
class Mount:
    """A folder or file of the host that can be read inside, never written. It must be readable for everybody."""

    source: str
    target: str


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    """Exit status; 128 + n after signal n."""
    stdout: bytes
    stderr: bytes
    seconds: float
    """Wall-clock time."""
    timed_out: bool = False
    """It was killed for running longer than allowed."""
    truncated: bool = False
    """Some output was thrown away."""

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with 0."""
        return self.code == 0 and not self.timed_out


@dataclass(frozen=True)
class Collected:
    """Files taken out of a sandbox: plain files only, no link is ever followed."""

    files: Mapping[str, bytes]
    """Path relative to the working folder, with `/`, to content."""
    left: Mapping[str, str] = field(default_factory=dict)
    """Path to why it was left there: a link, no plain file, too big, too many."""


class Running(ABC):
    """A command that goes on while others run: code under test behind a pipe, or a server."""

    @abstractmethod
    async def send(self, data: bytes) -> None:
        """Write to its standard input. Raises CommandEnded when it is gone."""

    @abstractmethod
    async def line(self, *, seconds: float, limit: int = 1 << 20) -> bytes | None:
        """The next line of its standard output, without its end; None when there is none any more.

        Raises TimeoutError, and ValueError for a line over `limit` bytes (nothing more can be read then).
        """

    @abstractmethod
    async def stop(self) -> Done:
        """Kill it with its children; what it said on standard error stands in the result."""


class Sandbox(ABC):
    """A fresh place for one trial or one grading. Enter, use, leave: nothing in it survives, no process either.

    Every method raises SandboxError when the sandbox itself fails, never for what the code in it does.
    """

    kind: ClassVar[str]
    warning: ClassVar[str] = ""
    """What whoever chooses this kind must be told each time."""

    def __init__(self, limits: Limits | None = None, mounts: Sequence[Mount] = ()) -> None:
        self.limits = limits or Limits()
        self.mounts = tuple(mounts)

    @classmethod
    @abstractmethod
    def trouble(cls) -> str | None:
        """Why this kind cannot be had on this machine, in words that say what would help; None when it can."""

    @classmethod
    @abstractmethod
    def bounds(cls) -> Mapping[str, str]:
        """What limits are really held here, and by what: `memory`, `processes`, `disk`, `network`, `files` to `cgroup`,
        `rlimit`, `namespace`, `tmpfs`, ... or `nothing`.
        """

    @property
    def python(self) -> str:
        """Path or name of a Python inside; where Fieldmark's own environment is shown, with its packages (pytest)."""
        return "python3"

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @abstractmethod
    async def open(self) -> None:
        """Make the place."""

    @abstractmethod
    async def close(self) -> None:
        """Kill everything in it and throw it away. Safe to call twice."""

    @abstractmethod
    async def exec(
        self,
        command: Sequence[str],
        *,
        stdin: bytes = b"",
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Done:
        """Run a command until it ends, within the limits; 137 when what ran before has brought the sandbox down."""

    @abstractmethod
    async def start(
        self, command: Sequence[str], *, cwd: str = ".", env: Mapping[str, str] | None = None
    ) -> Running:
        """Start a command and go on. It has ended at once when what ran before has brought the sandbox down."""

    @abstractmethod
    async def write(self, path: str, data: bytes) -> None:
        """Put a file into the working folder; folders are made. No link on the way is followed.

        Raises ValueError for a path that leads elsewhere or is taken, and OSError when the folder is full, or what ran
        before has brought the sandbox down.
        """

    @abstractmethod
    async def read(self, path: str, *, limit: int = 1 << 20) -> bytes:
        """A file of the working folder. Raises FileNotFoundError, and ValueError if it is bigger or no plain file."""

    @abstractmethod
    async def collect(
        self, patterns: Sequence[str], *, max_files: int = 500, max_bytes: int = 8 << 20
    ) -> Collected:
        """Take out the files that match (`*` within a name, `**` across folders), smallest path first."""


SANDBOXES: Registry[type[Sandbox]] = Registry("fieldmark.sandboxes")
"""Every kind of sandbox by name."""
