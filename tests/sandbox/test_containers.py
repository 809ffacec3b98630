"""Docker and Podman: what they are told to do, with a stand-in for the engine, since machines that test may have none.

The stand-in keeps a folder per container and runs `exec` in it; that a real engine does as it is told is not tried.
"""

# ruff: noqa: ASYNC240 (tests look at the machine directly)
from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fieldmark.errors import SandboxError
from fieldmark.sandbox import Docker, Limits, Mount, Podman
from fieldmark.sandbox._container import IMAGE

ENGINE = """#!/bin/sh
# what a test needs of an engine: run, exec, rm, info
state=STATE
printf '%s\\n' "$*" >> "$state/log"
case $1 in
info) exit 0 ;;
run) while [ "$1" != --name ]; do shift; done; mkdir -p "$state/$2/task"; cat > /dev/null; rm -rf "$state/$2"; exit 0 ;;
rm) [ -f "$state/$3/pid" ] && kill -9 "$(cat "$state/$3/pid")"; rm -rf "$state/$3"; exit 0 ;;
exec) shift
  while :; do
    case $1 in
    --interactive) shift ;;
    --user) shift 2 ;;
    --workdir) folder=$2; shift 2 ;;
    --env) export "$2"; shift 2 ;;
    *) break ;;
    esac
  done
  name=$1; shift
  [ -d "$state/$name/task" ] || { echo "no such container" >&2; exit 125; }
  [ "$*" = "sh -c kill -9 -1" ] && { kill -9 "$(cat "$state/$name/pid")"; exit 0; }
  cd "$state/$name/${folder#/}" || exit 126
  echo $$ > "$state/$name/pid"
  exec "$@" ;;
esac
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in, in front of whatever is installed; its log."""
    state = tmp_path / "state"
    state.mkdir()
    script = tmp_path / "docker"
    script.write_text(ENGINE.replace("STATE", str(state)))
    script.chmod(0o755)
    shutil.copy(script, tmp_path / "podman")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return state / "log"


@pytest.mark.parametrize("kind", [Docker, Podman])
def test_a_container_is_told_to_forbid_everything(
    kind: type[Docker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FIELDMARK_SANDBOX_IMAGE", raising=False)
    sandbox = kind(Limits(memory_mb=300, processes=50, disk_mb=20), [Mount("/srv/data", "/data")])
    command = sandbox.command()
    said = " ".join(command)
    assert command[:2] == [kind.engine, "run"]
    for part in (
        "--rm --interactive",
        "--network none",
        "--read-only",
        "--cap-drop ALL",
        "--security-opt no-new-privileges",
        "--pids-limit 50",
        "--memory 300m --memory-swap 300m",
        "--tmpfs /task:rw,exec,nosuid,nodev,mode=1777,size=20m",
        "--tmpfs /tmp:rw,exec,nosuid,nodev,mode=1777,size=20m",
        "--mount type=bind,source=/srv/data,target=/data,readonly",
    ):
        assert part in said, part
    assert command[-1] == IMAGE
    assert "--privileged" not in said
    assert "docker.sock" not in said
    monkeypatch.setenv("FIELDMARK_SANDBOX_IMAGE", "registry.example/own:7")
    assert sandbox.command()[-1] == "registry.example/own:7"
    assert kind().name != kind().name


def test_a_command_in_it_is_run_as_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    command = Docker().exec_command(["python3", "x.py"], "sub/folder", {"A": "b c"})
    assert command[:2] == ["docker", "exec"]
    assert command[command.index("--user") + 1] == "1000:1000"
    assert command[command.index("--workdir") + 1] == "/task/sub/folder"
    assert "A=b c" in command
    assert command[-2:] == ["python3", "x.py"]


@pytest.mark.parametrize("kind", [Docker, Podman])
def test_an_engine_that_is_missing_or_does_not_answer_says_so(
    kind: type[Docker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kind.trouble() == f"{kind.engine} is not installed"
    script = tmp_path / kind.engine
    script.write_text("#!/bin/sh\necho 'Cannot connect to the daemon. Is it running?' >&2\nexit 1\n")
    script.chmod(0o755)
    assert "Is it running?" in (kind.trouble() or "")


async def test_commands_and_files_go_through_the_engine(engine: Path) -> None:
    assert Docker.trouble() is None
    async with Docker(Limits(output_kb=64, seconds=20)) as sandbox:
        await sandbox.write("a/it's here.txt", b"content")
        done = await sandbox.exec(["sh", "-c", 'cat; cat "it\'s here.txt"; exit 3'], cwd="a", stdin=b"in ")
        assert (done.code, done.stdout) == (3, b"in content")
        assert await sandbox.read("a/it's here.txt") == b"content"
        await sandbox.exec(
            ["sh", "-c", "ln -s /etc/passwd link; mkfifo pipe; head -c 9000 /dev/zero > big; echo x > y.txt"]
        )
        found = await sandbox.collect(["**"], max_bytes=5000)
        assert found.files == {"a/it's here.txt": b"content", "y.txt": b"x\n"}
        assert found.left["link"] == "a link"
        assert found.left["pipe"] == "no plain file"
        assert found.left["big"].startswith("too big: 9000 bytes")
        with pytest.raises(FileNotFoundError):
            await sandbox.read("nothing")
        with pytest.raises(ValueError, match="link"):
            await sandbox.read("link")
        with pytest.raises(ValueError, match="within"):
            await sandbox.write("../x", b"")
        running = await sandbox.start(["sh", "-c", 'read -r line; echo "<$line>"; exit 2'])
        await running.send(b"hello\n")
        assert await running.line(seconds=10) == b"<hello>"
        assert await running.line(seconds=10) is None
        assert (await running.stop()).code == 2
        endless = await sandbox.exec(["yes"], seconds=0.3)
        assert endless.timed_out
        assert endless.truncated
        assert (endless.code, len(endless.stdout)) == (137, 64 << 10)
    said = engine.read_text().splitlines()
    assert said[-1] == f"rm --force {sandbox.name}"
    assert f"exec --user 1000:1000 {sandbox.name} sh -c kill -9 -1" in said
    with pytest.raises(SandboxError, match="not running"):
        await sandbox.exec(["true"])
    await sandbox.close()


async def test_an_engine_that_refuses_is_the_infrastructures_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "docker"
    script.write_text("#!/bin/sh\necho 'no such image' >&2\nexit 125\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxError, match="no such image"):
        await Docker().open()
