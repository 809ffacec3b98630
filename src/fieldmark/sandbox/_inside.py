"""Process 1 of a bubblewrap sandbox: starts commands, puts files, kills trees. Handed to Python as code, not as a file.

It runs before any foreign code does, cannot be signalled or traced by it, and hears only the host, through one socket.
Everything inside dies with it. It imports C modules only, for a quick start.

Requests are `marshal`ed tuples, replies are two integers: the request's number and a value.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import _socket as socket
import errno
import marshal
import os
import resource
import select
import struct
import sys
import time

TYPE_CHECKING = False  # the module `typing` alone would double the start time
if TYPE_CHECKING:
    from typing import Any

SUBREAPER, DUMPABLE = 36, 4
"""Options of prctl(2)."""
MOST_ROUNDS = 100
"""A tree that still lives after so many rounds of killing takes everything else inside with it."""
control = socket.socket(fileno=int(sys.argv[1]))
commands: dict[int, int] = {}
"""Process id of each command's keeper to the number of its request."""


def prctl(option: int, value: int) -> None:
    """Linux's prctl: Python has no door to it but ctypes, whose C half is quick to import."""
    import _ctypes

    library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]
    _ctypes.call_function(_ctypes.dlsym(library, "prctl"), (option, value, 0, 0, 0))


def receive() -> tuple[Any, list[int]] | None:
    """The next request with the descriptors that came along; None when the host is gone."""
    data, ancillary, _, _ = control.recvmsg(1 << 17, socket.CMSG_SPACE(16))
    descriptors = [f for _, _, raw in ancillary for (f,) in struct.iter_unpack("i", raw[: len(raw) // 4 * 4])]
    if not data:
        return None
    if data == b"+":  # too long for one message
        with os.fdopen(descriptors.pop(0), "rb") as file:
            file.seek(0)
            data = file.read()
    return marshal.loads(data), descriptors  # noqa: S302 (the host is trusted)


def reply(number: int, value: int) -> None:
    control.send(struct.pack("qq", number, value))


def run(number: int, descriptors: list[int], argv: list[str], cwd: str, env: dict[str, str]) -> None:
    """Start a command below a keeper, to whom its orphans come, so that the whole tree can be found and killed."""
    try:
        keeper = os.fork()
    except OSError:
        reply(number, 126)
        return
    if keeper == 0:
        keep(descriptors, argv, cwd, env)
    commands[keeper] = number


def keep(descriptors: list[int], argv: list[str], cwd: str, env: dict[str, str]) -> None:
    status = 126
    try:
        control.close()
        prctl(SUBREAPER, 1)
        signal.set_wakeup_fd(-1)
        child = os.fork()
        if child == 0:
            become(descriptors, argv, cwd, env)
        for descriptor in (0, 1, 2, *descriptors):
            os.close(descriptor)
        while True:
            done, raw = os.wait()
            if done == child:
                code = os.waitstatus_to_exitcode(raw)
                status = code if code >= 0 else 128 - code
                break
    finally:
        os._exit(status)


def become(descriptors: list[int], argv: list[str], cwd: str, env: dict[str, str]) -> None:
    """Turn into the command; 127 when there is none, 126 when it cannot be run, as shells say it."""
    status = 126
    try:
        for target, descriptor in enumerate(descriptors):
            os.dup2(descriptor, target)
        os.closerange(3, 1 << 20)
        os.setsid()
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        if os.getuid() != USER:  # for good: whoever is started here is nobody
            os.setresgid(USER, USER, USER)
            os.setresuid(USER, USER, USER)
        for which, value in RLIMITS:
            resource.setrlimit(which, (value, value))
        os.chdir(cwd)
        os.execvpe(argv[0], argv, env)  # noqa: S606
    except FileNotFoundError:
        status = 127
        os.write(2, f"{argv[0]}: not found\n".encode("utf-8", "replace"))
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode("utf-8", "replace"))
    finally:
        os._exit(status)


def below(keeper: int) -> list[int]:
    """Every living process below the keeper."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb", 0) as file:
                    state, parent = file.read(4096).rpartition(b")")[2].split()[:2]
            except OSError:
                continue
            if state not in (b"Z", b"X"):
                parents[int(name)] = int(parent)
    found = {keeper}
    while more := {p for p, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {keeper})


def kill(number: int) -> None:
    """Kill a command with everything it started."""
    keeper = next((k for k, n in commands.items() if n == number), 0)
    if keeper:
        signal_to(keeper, signal.SIGSTOP)
        kill_below(keeper)
        signal_to(keeper, signal.SIGKILL)


def kill_below(keeper: int) -> None:
    """Kill the tree under a process: first stop all, so that nothing forks away meanwhile."""
    stopped: set[int] = set()
    for turn in range(MOST_ROUNDS):
        tree = below(keeper)
        if not tree:
            return
        new = set(tree) - stopped
        for process in new or tree:
            signal_to(process, signal.SIGSTOP if new else signal.SIGKILL)
        stopped |= new
        if not new:
            time.sleep(turn / 1000)  # what is killed takes a moment to die
    if os.getpid() == 1:
        signal_to(-1, signal.SIGKILL)  # everything inside but this process


def signal_to(process: int, number: int) -> None:
    try:  # noqa: SIM105 (contextlib is slow to import)
        os.kill(process, number)
    except OSError:
        pass


def put(number: int, source: int, path: list[str], name: str) -> None:
    """Write a file without following any link; the reply is an errno."""
    folder, temporary = os.open(HOME, os.O_RDONLY | os.O_DIRECTORY), f".{number}.part"
    try:
        folder = descend(folder, path)
        mode = 0o644
        try:
            before = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            mode = before & 0o777 if before & 0o170000 == 0o100000 else mode  # of a plain file
        except OSError:
            pass
        target = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode, dir_fd=folder)
        try:
            os.lseek(source, 0, 0)
            while data := os.read(source, 1 << 20):
                while data:
                    data = data[os.write(target, data) :]
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.unlink(temporary, dir_fd=folder)
            raise
        finally:
            os.close(target)
    except OSError as error:
        reply(number, error.errno or errno.EIO)
    else:
        reply(number, 0)
    finally:
        os.close(folder)
        os.close(source)


def descend(folder: int, path: list[str]) -> int:
    """The folder at `path` below, made where it is missing. Closes `folder`."""
    for part in path:
        try:  # noqa: SIM105
            os.mkdir(part, 0o755, dir_fd=folder)
        except FileExistsError:
            pass
        deeper = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        os.close(folder)
        folder = deeper
    return folder


def reap() -> None:
    while True:
        try:
            process, raw = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if process == 0:
            return
        if process in commands:
            code = os.waitstatus_to_exitcode(raw)
            reply(commands.pop(process), code if code >= 0 else 128 - code)


def serve() -> None:
    awake, wake = os.pipe()
    os.set_blocking(awake, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll = select.poll()
    poll.register(control.fileno(), select.POLLIN)
    poll.register(awake, select.POLLIN)
    folder = os.open(HOME, os.O_RDONLY | os.O_DIRECTORY)
    control.sendmsg(
        [struct.pack("qq", 0, 0)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", folder))]
    )
    os.close(folder)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == awake:
                os.read(awake, 4096)
                reap()
            elif not handle():
                return


def handle() -> bool:
    """One request; whether the host is still there."""
    request = receive()
    if request is None:
        return False
    (what, number, *rest), descriptors = request
    if what == "run":
        run(number, descriptors, *rest)
        for descriptor in descriptors:
            os.close(descriptor)
    elif what == "put":
        put(number, descriptors[0], *rest)
    elif what == "kill":
        kill(number)
    return True


HOME, USER, RLIMITS = marshal.loads(control.recv(4096))  # noqa: S302
if os.getuid() != USER:
    os.setgroups([])
    os.setegid(USER)
    os.seteuid(USER)
prctl(DUMPABLE, 0)  # whoever has the same user cannot trace or read this process either
prctl(SUBREAPER, 1)
try:
    serve()
finally:
    if os.getpid() != 1:  # else the kernel does it
        kill_below(os.getpid())
    os._exit(0)
