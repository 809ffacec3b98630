"""Sealed tasks: fixed before any contender met them, and never shown to anybody who could learn them.

The author keeps them in `sealed/ID/` folders. `seal` gives each an opaque id and a random salt, keeps both in
`.fieldmark/sealed/NAME.json` (readable by its owner only), and publishes SHA-256 of salt and content in the ledger.
Whoever is given salt and folder later can tell that the task was not changed; nobody can guess a task and confirm it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from fieldmark.contenders import ContenderSpec
from fieldmark.errors import InputError, Problem, TaskSetError
from fieldmark.ledger import Ledger, Snapshot, Transaction
from fieldmark.ledger.evidence import SealedTask, TasksSealed
from fieldmark.scorecards._check import CheckReport
from fieldmark.scorecards._digest import CACHES, set_files
from fieldmark.scorecards._query import seals_of
from fieldmark.scorecards._task import Task, TaskSet
from fieldmark.scorecards._verdict import Verifier
from fieldmark.scorecards.verifiers import All, ModelJudge

KEPT = Path(".fieldmark") / "sealed"
"""Where ids and salts are kept, from a field's folder."""


@dataclass(frozen=True)
class Seal:
    """What only the field's operator has of one sealed task."""

    id: str
    """Opaque: under it the task stands in all evidence."""
    salt: str
    """32 random bytes, in hex."""

    def commitment(self, folder: Path) -> str:
        """SHA-256 (hex) of the salt and every file of the task's folder: path and content, sorted by path."""
        total = hashlib.sha256(bytes.fromhex(self.salt))
        for path in set_files(folder):
            content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
            name = path.relative_to(folder).as_posix()
            total.update(f"{json.dumps(name)} {hashlib.sha256(content).hexdigest()}\n".encode())
        return total.hexdigest()


def sealed_for(name: str, spec: ContenderSpec | None, trusted: Collection[str]) -> bool:
    """Whether a contender may be given sealed tasks.

    Weights run in this process and tell nobody; scripted contenders (None) follow the task's own solutions. Everything
    else needs its name on `[scorecards] trusted`: an address says nothing of where a text ends up, so an endpoint on
    this machine is no exception (it may well pass on what it is sent).
    """
    return spec is None or spec.kind == "weights" or name in trusted


def seal(task_set: TaskSet, field_folder: Path, ledger: Ledger, *, actor: str) -> dict[str, SealedTask]:
    """Fix the sealed tasks of a set as they are now; folder name to what stands in the ledger.

    A task that is sealed already and did not change keeps its seal; one that changed is a new task with a new id. What
    is in the ledger can be opened later: the salts are written first.

    Raises:
        InputError: the set has no sealed tasks; or some are not in `sealed/`, where the set's digest leaves them out.
        LedgerUnavailable: nothing was recorded.
    """
    folders = dict(_folders(task_set, field_folder))
    if not folders:
        raise InputError(
            f"'{task_set.name}' has no sealed tasks", hint="put their folders into sealed/ of the set"
        )
    _in_their_place(task_set, folders)
    with ledger.read() as snapshot:
        published = seals_of(snapshot, task_set.name)
    before, former = _read(field_folder, task_set.name)
    seals: dict[str, Seal] = {}
    said: dict[str, SealedTask] = {}
    for name, folder in folders.items():
        found = before.get(name)
        if found is None or published.get(found.id) not in (None, found.commitment(folder)):
            found = Seal(f"s-{secrets.token_hex(6)}", secrets.token_hex(32))
        seals[name] = found
        said[name] = SealedTask(id=found.id, commitment=found.commitment(folder))
    former += [each for name, each in before.items() if seals.get(name) != each]
    _write(field_folder, task_set.name, seals, former)
    new = tuple(one for one in said.values() if published.get(one.id) != one.commitment)

    def work(now: Transaction) -> None:
        now.append(TasksSealed(task_set=task_set.name, tasks=new), actor=actor)

    if new:
        ledger.write(work)
    return said


def concealed(task_set: TaskSet, field_folder: Path | None) -> TaskSet:
    """The set with its sealed tasks under opaque ids, their variants under numbers, and nothing to show of them.

    Before they are sealed their ids are numbers that no run takes.
    """
    if not any(task.sealed for task in task_set.tasks):
        return task_set
    seals = _read(field_folder, task_set.name)[0] if field_folder else {}
    folders = dict(_folders(task_set, field_folder))
    tasks = []
    for number, task in enumerate(task_set.tasks, 1):
        if not task.sealed:
            tasks.append(task)
            continue
        found = seals.get(task.id) if task.id in folders else None
        commitment = found.commitment(folders[task.id]) if found else ""
        tasks.append(_concealed(task, found.id if found else f"unsealed-{number}", commitment))
    return replace(task_set, tasks=tuple(tasks))


def _concealed(task: Task, name: str, commitment: str) -> Task:
    variants = tuple(replace(variant, id=f"v{n}") for n, variant in enumerate(task.variants, 1))
    return replace(task, id=name, commitment=commitment, title="", tags=(), variants=variants)


def check_seals(
    task_set: TaskSet, ids: Collection[str], snapshot: Snapshot, trusted: Collection[str] = ()
) -> None:
    """Whether sealed tasks among `ids` of a concealed set are as they were published.

    Raises:
        InputError: one was not sealed, or is no longer what was; or a model that nobody trusts would judge it.
    """
    if set(ids) - {task.id for task in task_set.tasks}:
        raise InputError("a sealed task of this run was changed or taken away since", hint="begin a new run")
    wanted = [task for task in task_set.tasks if task.sealed and task.id in ids]
    if not wanted:
        return
    published = seals_of(snapshot, task_set.name)
    again = f"`fieldmark score seal {task_set.name}` publishes what they are, before anybody meets them"
    for task in wanted:
        if not task.commitment or task.id not in published:
            raise InputError("a sealed task of this set was never sealed", hint=again)
        if published[task.id] != task.commitment:
            raise InputError(f"sealed task {task.id} is no longer what was sealed", hint=again)
        for judge in judges_of(task.verifier):
            name = str(judge.settings.contender.get("name", ""))
            if judge.settings.contender.get("kind") != "weights" and name not in trusted:
                raise InputError(
                    f"sealed task {task.id} is judged by a model that may not see it",
                    hint="let weights on this machine judge, or name the judge on [scorecards] trusted",
                )


def seal_stamp(folder: Path, name: str, field_folder: Path | None) -> str:
    """Changes whenever sealed tasks of the set in `folder`, or their seals, do."""
    total = hashlib.sha256()
    for place in _places(folder, name, field_folder):
        for path in set_files(place) if place.is_dir() else ():
            status = path.lstat()
            total.update(f"{path}\0{status.st_mtime_ns}\0{status.st_size}\0".encode())
    kept = field_folder / KEPT if field_folder else None
    for path in sorted(kept.glob("*.json")) if kept and kept.is_dir() else ():
        total.update(f"{path}\0{path.stat().st_mtime_ns}\0".encode())
    return total.hexdigest()


def said_openly(error: TaskSetError) -> TaskSetError:
    """The same mistakes without what they say of sealed tasks: for pages, logs and evidence."""
    open_ = [problem for problem in error.problems if not problem.file.startswith("sealed/")]
    if len(open_) < len(error.problems):
        open_.append(Problem("sealed", None, "a sealed task is wrong", "`fieldmark score check` says how"))
    return TaskSetError(open_)


def report_openly(report: CheckReport, task_set: TaskSet) -> CheckReport:
    """What the set's own checks found, without what it says of sealed tasks: to be kept and told."""
    hidden = [task.id for task in task_set.tasks if task.sealed]
    problems: list[str] = []
    for words in report.problems:
        name = next((name for name in hidden if name in words), None)
        problems.append(
            "a sealed task fails its own checks; `fieldmark score check` says how" if name else words
        )
    notes = tuple(words for words in report.notes if not any(name in words for name in hidden))
    return replace(report, problems=tuple(dict.fromkeys(problems)), notes=notes)


def judges_of(verifier: Verifier) -> Iterator[ModelJudge]:
    """Models that judge, also below `all`."""
    if isinstance(verifier, ModelJudge):
        yield verifier
    for check in verifier.checks if isinstance(verifier, All) else ():
        yield from judges_of(check)


def _places(folder: Path, name: str, field_folder: Path | None) -> list[Path]:
    """Where sealed tasks of a set stand: with it, or, of one that ships, in the field's folder of its name."""
    return [folder / "sealed", *([field_folder / "scorecards" / name / "sealed"] if field_folder else [])]


def _folders(task_set: TaskSet, field_folder: Path | None) -> Iterator[tuple[str, Path]]:
    if task_set.folder is None:
        return
    places = _places(task_set.folder, task_set.name, field_folder)
    place = next((place for place in places if place.is_dir()), None)
    for path in sorted(place.iterdir()) if place else ():
        if path.is_dir() and path.name not in CACHES:
            yield path.name, path


def _in_their_place(task_set: TaskSet, folders: Collection[str]) -> None:
    for task in task_set.tasks:
        if task.sealed and task.id not in folders:
            raise InputError(
                f"task '{task.id}' says that it is sealed, but stands among the open ones",
                hint=f"move it to sealed/{task.id}/: the set's digest, which everybody sees, leaves that folder out",
            )


def _read(field_folder: Path, name: str) -> tuple[dict[str, Seal], list[Seal]]:
    """Folder name to seal, and seals of tasks that are gone or were changed; none yet when there is no file.

    Raises:
        InputError: the file is broken.
    """
    path = field_folder / KEPT / f"{name}.json"
    try:
        said = json.loads(path.read_text("utf-8"))
        tasks = {task: Seal(**found) for task, found in said["tasks"].items()}
        return tasks, [Seal(**found) for found in said["former"]]
    except FileNotFoundError:
        return {}, []
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path} cannot be read: {error}", hint="restore it from a backup") from None


def _write(field_folder: Path, name: str, seals: dict[str, Seal], former: list[Seal]) -> None:
    path = field_folder / KEPT / f"{name}.json"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    said = {
        "tasks": {task: asdict(found) for task, found in seals.items()},
        "former": [asdict(found) for found in former],
    }
    part = path.with_suffix(f".{secrets.token_hex(4)}.part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(said, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
