"""Run as a child: one llama.cpp server for one model. It ends when its standard input closes: no orphans.

The first line of standard input is its settings (JSON), the first of standard output its port or an error.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the library prints must not be taken for an answer
    settings = json.loads(sys.stdin.buffer.readline())
    try:
        port = _serve(settings)
    except (RuntimeError, ImportError, OSError) as error:
        print(json.dumps({"error": str(error)}), file=answers, flush=True)
        os._exit(1)
    print(json.dumps({"port": port}), file=answers, flush=True)
    sys.stdin.buffer.read()
    os._exit(0)  # deleting a server that is writing an answer takes half a minute


def _serve(settings: dict[str, Any]) -> int:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["path"]
    params.model_alias = {"model"}  # else the file's path is shown
    params.chat_template = settings["template"]
    params.n_parallel = settings["slots"]
    params.n_ctx = settings["context"] * settings["slots"]  # llama.cpp shares it out among the slots
    params.n_threads_http = settings["slots"] + 4
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["threads"]
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.api_keys = [settings["key"]]
    params.ui = params.endpoint_slots = params.endpoint_props = False
    params.offline = True
    params.cache_ram_mib = 64
    server = xllamacpp.Server(params)
    _kept.append(server)
    return int(server.listening_address.rpartition(":")[2])


_kept: list[object] = []  # a server that nothing refers to stops

if __name__ == "__main__":
    main()
