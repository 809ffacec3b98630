"""Code that takes all it can get: what it takes stays bounded, and whoever runs it gets an answer."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import time

import pytest

from fieldmark.errors import CommandEnded, SandboxError
from fieldmark.sandbox import Bubblewrap, Limits, PlainProcess, Sandbox, _groups, _served

HOG = "x = bytearray(1 << 30); print(len(x))"
HOGS = """
import os, time
ready, tell = os.pipe()
os.set_blocking(ready, False)
living, held = {}, set()
for number in range(8):
    child = os.fork()
    if not child:
        x = bytearray(60 << 20)
        os.write(tell, bytes([number]))
        time.sleep(30)
    living[child] = number
while not set(living.values()) <= held:
    try:
        held |= set(os.read(ready, 8))
    except BlockingIOError:
        time.sleep(0.01)
    while living and (gone := os.waitpid(-1, os.WNOHANG)[0]):
        del living[gone]
print(len(living), 'hold 60 MB each')
for child in living:
    os.kill(child, 9)
"""
BOMB = "bomb() { bomb | bomb & }; bomb; sleep 30"


async def test_a_memory_hog_is_killed_and_the_sandbox_goes_on(box: Sandbox) -> None:
    done = await box.exec([box.python, "-c", HOG])
    assert not done.ok
    assert b"1073741824" not in done.stdout
    assert (await box.exec(["echo", "alive"])).stdout == b"alive\n"


async def test_many_small_hogs_count_together(walled: Bubblewrap) -> None:
    if walled.bounds()["memory"] != "cgroup":
        pytest.skip("no control groups may be made here: memory of all processes together is not bound")
    done = await walled.exec([walled.python, "-c", HOGS])
    assert done.stdout in {b"%d hold 60 MB each\n" % n for n in (1, 2, 3)}  # 200 MB are allowed
    assert (await walled.exec(["echo", "alive"])).stdout == b"alive\n"


async def test_without_control_groups_each_process_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    if trouble := Bubblewrap.trouble():
        pytest.skip(trouble)
    monkeypatch.setattr(_groups, "kind", lambda: None)
    for kind in (Bubblewrap, PlainProcess):
        assert kind.bounds()["memory"] == "rlimit (of each process, not of all together)"
        async with kind(Limits(memory_mb=200, seconds=20)) as sandbox:
            done = await sandbox.exec([sandbox.python, "-c", HOG])
            assert (done.code, done.stderr.splitlines()[-1]) == (1, b"MemoryError")
    async with Bubblewrap(Limits(processes=20)) as sandbox:
        assert (await sandbox.exec(["sh", "-c", BOMB], seconds=0.5)).timed_out
        assert (await sandbox.exec(["echo", "alive"])).stdout == b"alive\n"


async def test_memory_of_process_1_is_not_the_infrastructures_fault(walled: Bubblewrap) -> None:
    """When too much memory takes process 1 too, what comes later fails: it is not void."""
    if walled.bounds()["memory"] != "cgroup":
        pytest.skip("no control groups may be made here")
    words = b"killed: over 200 MB of memory\n"
    await walled.write("kept/file", b"content")
    talking = await walled.start(["sh", "-c", "echo begun >&2; exec cat"])
    waiting = asyncio.create_task(walled.exec(["sleep", "20"]))
    await walled.exec([walled.python, "-c", HOG])
    os.kill(walled._inner, signal.SIGKILL)  # as if the kernel had chosen it
    for done in (await waiting, await walled.exec(["true"])):
        assert (done.code, done.stderr, done.timed_out) == (137, words, False)
    assert await talking.line(seconds=10) is None
    with pytest.raises(CommandEnded):
        await talking.send(b"anybody?\n" * 100_000)
    for _ in range(2):
        assert (await talking.stop()).stderr == b"begun\n" + words
    later = await walled.start(["cat"])
    with pytest.raises(CommandEnded):
        await later.send(b"anybody?")
    assert await later.line(seconds=10) is None
    assert (await later.stop()).code == 137
    with pytest.raises(OSError, match="over 200 MB"):
        await walled.write("more", b"")
    assert await walled.read("kept/file") == b"content"
    assert (await walled.collect(["**"])).files == {"kept/file": b"content"}


async def test_process_1_that_dies_of_something_else_is_the_infrastructures_fault(box: Sandbox) -> None:
    assert isinstance(box, Bubblewrap | PlainProcess)
    talking = await box.start(["cat"])
    waiting = asyncio.create_task(box.exec(["sleep", "20"]))
    await asyncio.sleep(0.1)
    os.kill(first(box), signal.SIGKILL)
    for doing in (
        waiting,
        talking.stop(),
        box.exec(["true"]),
        box.start(["true"]),
        box.write("file", b""),
    ):
        with pytest.raises(SandboxError, match=r"the sandbox (died|is gone)"):
            await doing


async def test_process_1_that_hangs_is_the_infrastructures_fault(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_served, "PATIENCE", 0.2)
    os.kill(first(box), signal.SIGSTOP)
    with pytest.raises(SandboxError, match="did not answer"):
        await box.write("file", b"")
    os.kill(first(box), signal.SIGCONT)


def first(box: Sandbox) -> int:
    """Process id of process 1, outside."""
    if isinstance(box, Bubblewrap):
        return box._inner
    assert isinstance(box, PlainProcess)
    assert box._keeper is not None
    return box._keeper.pid


async def test_a_fork_bomb_is_bounded_and_killed(walled: Bubblewrap) -> None:
    done = await walled.exec(["sh", "-c", BOMB], seconds=1)
    assert done.timed_out
    assert b"annot fork" in done.stderr
    assert (await walled.exec(["sh", "-c", "ls -d /proc/[0-9]* | wc -l"])).stdout < b"9"


async def test_a_fork_bomb_left_in_the_background_ends_with_the_sandbox() -> None:
    if trouble := Bubblewrap.trouble():
        pytest.skip(trouble)
    sandbox = Bubblewrap(Limits(processes=40))
    await sandbox.open()
    await sandbox.exec(["sh", "-c", "bomb() { bomb | bomb & }; bomb; exit 0"])
    assert (await sandbox.exec(["true"])).code in (0, 126, 254)  # nothing more can be started, or just so
    await sandbox.close()


async def test_the_disk_fills_up_only_inside(walled: Bubblewrap) -> None:
    script = (
        "for n in 1 2 3 4; do dd if=/dev/zero of=big$n bs=1M count=9 2>/dev/null; done; du -sm . | cut -f1"
    )
    assert int((await walled.exec(["sh", "-c", script])).stdout) == 16
    with pytest.raises(OSError, match="full"):
        await walled.write("more", b"x" * 100_000)
    assert (await walled.exec(["sh", "-c", "rm big*; dd if=/dev/zero of=/tmp/big bs=1M count=99"])).code == 1
    assert (await walled.exec(["sh", "-c", "dd if=/dev/zero of=/dev/shm/big bs=1M count=99"])).code == 1
    await walled.write("more", b"x" * 100_000)


async def test_endless_output_is_cut_and_costs_no_memory(box: Sandbox) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = await box.exec(["sh", "-c", "yes & yes >&2"], seconds=0.5)
    assert done.timed_out
    assert done.truncated
    assert len(done.stdout) == len(done.stderr) == 256 << 10
    assert done.stdout[:4] == b"y\ny\n"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB
    assert (await box.exec(["sh", "-c", "head -c 1000000 /dev/zero; exit 5"])).code == 5


async def test_endless_output_of_a_running_command_waits_for_its_reader(box: Sandbox) -> None:
    running = await box.start(["sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; done"])
    assert [await running.line(seconds=10) for _ in range(3)] == [b"1", b"2", b"3"]
    done = await running.stop()
    assert len(done.stdout) <= (256 + 64) << 10


async def test_a_line_without_end_is_refused(box: Sandbox) -> None:
    running = await box.start(["cat", "/dev/zero"])
    with pytest.raises(ValueError, match="more than 4096 bytes"):
        await running.line(seconds=10, limit=4096)
    await running.stop()


async def test_a_tree_that_runs_too_long_is_killed_whole(box: Sandbox) -> None:
    mark = f"7{time.monotonic_ns() % 10_000_000}"
    stubborn = f"trap '' TERM HUP INT; sleep {mark}; sleep {mark}"
    script = f'setsid sleep {mark} & (setsid sh -c "{stubborn}" &); sleep {mark}'
    done = await box.exec(["sh", "-c", script], seconds=0.3)
    assert done.timed_out
    assert done.code == 137
    look = f"cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep [{mark[0]}]{mark[1:]}'"
    left = await box.exec(["sh", "-c", look])
    assert left.stdout == b"0\n"


async def test_only_what_ran_too_long_is_killed(box: Sandbox) -> None:
    server = await box.start(["sh", "-c", "while read -r line; do echo $line; done"])
    await box.exec(["sh", "-c", "(sleep 60 &); sleep 60"], seconds=0.2)
    await server.send(b"still here\n")
    assert await server.line(seconds=10) == b"still here"
    await server.stop()


async def test_killing_what_dies_slowly_leaves_the_others() -> None:
    """A process with much memory takes the kernel a while."""
    if trouble := Bubblewrap.trouble():
        pytest.skip(trouble)
    hold = "x = bytearray(700 << 20); print('held', flush=True); import time; time.sleep(60)"
    async with Bubblewrap(Limits(memory_mb=900)) as sandbox:
        server = await sandbox.start(["cat"])
        hog = await sandbox.start([sandbox.python, "-c", hold])
        assert await hog.line(seconds=30) == b"held"
        assert (await hog.stop()).code == 137
        await server.send(b"still here\n")
        assert await server.line(seconds=10) == b"still here"
        await server.stop()
