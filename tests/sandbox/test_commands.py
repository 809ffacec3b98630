"""What every kind does for code that behaves."""

# ruff: noqa: ASYNC240 (tests look at the machine directly)
from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fieldmark.errors import CommandEnded, SandboxError
from fieldmark.sandbox import SANDBOXES, Bubblewrap, Limits, Mount, Sandbox


async def test_a_command_gets_input_environment_and_folder_and_gives_all_it_says(box: Sandbox) -> None:
    await box.write("deep/er/file.txt", b"content\n")
    done = await box.exec(
        ["sh", "-c", 'cat; cat file.txt; echo "$MOOD"; echo oops >&2; exit 3'],
        stdin=b"given\n",
        cwd="deep/er",
        env={"MOOD": "fine"},
    )
    assert (done.code, done.stdout, done.stderr) == (3, b"given\ncontent\nfine\n", b"oops\n")
    assert not done.ok
    assert not done.timed_out
    assert not done.truncated


async def test_how_it_ended_is_said_as_shells_say_it(box: Sandbox) -> None:
    assert (await box.exec(["true"])).ok
    missing = await box.exec(["no-such-program"])
    assert (missing.code, missing.stderr) == (127, b"no-such-program: not found\n")
    assert (await box.exec(["/"])).code == 126
    assert (await box.exec(["true"], cwd="nowhere")).code == 127
    assert (await box.exec(["sh", "-c", "kill -TERM $$"])).code == 128 + 15


async def test_python_with_its_packages_is_there(box: Sandbox) -> None:
    await box.write("test_it.py", b"def test_sum():\n    assert 1 + 1 == 2\n")
    command = [box.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    done = await box.exec(command, env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, seconds=60)
    assert done.ok, done
    assert b"1 passed" in done.stdout


async def test_commands_share_the_folder_and_run_at_once(box: Sandbox) -> None:
    asking = box.exec(["sh", "-c", "while ! [ -e told ]; do sleep 0.01; done; cat told"], seconds=10)
    telling = box.exec(["sh", "-c", "echo news > told.new; mv told.new told"])
    asked, told = await asyncio.gather(asking, telling)
    assert told.ok
    assert asked.stdout == b"news\n"


async def test_a_server_started_by_one_command_is_asked_by_another(walled: Bubblewrap) -> None:
    await walled.write("page.txt", b"served")
    server = await walled.start([walled.python, "-u", "-m", "http.server", "8000", "--bind", "127.0.0.1"])
    assert b"8000" in (await server.line(seconds=20) or b"")
    script = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/page.txt').read().decode())"
    asked = await walled.exec([walled.python, "-c", script])
    assert asked.stdout == b"served\n", asked
    assert (await server.stop()).code == 137


async def test_a_running_command_is_talked_with_line_by_line(box: Sandbox) -> None:
    running = await box.start(["sh", "-c", 'while read -r line; do echo "<$line>"; done; sleep 60'])
    await running.send(b"one\ntwo\n")
    assert await running.line(seconds=10) == b"<one>"
    assert await running.line(seconds=10) == b"<two>"
    with pytest.raises(TimeoutError):
        await running.line(seconds=0.05)
    await running.send(b"x" * 300_000 + b"\n")
    with pytest.raises(ValueError, match="1000 bytes"):
        await running.line(seconds=10, limit=1000)
    assert (await running.stop()).code == 137


async def test_a_running_command_that_ends_says_why(box: Sandbox) -> None:
    running = await box.start(["sh", "-c", "echo last; echo reason >&2; exit 4"])
    assert await running.line(seconds=10) == b"last"
    assert await running.line(seconds=10) is None
    done = await running.stop()
    assert (done.code, done.stderr) == (4, b"reason\n")
    with pytest.raises(CommandEnded):
        await running.send(b"anybody?\n" * 100_000)


async def test_long_arguments_and_big_inputs_arrive(box: Sandbox) -> None:
    long = "x" * 100_000
    assert (await box.exec(["sh", "-c", 'printf %s "$1" | wc -c', "sh", long])).stdout.strip() == b"100000"
    assert (await box.exec(["wc", "-c"], stdin=b"y" * 3_000_000)).stdout.strip() == b"3000000"


async def test_files_are_written_whole_and_keep_their_mode(box: Sandbox) -> None:
    await box.write("run.sh", b"echo first")
    await box.exec(["chmod", "755", "run.sh"])
    await box.write("run.sh", b"#!/bin/sh\necho second\n")
    assert (await box.exec(["./run.sh"])).stdout == b"second\n"
    assert await box.read("run.sh") == b"#!/bin/sh\necho second\n"
    await box.exec(["sh", "-c", "echo more >> run.sh"])
    assert (await box.read("run.sh")).endswith(b"more\n")


async def test_a_mount_can_be_read_and_not_written(tmp_path: Path) -> None:
    if trouble := Bubblewrap.trouble():
        pytest.skip(trouble)
    shown = tmp_path / "shown"
    shown.mkdir(mode=0o755)
    (shown / "data.txt").write_text("for reading")
    tmp_path.chmod(0o755)
    async with Bubblewrap(mounts=[Mount(str(shown), "/data/set")]) as sandbox:
        assert (await sandbox.exec(["cat", "/data/set/data.txt"])).stdout == b"for reading"
        assert not (await sandbox.exec(["touch", "/data/set/new"])).ok
    with pytest.raises(SandboxError, match="cannot show"):
        await Bubblewrap(mounts=[Mount(str(tmp_path / "nothing"), "/data")]).open()


async def test_many_sandboxes_at_once() -> None:
    if trouble := Bubblewrap.trouble():
        pytest.skip(trouble)

    async def one(number: int) -> bytes:
        async with Bubblewrap(Limits(memory_mb=64)) as sandbox:
            await sandbox.write("mine", str(number).encode())
            return (await sandbox.exec(["sh", "-c", "ls; cat mine"])).stdout

    assert await asyncio.gather(*map(one, range(12))) == [f"mine\n{n}".encode() for n in range(12)]


async def test_using_one_that_is_not_open_is_the_callers_mistake() -> None:
    if trouble := Bubblewrap.trouble():
        pytest.skip(trouble)
    sandbox = Bubblewrap()
    with pytest.raises(SandboxError, match="not open"):
        await sandbox.exec(["true"])
    await sandbox.close()
    async with sandbox:
        with pytest.raises(SandboxError, match="opened before"):
            await sandbox.open()
    await sandbox.close()
    with pytest.raises(SandboxError, match="not open"):
        await sandbox.read("x")


def test_every_kind_says_what_it_holds_and_what_is_in_the_way() -> None:
    assert SANDBOXES.names() == ["bubblewrap", "docker", "podman", "process"]
    for name in SANDBOXES.names():
        kind = SANDBOXES.get(name)
        assert kind.kind == name
        assert set(kind.bounds()) == {"memory", "processes", "disk", "network", "files"}
        assert kind.trouble() is None or len(kind.trouble() or "") > 10
    assert "no sandbox" in SANDBOXES.get("process").warning
