"""Stands between a ledger and its server, and can lose the answer to a commit, or the commit itself."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

Loss = Literal["nothing", "answer", "commit"]
_SOCKET = ".s.PGSQL.5432"


class Proxy:
    """Forwards a Unix socket. Once `loss` is set, the next COMMIT breaks its connection, and the loss is over."""

    def __init__(self, server: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fm-px-"))
        self.loss: Loss = "nothing"
        self.refuse = False
        """Whether new connections are broken at once."""
        self._server = str(server / _SOCKET)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.folder / _SOCKET))
        self._listening.listen(50)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        shutil.rmtree(self.folder)

    def _accept(self) -> None:
        while True:
            try:
                client = self._listening.accept()[0]
            except OSError:
                return
            if self.refuse:
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._server)
            threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        with client, server:
            down = threading.Thread(target=self._down, args=(client, server), daemon=True)
            down.start()
            self._up(client, server)
            down.join()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if b"COMMIT\0" in data and self.loss != "nothing":
                    self._lose(client, server, data)
                    return
                server.sendall(data)
        _end(server)

    def _lose(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        lost, self.loss = self.loss, "nothing"
        _end(client)
        if lost == "answer":
            server.sendall(data)
        _end(server, socket.SHUT_WR)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)
        _end(client)


def _end(connection: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    with suppress(OSError):
        connection.shutdown(how)


@contextmanager
def between(server: Path) -> Iterator[Proxy]:
    """A proxy to the server whose socket is in that folder."""
    proxy = Proxy(server)
    try:
        yield proxy
    finally:
        proxy.close()
