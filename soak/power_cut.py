"""Cut the power of a writing process, again and again, on paper: `python -m soak.power_cut --cuts 50`.

A kill leaves the system's page cache whole, so it says nothing of power. Here a child writes to a ledger under
`strace`, and every write, sync and acknowledgement of it is noted. Then, for random moments of that trace, the files
are put together as a disk could hold them that lost its power there: what was synced by then, and of the rest either
nothing or a random part in sectors of 512 bytes. The ledger must open, verify, and hold everything acknowledged by that
moment.

The trace also shows each acknowledgement's order: its bytes written to the log's file, a sync of that file after that,
and only then the word. With `--sabotage` the child runs with `synchronous=OFF`, and losses must be found.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from fieldmark.errors import FieldmarkError
from fieldmark.ledger import Ledger, Transaction
from fieldmark.ledger.evidence import Retraction

FIELD = "power"
THREADS = 6
SECTOR = 512
_CALL = re.compile(r"^(\d+) +(\w+)\((.*)$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
_FILE = re.compile(r"^\d+<([^>]*)>")
_BYTES = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_WROTE = re.compile(r", (\d+), (\d+)\) += (\d+)$")
_CUT = re.compile(r", (\d+)\) += 0$")
_TOKEN = re.compile(rb"tk[0-9a-f]{24}kt")


def main() -> int:
    """0: nothing acknowledged was lost."""
    parser = argparse.ArgumentParser(prog="python -m soak.power_cut", description=__doc__)
    parser.add_argument("--cuts", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long the child writes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sabotage", action="store_true", help="synchronous=OFF, to see losses found")
    parser.add_argument("--write-to", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write_to:
        write_for_ever(given.write_to, unsafe=given.sabotage)
        return 0
    if not shutil.which("strace"):
        print("strace is not here: install it (Debian: apt install strace)")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        result = run(Path(folder), given.cuts, given.seconds, given.seed, sabotage=given.sabotage)
    print(
        f"{result.cuts} power cuts in a trace of {result.operations} operations: {result.acknowledged} acknowledged "
        f"writes in all, {result.checked} looked for, {result.lost} lost, {len(result.broken)} ledgers that did not "
        f"verify, {result.early} words said before their sync"
    )
    print(*result.broken[:3], sep="\n", end="\n" if result.broken else "")
    return 1 if result.lost or result.broken or result.early else 0


def write_for_ever(folder: Path, *, unsafe: bool) -> None:
    """Several threads write records with a text each, and say its token once it is acknowledged."""
    if unsafe:
        _never_sync()
    saying = threading.Lock()
    with Ledger.open(folder / "ledger.db", field=FIELD) as ledger:

        def append(chance: random.Random) -> None:
            while True:
                token = f"tk{chance.randbytes(12).hex()}kt"

                def work(transaction: Transaction, token: str = token) -> None:
                    transaction.append(Retraction(reason="voter"), actor="power", texts={"comment": token})

                ledger.write(work)
                with saying:
                    sys.stdout.write(token + "\n")
                    sys.stdout.flush()

        threads = [threading.Thread(target=append, args=(random.Random(n),)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        threads[0].join()


def _never_sync() -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "begin")
    def _off(connection: object) -> None:
        raw = connection.connection.dbapi_connection  # type: ignore[attr-defined]
        if not raw.in_transaction:
            raw.execute("PRAGMA synchronous=OFF")


@dataclass(frozen=True)
class Result:
    """What the cuts showed."""

    cuts: int
    operations: int
    acknowledged: int
    checked: int
    """Acknowledged writes looked for, over all cuts."""
    lost: int
    broken: list[str]
    early: int
    """Acknowledgements whose bytes were not synced when they were said."""


@dataclass
class _Operation:
    """One line of the trace that matters. `start` is the place in the trace where a sync began."""

    kind: str
    file: str = ""
    offset: int = 0
    data: bytes = b""
    start: int = 0


def run(folder: Path, cuts: int, seconds: float, seed: int, *, sabotage: bool = False) -> Result:
    """Trace a child, then cut its power on paper so often."""
    trace = folder / "trace"
    (folder / "field").mkdir()
    _trace(folder / "field", trace, seconds, sabotage=sabotage)
    operations = list(_read(trace, str(folder / "field")))
    said = [(place, token) for place, o in enumerate(operations) if o.kind == "say" for token in _tokens(o)]
    if not said:
        raise RuntimeError("the child acknowledged nothing; is strace allowed to trace here?")
    chance, broken, lost, checked = random.Random(seed), [], 0, 0
    for number in range(cuts):
        cut = chance.randrange(said[0][0], len(operations))
        image = folder / f"cut{number}"
        _write_image(operations[:cut], image, chance if number % 2 else None)
        wanted = {token for place, token in said if place < cut}
        try:
            there = _open(image)
        except FieldmarkError as error:
            broken.append(f"cut {number} at operation {cut}: {error.message}")
            continue
        checked += len(wanted)
        lost += len(wanted - there)
        shutil.rmtree(image)
    return Result(cuts, len(operations), len(said), checked, lost, broken, _early(operations))


def _trace(folder: Path, trace: Path, seconds: float, *, sabotage: bool) -> None:
    child = [sys.executable, "-m", "soak.power_cut", "--write-to", str(folder), "--seconds", str(seconds)]
    calls = "trace=pwrite64,write,fdatasync,fsync,ftruncate,unlink"
    strace = ["strace", "-f", "-y", "-xx", "-s", "70000", "-e", calls, "-o", str(trace)]
    command = [*strace, *child, *(["--sabotage"] if sabotage else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout
        process.stdout.readline()  # it writes now
        drain = threading.Thread(target=process.stdout.read)
        drain.start()
        time.sleep(seconds)
        subprocess.run(["pkill", "-KILL", "-P", str(process.pid)], check=False)
        process.wait()
        drain.join()


def _read(trace: Path, folder: str) -> list[_Operation]:
    """The trace's calls on the ledger's files and its words, in the order in which they ended."""
    found: list[_Operation] = []
    begun: dict[str, tuple[str, int]] = {}
    with trace.open(encoding="ascii", errors="replace") as lines:
        for raw in lines:
            line, start = raw.rstrip("\n"), len(found)
            if line.endswith("<unfinished ...>"):
                if call := _CALL.match(line):
                    begun[call[1]] = (f"{call[2]}({call[3].removesuffix('<unfinished ...>').rstrip()}", start)
                continue
            if resumed := _RESUMED.match(line):
                said, start = begun.pop(resumed[1], ("", start))
                line = f"{resumed[1]} {said}{resumed[3]}"
            call = _CALL.match(line)
            operation = _operation(call[2], call[3], folder, start) if call else None
            if operation:
                found.append(operation)
    return found


def _operation(name: str, rest: str, folder: str, start: int) -> _Operation | None:  # noqa: PLR0911 (a table)
    file = _FILE.match(rest)
    path = _unescape(file[1]).decode("utf-8", "replace") if file else ""
    data = b"".join(_unescape(each) for each in _BYTES.findall(rest)[:1])
    if name == "unlink":
        path = data.decode("utf-8", "replace")
    matters = path.startswith(folder) and not path.endswith("-shm")
    match name:
        case "write" if rest.startswith("1<"):
            return _Operation("say", data=data)
        case _ if not matters:
            return None
        case "pwrite64" if wrote := _WROTE.search(rest):
            return _Operation("write", path, int(wrote[2]), data[: int(wrote[3])])
        case "ftruncate" if cut := _CUT.search(rest):
            return _Operation("truncate", path, int(cut[1]))
        case "unlink" if rest.endswith("= 0"):
            return _Operation("unlink", path)
        case "fdatasync" | "fsync" if rest.endswith("= 0"):
            return _Operation("sync", path, start=start)
        case _:
            return None


def _unescape(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()


def _tokens(operation: _Operation) -> list[bytes]:
    return _TOKEN.findall(operation.data)


@dataclass
class _Disk:
    """One file: what is safe, and what was written since with its place in the trace."""

    safe: bytearray = field(default_factory=bytearray)
    waiting: list[tuple[int, _Operation]] = field(default_factory=list)

    def sync(self, before: int) -> None:
        for place, operation in self.waiting:
            if place < before:
                _apply(self.safe, operation)
        self.waiting = [each for each in self.waiting if each[0] >= before]

    def torn(self, chance: random.Random) -> bytearray:
        """With a random part of what waits, sector by sector, in random order."""
        image = bytearray(self.safe)
        for _, operation in self.waiting:
            for at in range(0, len(operation.data), SECTOR):
                if chance.random() < 0.5:
                    piece = operation.data[at : at + SECTOR]
                    _apply(image, _Operation("write", offset=operation.offset + at, data=piece))
        return image


def _apply(image: bytearray, operation: _Operation) -> None:
    if operation.kind == "truncate":
        del image[operation.offset :]
        image.extend(bytes(operation.offset - len(image)))
        return
    image.extend(bytes(max(0, operation.offset - len(image))))
    image[operation.offset : operation.offset + len(operation.data)] = operation.data


def _write_image(operations: list[_Operation], folder: Path, chance: random.Random | None) -> None:
    disks: dict[str, _Disk] = {}
    gone: set[str] = set()
    for place, operation in enumerate(operations):
        if operation.kind == "unlink":
            gone.add(operation.file)
        elif operation.kind == "sync" and Path(operation.file) in {Path(path).parent for path in gone}:
            for path in gone:  # a name is gone once its folder was synced
                disks.pop(path, None)
            gone.clear()
        if operation.kind in {"say", "unlink"}:
            continue
        disk = disks.setdefault(operation.file, _Disk())
        if operation.kind == "sync":
            disk.sync(operation.start)
        else:
            disk.waiting.append((place, operation))
    folder.mkdir()
    for path, disk in disks.items():
        if Path(path).suffix:  # not the folder itself
            (folder / Path(path).name).write_bytes(disk.torn(chance) if chance else disk.safe)


def _open(folder: Path) -> set[bytes]:
    """Open as after the power is back, verify, and give the tokens whose record and text are there."""
    with Ledger.open(folder / "ledger.db", field=FIELD) as ledger:
        ledger.verify()
        with ledger.read() as snapshot:
            texts = (
                snapshot.text(each.text_id)
                for entry in snapshot.entries()
                for each in entry.record.commitments.values()
            )
            return {text.encode() for text in texts if text is not None}


def _early(operations: list[_Operation]) -> int:
    """Words said before a sync that began after their bytes were written."""
    written: dict[bytes, tuple[int, str]] = {}
    safe: set[bytes] = set()
    early = 0
    for place, operation in enumerate(operations):
        match operation.kind:
            case "write":
                for token in _tokens(operation):
                    written.setdefault(token, (place, operation.file))
            case "sync":
                done = [
                    t for t, (at, file) in written.items() if file == operation.file and at < operation.start
                ]
                safe.update(done)
                for token in done:
                    del written[token]
            case "say":
                early += sum(token not in safe for token in _tokens(operation))
    return early


if __name__ == "__main__":
    raise SystemExit(main())
