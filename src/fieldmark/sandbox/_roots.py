"""What of the host can be read inside bubblewrap: programs and libraries, no person's files, no secrets."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from fieldmark.sandbox._base import WORK, Mount

TOOLS = "/opt/python-env"
"""Where the Python environment that runs Fieldmark lies inside; its own path may be in somebody's home."""

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/etc/static")
_SETTINGS = (
    "alternatives",
    "ca-certificates.conf",
    "chromium",
    "chromium.d",
    "fonts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "pki/tls/certs",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
)
"""Of /etc only what programs need and what says nothing of this machine's people, keys and network."""


@lru_cache(maxsize=1)
def system() -> tuple[str, ...]:
    """Arguments of bubblewrap for the system's folders, what of /etc is harmless, and Python."""
    return tuple(places(python_mounts()))


def places(mounts: Sequence[Mount] = ()) -> list[str]:
    """Arguments of bubblewrap for the system's folders, what of /etc is harmless, and `mounts`.

    Fieldmark's own package is covered wherever one of them shows it: it holds the hidden tests of task sets.
    """
    arguments: list[str] = []
    shown = list(mounts)
    for folder in map(Path, _SYSTEM):
        if folder.is_symlink():
            arguments += ["--symlink", os.readlink(folder), str(folder)]
        elif folder.is_dir():
            arguments += ["--ro-bind", str(folder), str(folder)]
            shown.append(Mount(str(folder), str(folder)))
    for setting in _SETTINGS:
        if Path("/etc", setting).exists():
            arguments += bind(Mount(os.path.realpath(f"/etc/{setting}"), f"/etc/{setting}"))
    for mount in mounts:
        arguments += bind(mount)
    for target in _own_places(shown):
        arguments += ["--size", "4096", "--tmpfs", target, "--remount-ro", target]
    return arguments


def bind(mount: Mount) -> list[str]:
    """Arguments for one mount. Folders above it are made so that everybody may pass."""
    arguments: list[str] = []
    for above in reversed(Path(mount.target).parents[:-1]):
        arguments += ["--perms", "0755", "--dir", str(above)]
    return [*arguments, "--ro-bind", mount.source, mount.target]


def python_mounts() -> list[Mount]:
    """The interpreter at its own path (it knows where it lies), its environment at `TOOLS`."""
    base, environment = Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve()
    mounts = [] if base.is_relative_to("/usr") else [Mount(str(base), str(base))]
    return [*mounts, Mount(str(environment), TOOLS)] if environment != base else mounts


def python() -> str:
    """The interpreter inside, with the packages of this one."""
    if Path(sys.prefix).resolve() != Path(sys.base_prefix).resolve():
        return f"{TOOLS}/bin/python"
    return os.path.realpath(sys.executable)


def interpreter() -> str:
    """The interpreter itself, which has the same path inside and outside."""
    return os.path.realpath(sys.executable)


def trouble() -> str | None:
    """Why the interpreter cannot be shown inside."""
    base = Path(sys.base_prefix).resolve()
    for taken in (WORK, "/tmp", "/proc", "/dev"):  # noqa: S108
        if base.is_relative_to(taken):
            return (
                f"Python lies in {base}, and {taken} is something else inside; use a Python of another place"
            )
    return None


def _own_places(shown: Sequence[Mount]) -> list[str]:
    """Where Fieldmark's own package would be seen inside."""
    import fieldmark

    own = Path(fieldmark.__file__).resolve().parent
    seen = [(Path(mount.source).resolve(), Path(mount.target)) for mount in shown]
    found = [str(target / own.relative_to(source)) for source, target in seen if own.is_relative_to(source)]
    return list(dict.fromkeys(found))
