"""Starting: only on loopback, only on a free port, and a clean end."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from fieldmark.errors import FieldError, ServeError
from fieldmark.server.run import _listen, serve
from tests.house import two
from tests.upstream import Upstream


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "localhost.example.org", ""])
def test_another_host_is_refused(tmp_path: Path, upstream: Upstream, host: str) -> None:
    with pytest.raises(ServeError, match="not this machine's loopback") as error:
        serve(two(tmp_path, upstream), host=host, port=0, ready=lambda *_: None)
    assert "ssh -L" in error.value.hint


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2", "::1"])
def test_loopback_is_taken(host: str) -> None:
    if host == "::1" and not _has_ipv6():
        host = "127.0.0.1"
    _listen(host, 0).close()


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_a_port_in_use_is_said_at_once(tmp_path: Path, upstream: Upstream) -> None:
    """Even when the other one has not begun to answer."""
    with _listen("127.0.0.1", 0) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServeError, match=f"port {port} on 127.0.0.1 cannot be used") as error:
            serve(two(tmp_path, upstream), host="127.0.0.1", port=port, ready=lambda *_: None)
        assert f"--port {port + 1}" in error.value.hint
    with pytest.raises(ServeError, match="is no port"):
        _listen("127.0.0.1", 99_999)


def test_a_wrong_folder_is_said_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / "field.toml").write_text("name = 7\n")
    with pytest.raises(FieldError):
        serve(tmp_path, host="127.0.0.1", port=0, ready=lambda *_: None)
    assert not (tmp_path / ".fieldmark").exists()


def test_it_serves_and_ends(tmp_path: Path, upstream: Upstream) -> None:
    folder = two(tmp_path, upstream)
    with subprocess.Popen(
        [sys.executable, "-m", "fieldmark", "up", str(folder), "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        killer = threading.Timer(60, process.kill)
        killer.start()
        line = next(line for line in process.stderr if "http://127.0.0.1:" in line)
        url = "http://127.0.0.1:" + line.split("http://127.0.0.1:")[1].split()[0]
        with urllib.request.urlopen(f"{url}/api/v1/status") as reply:
            assert reply.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(15) in {0, 130}
        assert "Traceback" not in process.stderr.read()
        killer.cancel()


def test_numpy_is_not_loaded_before_the_server_has_set_its_threads() -> None:
    code = (
        "import sys; from pathlib import Path; import fieldmark.cli.serve; from fieldmark.fields import load_field;"
        "load_field(Path('examples/starter')); assert 'numpy' not in sys.modules;"
        "import fieldmark.server, os; assert os.environ['OPENBLAS_NUM_THREADS']"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
