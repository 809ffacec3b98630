"""What code tries that wants out: every attempt is made for real, and fails."""

# ruff: noqa: ASYNC240 (tests look at the machine directly)
from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

import fieldmark
from fieldmark.sandbox import Bubblewrap, _filter, _roots


async def out(sandbox: Bubblewrap, script: str) -> str:
    """What a shell script says, errors included."""
    done = await sandbox.exec(["sh", "-c", script])
    return (done.stdout + done.stderr).decode()


async def python(sandbox: Bubblewrap, script: str) -> str:
    done = await sandbox.exec([sandbox.python, "-c", script])
    return (done.stdout + done.stderr).decode()


async def test_there_is_no_network(walled: Bubblewrap) -> None:
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        tried = "import socket\nfor host in ('127.0.0.1', '1.1.1.1'):\n    try:\n"
        tried += f"        socket.create_connection((host, {port}), 2); print('connected')\n"
        tried += "    except OSError as error:\n        print(error.strerror)"
        said = await python(walled, tried)
    assert said == "Connection refused\nNetwork is unreachable\n"
    assert (
        await out(walled, "ls /sys/class/net 2>&1; cat /proc/net/dev | tail -n +3 | cut -d: -f1")
    ).split()[-1] == "lo"


@pytest.mark.parametrize("family", [17, 40, 16 + 16])
async def test_unusual_sockets_do_not_exist(walled: Bubblewrap, family: int) -> None:
    """Raw packets, a virtual machine's door to its host, others."""
    if _filter.program() is None:
        pytest.skip("there is no filter for this architecture")
    tried = f"import errno, socket\ntry:\n    socket.socket({family}, 1); print('open')\n"
    tried += "except OSError as error:\n    print(errno.errorcode[error.errno])"
    assert await python(walled, tried) == "EAFNOSUPPORT\n"


async def test_the_hosts_files_are_not_there(walled: Bubblewrap, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("of the host")
    secret.chmod(0o644)
    places = [
        secret,
        Path.home() / ".ssh",
        "/etc/shadow",
        "/etc/gshadow",
        "/etc/hostname",
        "/var/lib",
        "/home",
        "/srv",
    ]
    for place in places:
        assert "o such file" in await out(walled, f"ls {place}"), place
    assert await out(walled, "ls -A /task; ls -A /tmp; ls -A /run /var /mnt /media 2>/dev/null") == ""
    host = Path(__file__).resolve()
    assert "o such file" in await out(walled, f"cat {host}")
    assert (await out(walled, f"cat /proc/1/root{host} /proc/1/cwd/..{host}")).count("Permission denied") == 2


async def test_hidden_tests_in_the_package_are_not_there(walled: Bubblewrap) -> None:
    package = Path(fieldmark.__file__).parent
    assert "o such file" in await out(walled, f"ls {package}/scorecards")
    assert "No module named 'fieldmark" in await python(walled, "import fieldmark.scorecards")


async def test_the_package_is_covered_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen with another package in its place, since the one under test is installed from its source."""
    if trouble := Bubblewrap.trouble():
        pytest.skip(trouble)
    monkeypatch.setattr(fieldmark, "__file__", pytest.__file__)
    _roots.system.cache_clear()
    try:
        async with Bubblewrap() as sandbox:
            said = await python(sandbox, "import pytest; print(pytest.__path__); import _pytest; pytest.main")
            assert "AttributeError: module 'pytest' has no attribute 'main'" in said
            folder = said.partition("['")[2].partition("']")[0]
            assert await out(sandbox, f"ls -A {folder} && touch {folder}/new") == (
                f"touch: cannot touch '{folder}/new': Read-only file system\n"
            )
    finally:
        _roots.system.cache_clear()


async def test_another_trials_folder_is_not_there(walled: Bubblewrap) -> None:
    search = "find /task /tmp /dev /run /opt -name answer.txt 2>/dev/null"
    look = "ls /task; for p in /proc/[0-9]*; do ls $p/root$PWD; done"
    async with Bubblewrap(walled.limits) as other:
        await other.write("answer.txt", b"forty-two")
        await walled.write("mine.txt", b"")
        assert await out(other, search) == "/task/answer.txt\n"
        assert (await out(other, look)).count("answer.txt") > 1
        assert await out(walled, search) == ""
        said = await out(walled, look)
        assert said.count("mine.txt") > 1
        assert "answer" not in said


async def test_processes_of_the_host_and_of_other_trials_are_not_seen_or_reached(walled: Bubblewrap) -> None:
    async with Bubblewrap(walled.limits) as other:
        sleeping = await other.start(["sleep", "77"])
        assert "sleep 77" not in (await out(walled, "cat /proc/*/cmdline | tr '\\0' ' '"))
        await out(walled, "kill -9 -1; true")
        assert (await other.exec(["true"])).ok
        assert "pytest" not in (await out(walled, "cat /proc/*/cmdline"))
        await sleeping.stop()
    assert f"\n{os.getpid()}\n" not in await out(walled, "ls /proc")


async def test_secrets_in_the_environment_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    if trouble := Bubblewrap.trouble():
        pytest.skip(trouble)
    monkeypatch.setenv("SOME_API_KEY", "sk-very-secret")
    async with Bubblewrap() as sandbox:
        said = await out(sandbox, "env; cat /proc/*/environ /proc/self/environ")
    assert "PATH=" in said
    assert "secret" not in said


async def test_the_system_cannot_be_written(walled: Bubblewrap) -> None:
    for place in ("/", "/usr", "/usr/bin", "/etc", "/dev", "/opt", "/lib/", "/proc/sys/kernel"):
        assert not (await walled.exec(["touch", f"{place}/new"])).ok, place
    assert not (await walled.exec(["sh", "-c", "echo 0 > /proc/sys/kernel/panic"])).ok
    assert not (await walled.exec(["sh", "-c", "echo b > /proc/sysrq-trigger"])).ok
    prefix = str(Path(walled.python).parent)
    assert not (await walled.exec(["touch", f"{prefix}/new"])).ok
    assert not (await walled.exec(["mount", "-o", "remount,rw", "/usr"])).ok
    assert not (await walled.exec(["mknod", "disk", "b", "8", "0"])).ok


async def test_no_powers_are_left_or_can_be_had(walled: Bubblewrap) -> None:
    said = await out(walled, "grep -E 'CapEff|CapPrm|NoNewPrivs|Seccomp:' /proc/self/status; id -u")
    assert said.split() == [
        "CapPrm:",
        "0" * 16,
        "CapEff:",
        "0" * 16,
        "NoNewPrivs:",
        "1",
        "Seccomp:",
        "2",
        "1000",
    ]
    assert "Operation not permitted" in await out(walled, "unshare -Ur true")
    assert "Operation not permitted" in await out(walled, "unshare -m true")
    assert not (await walled.exec(["su", "-c", "id"])).ok
    doors = {"ptrace": 101, "bpf": 321, "keyctl": 250, "io_uring_setup": 425, "userfaultfd": 323}
    calls = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    calls += f"for name, number in {doors}.items():\n"
    calls += "    libc.syscall(number, 0, 0, 0, 0); print(name, ctypes.get_errno())"
    if os.uname().machine == "x86_64":
        assert await python(walled, calls) == "".join(f"{name} 1\n" for name in doors)


async def test_process_1_cannot_be_killed_traced_or_read(walled: Bubblewrap) -> None:
    for script in (
        "kill -9 1; kill -STOP 1; kill -TERM 1",
        "cat /proc/1/mem /proc/1/maps",
        "ls /proc/1/fd/",
        "kill -9 -1",
        "kill -9 $PPID",
        "for p in /proc/[0-9]*; do kill -9 ${p#/proc/}; done",
    ):
        await walled.exec(["sh", "-c", script], seconds=5)
        assert (await walled.exec(["echo", "alive"])).stdout == b"alive\n", script
    assert "denied" in await out(walled, "cat /proc/1/mem")
    assert "denied" in await out(walled, "ls /proc/1/fd/")


async def test_what_a_command_prints_is_not_taken_for_its_end(walled: Bubblewrap) -> None:
    forged = b"\x00" * 16
    done = await walled.exec(
        ["sh", "-c", "cat >&1; for f in 3 4 5 6 7 8 9; do cat <&0 >&$f; done; exit 1"], stdin=forged
    )
    assert done.code == 1
    assert await out(walled, "ls /proc/self/fd | wc -l") == "4\n"  # 0, 1, 2 and the folder being listed


async def test_its_input_cannot_be_made_bigger(walled: Bubblewrap) -> None:
    """Standard input is a file in the host's memory: writing into it would fill that."""
    script = "import os\nfor do in (lambda f: os.ftruncate(f, 1 << 30), lambda f: os.write(f, b'more')):\n"
    script += "    try:\n        do(os.open('/proc/self/fd/0', os.O_RDWR)); print('done')\n"
    script += "    except OSError as error:\n        print('refused')"
    done = await walled.exec([walled.python, "-c", script], stdin=b"a little")
    assert done.stdout == b"refused\nrefused\n"
