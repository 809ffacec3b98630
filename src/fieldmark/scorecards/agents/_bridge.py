"""Runs inside the sandbox, beside an agent's command, with nothing but Python: carries its calls of tools and its
questions to a model out over this process's own pipes. Whatever the command does to it, it could have said itself.

As `fieldmark-tool` it is the command's way to the task's tools: `list`, `call NAME JSON`, or `mcp`, an MCP server on
standard input and output.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from typing import IO, Any

Said = dict[str, Any]
SOCKET = "FIELDMARK_TOOLS"
LONGEST = 4_000_000
PROTOCOL = "2025-06-18"


# -- outside the command: between its socket and the host ------------------------------------------------------------


class Host:
    """The pipes to the host. One thread reads, many ask."""

    def __init__(self, tools: list[Said]) -> None:
        self.tools = tools
        self.lock = threading.Lock()
        self.waiting: dict[int, tuple[threading.Event, Said]] = {}
        self.number = 0

    def ask(self, **said: Any) -> Said:
        """Tell the host something and wait for what it says to it."""
        with self.lock:
            self.number += 1
            number = self.number
            slot = self.waiting[number] = (threading.Event(), {})
        self.tell(id=number, **said)
        slot[0].wait()
        return slot[1]

    def tell(self, **said: Any) -> None:
        """Tell the host something."""
        line = json.dumps(said) + "\n"
        with self.lock:
            sys.stdout.write(line)
            sys.stdout.flush()

    def listen(self) -> None:
        """Hand out what the host answers."""
        for line in sys.stdin:
            said = json.loads(line)
            slot = self.waiting.pop(said["id"], None)
            if slot is not None:
                slot[1].update(said)
                slot[0].set()


class Tools(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """The socket that `fieldmark-tool` asks: one JSON line each way."""

    daemon_threads = True


def serve_tools(host: Host, path: str) -> None:
    """Answer `fieldmark-tool` at a socket."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked = json.loads(self.rfile.readline())
            if asked.get("tool") is None:
                answer = {"tools": host.tools}
            else:
                answer = host.ask(call=asked["tool"], arguments=asked.get("arguments", {}))
            self.wfile.write(json.dumps(answer).encode() + b"\n")

    threading.Thread(target=Tools(path, Handler).serve_forever, daemon=True).start()


def serve_model(host: Host, model: str) -> str:
    """An OpenAI-compatible server on this sandbox's own loopback; its base URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:  # standard error is the command's
            pass

        def do_GET(self) -> None:
            self.reply(200, {"object": "list", "data": [{"id": model, "object": "model"}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            streams = body.pop("stream", False)
            body.pop("stream_options", None)
            answer = host.ask(model=body)
            if "answer" not in answer:
                self.reply(answer.get("status", 502), {"error": {"message": answer.get("error", "")}})
            elif streams:
                self.stream(answer["answer"])
            else:
                self.reply(200, answer["answer"])

        def reply(self, status: int, body: Said) -> None:
            self.send(status, "application/json", json.dumps(body).encode())

        def stream(self, answer: Said) -> None:
            choice = answer["choices"][0]
            delta = dict(choice["message"])
            delta["tool_calls"] = [dict(c, index=i) for i, c in enumerate(delta.get("tool_calls") or [])]
            head = dict(answer, object="chat.completion.chunk")
            first = dict(head, choices=[{"index": 0, "delta": delta, "finish_reason": None}])
            last = dict(head, choices=[{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}])
            lines = [json.dumps(first), json.dumps(last), "[DONE]"]
            self.send(200, "text/event-stream", "".join(f"data: {line}\n\n" for line in lines).encode())

        def send(self, status: int, kind: str, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/v1"


def keep(stream: Any, kept: list[bytes], limit: int) -> None:
    """Read to the end; keep the beginning."""
    size = 0
    while True:
        data = stream.read1(65536)
        if not data:
            return
        if size < limit:
            kept.append(data[: limit - size])
        size += len(data)


def place_tool(folder: str, source: str) -> None:
    """Put `fieldmark-tool` into a folder."""
    script = os.path.join(folder, "bridge.py")
    with open(script, "w") as file:
        file.write(source)
    program = os.path.join(folder, "fieldmark-tool")
    with open(program, "w") as file:
        file.write(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    os.chmod(program, 0o700)


def tell_child(stdin: IO[bytes] | None, told: str) -> None:
    """Write it all; a command need not read it."""
    assert stdin is not None
    with contextlib.suppress(OSError):
        stdin.write(told.encode())
    with contextlib.suppress(OSError):
        stdin.close()


def run(first: Said) -> None:
    """Start the command that the host's first line names, and carry for it until it ends."""
    host = Host(first["tools"])
    folder = tempfile.mkdtemp(prefix="fieldmark-")
    place_tool(folder, first["source"])
    env = dict(os.environ, **first["env"])
    env["PATH"] = folder + os.pathsep + env.get("PATH", "/usr/bin:/bin")
    env[SOCKET] = os.path.join(folder, "socket")
    serve_tools(host, env[SOCKET])
    if first["model"]:
        env["OPENAI_BASE_URL"] = env["OPENAI_API_BASE"] = serve_model(host, first["model"])
        env["OPENAI_API_KEY"] = "none"
        env["OPENAI_MODEL"] = first["model"]
    threading.Thread(target=host.listen, daemon=True).start()
    pipe = subprocess.PIPE
    try:
        child = subprocess.Popen(first["command"], stdin=pipe, stdout=pipe, stderr=pipe, env=env)
    except OSError as error:
        host.tell(done=127, out="", err=str(error))
        return
    out: list[bytes] = []
    err: list[bytes] = []
    readers = [
        threading.Thread(target=keep, args=(child.stdout, out, LONGEST // 4), daemon=True),
        threading.Thread(target=keep, args=(child.stderr, err, 20_000), daemon=True),
    ]
    for reader in readers:
        reader.start()
    tell_child(child.stdin, first["told"])
    code = child.wait()
    for reader in readers:
        reader.join(1)  # what it started may still hold the pipes
    said = b"".join(out).decode("utf-8", "replace")
    host.tell(done=code, out=said, err=b"".join(err).decode("utf-8", "replace"))


# -- inside the command: fieldmark-tool -------------------------------------------------------------------------------


def ask_tools(**said: Any) -> Any:
    """One question to the socket, and its answer."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(os.environ[SOCKET])
        link.sendall(json.dumps(said).encode() + b"\n")
        return json.loads(link.makefile().readline())


def speak_mcp() -> None:
    """An MCP server: JSON-RPC lines on standard input and output."""
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" not in asked:
            continue
        answer = {"jsonrpc": "2.0", "id": asked["id"], **handle_mcp(asked)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def handle_mcp(asked: Said) -> Said:
    """Result or error of one request."""
    method, params = asked.get("method"), asked.get("params") or {}
    if method == "initialize":
        version = params.get("protocolVersion", PROTOCOL)
        server = {"name": "fieldmark", "version": "1"}
        return {"result": {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": server}}
    if method == "ping":
        return {"result": {}}
    if method == "tools/list":
        tools = [
            {"name": t["name"], "description": t["description"], "inputSchema": t["parameters"]}
            for t in ask_tools()["tools"]
        ]
        return {"result": {"tools": tools}}
    if method == "tools/call":
        done = ask_tools(tool=params["name"], arguments=params.get("arguments") or {})
        content = [{"type": "text", "text": done["result"]}]
        return {"result": {"content": content, "isError": done["error"]}}
    return {"error": {"code": -32601, "message": "unknown method"}}


def main(words: list[str]) -> int:
    """`fieldmark-tool`."""
    if words == ["mcp"]:
        speak_mcp()
        return 0
    if words in (["list"], []):
        sys.stdout.write(json.dumps(ask_tools()["tools"], indent=1) + "\n")
        return 0
    if words[0] == "call" and len(words) in (2, 3):
        done = ask_tools(tool=words[1], arguments=json.loads(words[2]) if len(words) == 3 else {})
        sys.stdout.write(done["result"] + "\n")
        return 1 if done["error"] else 0
    sys.stderr.write("usage: fieldmark-tool list | call NAME '{...}' | mcp\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
