"""Nothing outlives its sandbox: not a process, not a file, not a group, whoever ends first."""

# ruff: noqa: ASYNC110, ASYNC240 (tests look at the machine directly)
from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import fieldmark
from fieldmark.errors import SandboxError
from fieldmark.sandbox import Bubblewrap, Limits, PlainProcess, Sandbox, _groups, _process, _served

KINDS = [Bubblewrap, PlainProcess]


def running(mark: str) -> list[int]:
    """Processes of this machine with that word in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line, state = (
                    (entry / "cmdline").read_bytes(),
                    (entry / "stat").read_text().rpartition(")")[2],
                )
            except OSError:
                continue
            if mark.encode() in line.split(b"\0") and state.split()[0] != "Z":
                found.append(int(entry.name))
    return found


def gone(mark: str, seconds: float = 10) -> bool:
    """Whether no such process is left, soon."""
    end = time.monotonic() + seconds
    while running(mark):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def mark() -> Iterator[str]:
    mark = f"66{time.monotonic_ns() % 1_000_000_000}"
    yield mark
    for process in running(mark):
        os.kill(process, signal.SIGKILL)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_background_process_dies_with_its_sandbox(kind: type[Sandbox], mark: str) -> None:
    if trouble := kind.trouble():
        pytest.skip(trouble)
    async with kind() as sandbox:
        hidden = f"(setsid nohup sh -c 'trap \"\" TERM HUP INT; sleep {mark}; :' >/dev/null 2>&1 &) ; exit 0"
        assert (await sandbox.exec(["sh", "-c", hidden])).ok
        await sandbox.start(["sleep", mark])
        while len(running(mark)) < 2:  # after their commands ended they go on
            await asyncio.sleep(0.01)
    assert running(mark) == []


async def test_what_kills_process_1_dies_with_its_sandbox_all_the_same(mark: str) -> None:
    """Without walls code can do that; the control group still knows its processes."""
    if _groups.kind() is None:
        pytest.skip("no control groups may be made here")
    async with PlainProcess() as sandbox:
        assert sandbox._keeper is not None
        murder = f"setsid sleep {mark} & kill -9 {sandbox._keeper.pid}; exec sleep {mark}"
        with pytest.raises(SandboxError, match="died"):
            await sandbox.exec(["sh", "-c", murder])
        while len(running(mark)) < 2:  # both go on
            await asyncio.sleep(0.01)
    assert await asyncio.to_thread(gone, mark)


async def test_groups_and_folders_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kind = _groups.kind()
    for sandbox in (Bubblewrap(), PlainProcess()):
        if type(sandbox).trouble():
            continue
        async with sandbox:
            await sandbox.write("some/file", b"")
            await sandbox.exec(["sh", "-c", "mkdir -p locked/in; chmod 000 locked; ln -s / root"])
            if kind:
                assert any(f.name.startswith(f"fieldmark-{os.getpid()}-") for f in kind.folders[0].iterdir())
        if kind:
            assert not any(f.name.startswith(f"fieldmark-{os.getpid()}-") for f in kind.folders[0].iterdir())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_everything_dies_with_the_process_that_made_it(
    kind: type[Sandbox], mark: str, tmp_path: Path
) -> None:
    """`kill -9` of the worker: what it ran is gone, whatever it had been doing."""
    if trouble := kind.trouble():
        pytest.skip(trouble)
    script = f"""
        import asyncio
        from fieldmark.sandbox import {kind.__name__}
        async def main():
            async with {kind.__name__}() as sandbox:
                await sandbox.exec(["sh", "-c", "(setsid sleep {mark} &); exit 0"])
                await sandbox.start(["sleep", "{mark}"])
                print("ready", flush=True)
                await asyncio.sleep(60)
        asyncio.run(main())
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        while len(running(mark)) < 2:
            time.sleep(0.01)
        worker.kill()
    assert gone(mark)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cancelled_command_is_killed(kind: type[Sandbox], mark: str) -> None:
    if trouble := kind.trouble():
        pytest.skip(trouble)
    async with kind() as sandbox:
        waiting = asyncio.create_task(sandbox.exec(["sleep", mark]))
        while not running(mark):
            await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await asyncio.to_thread(gone, mark)
        assert (await sandbox.exec(["true"])).ok


async def test_no_descriptors_leak() -> None:
    if trouble := Bubblewrap.trouble():
        pytest.skip(trouble)

    async def round_() -> None:
        async with Bubblewrap() as sandbox:
            await sandbox.write("a", b"b")
            await sandbox.exec(["cat", "a"], stdin=b"x")
            await sandbox.collect(["**"])
            await sandbox.start(["cat"])

    await round_()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await round_()
    assert len(os.listdir("/proc/self/fd")) == before


def test_it_works_for_a_user_without_powers(tmp_path: Path) -> None:
    """As root, the same is tried as nobody, with the system's Python; other users have tried it all along."""
    if trouble := Bubblewrap.trouble():
        pytest.skip(trouble)
    if os.getuid() != 0:
        pytest.skip("every other test here ran as a user without powers")
    version = subprocess.run(["/usr/bin/python3", "-V"], capture_output=True, text=True, check=False).stdout
    if version < "Python 3.11":
        pytest.skip("the system's own Python is missing or older than 3.11")
    names = tmp_path / "fieldmark-0.dist-info"
    names.mkdir()
    (names / "METADATA").write_text("Metadata-Version: 2.1\nName: fieldmark\nVersion: 0\n")
    source = tmp_path / "fieldmark"
    subprocess.run(["cp", "-r", str(Path(fieldmark.__file__).parent / "sandbox"), str(tmp_path)], check=True)
    source.mkdir()
    (tmp_path / "sandbox").rename(source / "sandbox")
    for name in ("__init__.py", "errors.py", "plugins.py"):
        (source / name).write_bytes((Path(fieldmark.__file__).parent / name).read_bytes())
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    script = """
        import asyncio, os
        from fieldmark.sandbox import Bubblewrap, Limits
        async def main():
            assert os.getuid() == 65534 and Bubblewrap.trouble() is None, Bubblewrap.trouble()
            async with Bubblewrap(Limits(processes=30, memory_mb=100, disk_mb=8, seconds=20)) as box:
                await box.write("a/b", b"hello")
                said = await box.exec(["sh", "-c", "id -u; cat a/b; kill -9 1; touch /new /etc/new; ls /home"])
                assert said.stdout == b"1000\\nhello", said
                assert (await box.exec(["cat", "/proc/1/mem"])).code == 1
                assert (await box.exec(["unshare", "-Ur", "true"])).code == 1
                bomb = await box.exec(["sh", "-c", "f() { f | f & }; f; sleep 9"], seconds=0.5)
                assert bomb.timed_out, bomb
                await box.exec(["sh", "-c", "chmod 000 a/b"])
                found = await box.collect(["**"])
                assert not found.files and found.left == {"a/b": "it may not be read"}, found
        asyncio.run(main())
    """
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = subprocess.run(
        [*nobody, "/usr/bin/python3", "-B", "-c", textwrap.dedent(script)],
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def test_what_bubblewrap_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if trouble := Bubblewrap.trouble():
        pytest.skip(trouble)
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: no permission for this' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxError, match="no permission for this"):
        await Bubblewrap(Limits()).open()


@pytest.mark.parametrize("missing", ["python", "folder", "answer"])
async def test_a_plain_process_that_cannot_be_had_is_the_infrastructures_fault(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trouble := PlainProcess.trouble():
        pytest.skip(trouble)
    deaf = tmp_path / "python"
    deaf.write_text("#!/bin/sh\nexec sleep 5\n")
    deaf.chmod(0o755)
    for module in (_served, _process):
        monkeypatch.setattr(module, "PATIENCE", 0.2)
    if missing == "folder":
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    else:
        monkeypatch.setattr(sys, "executable", str(deaf if missing == "answer" else tmp_path / "nothing"))
    with pytest.raises(SandboxError, match="made no place"):
        await PlainProcess().open()
