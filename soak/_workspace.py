"""Where mutants live: a copy of sources and tests under `build/soak/mutation/ROOM`, in which mutmut runs.

mutmut reads its settings from a `pyproject.toml` in the folder it runs in, so the copy gets one of its own:
Fieldmark's, and `[tool.mutmut]`. Its results stay there between runs, so a run goes on where one stopped.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent

EXCLUDED = r"raise (?!BrokenLedger)\w+\("
"""Lines left as they are: the words of an error (but for `BrokenLedger`, which also names the record)."""
KILLED = {1, 2, 3}
"""Exit codes of pytest: a test failed, could not even be collected, or pytest itself broke."""
_MEMORY = Path("/dev/shm")  # where there is one, waiting for the disk is not what takes the time
_CACHED = re.compile(r"^ *@lru_cache\(.*\)\n", re.MULTILINE)


@dataclass(frozen=True)
class Room:
    """A package to mutate, and the tests that are run against each mutant."""

    name: str
    skipped: tuple[str, ...]
    """Tests left out: too slow to run a thousand times, or about what a fork cannot show."""

    @property
    def folder(self) -> Path:
        return ROOT / "build/soak/mutation" / self.name


ROOMS = (
    Room("statistics", ("test_coverage.py",)),
    Room("ledger", ("test_faults.py::test_nothing_acknowledged_is_lost_to_kills",)),
)


def prepare(room: Room, *, again: bool) -> None:
    """Bring the copy up to date. Where a test changed, what the old ones did not notice is tried anew.

    `again`: also try again what ran into its time limit, as happens on a busy machine.
    """
    (room.folder / "mutants/src").mkdir(parents=True, exist_ok=True)  # Python forgets what was no folder
    wanted = dict(_files(room))
    for old in sorted(room.folder.glob("*/**/*.*")):
        place = old.relative_to(room.folder)
        if place.parts[0] != "mutants" and old.is_file() and place not in wanted:
            old.unlink()
            _mutated(room, place).unlink(missing_ok=True)
    for place, content in wanted.items():
        target = room.folder / place
        if not target.is_file() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            if place.suffix != ".py":
                _mutated(room, place).unlink(
                    missing_ok=True
                )  # mutmut copies these only where they are missing
    shutil.rmtree(room.folder / "mutants/tests", ignore_errors=True)
    if _tests_changed(room):
        (room.folder / "mutants/mutmut-stats.json").unlink(missing_ok=True)
        _forget(room, kept=KILLED)
    elif again:
        _forget(room, kept=KILLED | {0, 33})


def _files(room: Room) -> Iterator[tuple[Path, bytes]]:
    tests = [ROOT / "tests" / room.name, *(ROOT / "tests").glob("*.py")]
    for top in (ROOT / "src/fieldmark", ROOT / "soak", ROOT / "docs/reference", *tests):
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            place = path.relative_to(ROOT)
            if path.is_file() and "__pycache__" not in place.parts and "page" not in place.parts:
                content = path.read_bytes()
                if place.is_relative_to(Path("src/fieldmark", room.name)) and path.suffix == ".py":
                    content = _CACHED.sub("", content.decode()).encode()  # mutmut leaves decorated functions
                yield place, content
    settings = {
        "source_paths": ["src"],
        "only_mutate": [f"src/fieldmark/{room.name}/*.py"],
        "do_not_mutate": ["*/migrations/*"],
        "do_not_mutate_patterns": [EXCLUDED],
        "also_copy": ["soak", "docs"],
        "pytest_add_cli_args": ["-p", "soak.lean", "-p", "no:cacheprovider"],
        "pytest_add_cli_args_test_selection": [
            f"tests/{room.name}",
            *(
                f"--{'deselect' if '::' in name else 'ignore'}=tests/{room.name}/{name}"
                for name in room.skipped
            ),
        ],
        "process_isolation": "forkserver",
        "timeout_constant": 3.0,
        "timeout_multiplier": 4.0,
        "use_git_change_detection": False,
    }
    own = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    table = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    yield Path("pyproject.toml"), f"{own}\n[tool.mutmut]\n{table}".encode()


def _mutated(room: Room, place: Path) -> Path:
    return room.folder / "mutants" / place


def _tests_changed(room: Room) -> bool:
    digest = hashlib.sha256()
    for path in sorted((room.folder / "tests").rglob("*.py")):
        digest.update(path.read_bytes())
    mark = room.folder / "tests.sha256"
    same = mark.is_file() and mark.read_text() == digest.hexdigest()
    mark.write_text(digest.hexdigest())
    return not same


def _forget(room: Room, *, kept: set[int]) -> None:
    for meta in (room.folder / "mutants").rglob("*.meta"):
        value = json.loads(meta.read_text())
        codes = value["exit_code_by_key"]
        value["exit_code_by_key"] = {key: code if code in kept else None for key, code in codes.items()}
        meta.write_text(json.dumps(value))


def run(room: Room, seconds: float) -> bool:
    """Try the mutants not tried yet, one at a time; False when the time was up before all were."""
    with TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        return _run(room, seconds, folder)


def _run(room: Room, seconds: float, scratch: str) -> bool:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(room.folder / "mutants" / part) for part in ("src", ".")),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": scratch,
        **{f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")},
    }
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1"]
    log = room.folder / "mutmut.log"
    with log.open("wb") as stream:
        child = subprocess.Popen(
            command, cwd=room.folder, env=environment, stdout=stream, stderr=subprocess.STDOUT
        )
        try:
            code = child.wait(timeout=seconds)
        except (subprocess.TimeoutExpired, KeyboardInterrupt) as stopped:
            child.send_signal(signal.SIGINT)  # mutmut has kept every result so far
            child.wait()
            if isinstance(stopped, KeyboardInterrupt):
                raise
            return False
    if code:
        raise SystemExit(f"mutmut ended with {code}; the end of {log}:\n{log.read_text()[-3000:]}")
    return True
