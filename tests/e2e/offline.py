"""A whole round with real weights where there is no network: `python -m tests.e2e.offline FOLDER [--cut]`.

With `--cut` this process has a network of its own in which only loopback is up, as `unshare --net` makes it; the server
and the browser it starts live in it too. Prints what was seen, as JSON.
"""

from __future__ import annotations

import array
import fcntl
import json
import socket
import struct
import sys
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests import browser
from tests.e2e import serving
from tests.e2e.visitor import Sight, Visitor

_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1
PROMPT = "Write one polite sentence that moves a meeting to Thursday."


def loopback_up() -> None:
    """What `ip link set lo up` does, where `ip` may be missing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = array.array("b", struct.pack("16sh14x", b"lo", 0))
        fcntl.ioctl(any_socket, _GET_FLAGS, request)
        flags = struct.unpack_from("h", request, 16)[0]
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))


def outside_is_out_of_reach() -> bool:
    """No route leads out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            any_socket.connect(("192.0.2.1", 9))
        except OSError:
            return True
    return False


def round_with_weights(folder: Path) -> dict[str, object]:
    """Serve, ask, wait, vote, show names, look at the board."""
    with serving.up(folder) as server, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.ensure(), args=browser.ARGUMENTS)
        visitor = Visitor.arrive(chromium, server.url, Sight())
        expect.set_options(timeout=90_000)
        page = visitor.ask(PROMPT)
        visitor.ready()
        answers = [body.inner_text() for body in page.locator("article[aria-busy] .body").all()]
        visitor.vote("a")
        visitor.names()
        names = [link.inner_text() for link in page.locator("article h2 a").all()][:2]
        page.goto(server.url + "/leaderboard")
        expect(page.locator(".facts dd").first).to_have_text("1")
        visitor.context.close()
        chromium.close()
        return {"answers": answers, "names": names, "troubles": visitor.troubles}


def main(folder: str, *more: str) -> None:
    if "--cut" in more:
        loopback_up()
    seen = round_with_weights(Path(folder))
    print(json.dumps({**seen, "cut": outside_is_out_of_reach()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
