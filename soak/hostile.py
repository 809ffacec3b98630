"""Bring hostile texts in by every entrance: `python -m soak.hostile`.

The texts stand in `soak/hostile.jsonl`. Each is a prompt, a follow-up, a comment, a request through `/v1`, a header, an
edit and a note of an outcome, a category, a name of a contender, key, account and invitation, an id in a path; and as
the endpoint repeats what it is told, each is an answer too. No reply may be a failure of the server, none may tell who
answers before the vote, or a key, or hold a header or an event that the text made up; what goes through `/v1` comes
back character by character. Then what is listed, exported, printed by the command line and logged is looked at, and
every text is shown in a real Chromium, where none of it may run. With `--sabotage` the endpoint tells its key, and
a script runs in the page.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from benchmarks import _load
from fieldmark.fields import SYSTEM as PROGRAM
from fieldmark.fields import accounts, create_key, load_field, open_ledger
from fieldmark.server._passwords import hash_password
from soak import _hostile_looks as looks
from soak._hostile_doors import KEY, NAMES, PASSWORD, SYSTEM, Doors
from tests import upstream
from tests.upstream import Turn, Upstream

CORPUS = Path(__file__).with_name("hostile.jsonl")
FIELD = """name = "Hostile"
id = "hostile"

[policy]
max_prompt_characters = 100000
max_tokens = 100000

[gateway]
record = "always"
shadow_share = 0.2

[access]
private_endpoints = ["127.0.0.1"]

[[categories]]
id = "letters"
name = "Letters"
"""
CONTENDER = """
[[contenders]]
name = "{name}"
kind = "endpoint"
url = "{url}"
model = "{model}"
key_env = "HOSTILE_API_KEY"
system = "{system} {name}"
"""


@dataclass
class Result:
    """What was brought in, and what went wrong."""

    entries: int = 0
    asked: int = 0
    shown: int = 0
    wrong: list[str] = field(default_factory=list)


async def _mirror(turn: Turn) -> web.StreamResponse:
    """Say what was asked, character by character."""
    return await turn.end(await turn.words(turn.prompt))


async def _telling(turn: Turn) -> web.StreamResponse:
    return await turn.end(await turn.words(f"{turn.prompt} {turn.request.headers['Authorization']}"))


upstream._BEHAVIOURS.update(mirror=_mirror, telling=_telling)


def corpus() -> list[tuple[str, str]]:
    """Names and texts."""
    lines = map(json.loads, CORPUS.read_text("ascii").splitlines())
    return [(line["name"], line["text"]) for line in lines]


def run(
    folder: Path, entries: list[tuple[str, str]], *, show: int | None = None, sabotage: bool = False
) -> Result:
    """Bring the entries in; the first `show` of them (all if None) are looked at in a browser."""
    result = Result(len(entries))
    log = folder / "server.log"
    environment = {"HOSTILE_API_KEY": KEY, "HOME": str(folder), "FIELDMARK_MODELS": str(folder / "models")}
    with Upstream() as mirror:
        place, key = _field(folder / "field", mirror.url, "telling" if sabotage else "mirror")
        with (
            log.open("w") as stderr,
            _load.server(place, environment=environment, stderr=stderr) as server,
        ):
            asyncio.run(_bring(server.url, key, mirror.url, entries, result))
            wanted = entries[:show]
            result.shown = len(wanted)
            if wanted:
                result.wrong += looks.shown(server.url, wanted, sabotage=sabotage)
    if not sabotage:
        result.wrong += looks.printed(place)
    result.wrong += looks.obeyed("the server's log", log.read_text("utf-8", "replace"))
    return result


def _field(folder: Path, url: str, model: str) -> tuple[Path, str]:
    folder.mkdir()
    contenders = (CONTENDER.format(name=name, url=url, model=model, system=SYSTEM) for name in NAMES)
    (folder / "field.toml").write_text(FIELD + "".join(contenders))
    (folder / "prompts.toml").write_text('[[prompts]]\ntext = "Say hello."\n')
    (folder / "guidelines.md").write_text("Prefer the answer you would use.\n")
    with open_ledger(load_field(folder)) as ledger:
        _, key = ledger.write(lambda now: create_key(now, "Hostile", ["ask", "outcome"], actor=PROGRAM))
        new = accounts.NewAccount("admin", "admin", hash_password(PASSWORD))
        ledger.write(lambda now: accounts.add_account(now, new, by=PROGRAM))
    return folder, key


async def _bring(url: str, key: str, upstream: str, entries: list[tuple[str, str]], result: Result) -> None:
    async with _load.pool() as session:
        admin = await (await _load.Caller(session, url).begin()).sign_in("admin", PASSWORD)
        stranger = await _load.Caller(session, url).begin()
        doors = Doors(
            session, url, admin.headers, stranger.headers, {"authorization": f"Bearer {key}"}, upstream
        )
        for number, (name, text) in enumerate(entries):
            try:
                await doors.everything(name, text, number)
            except Exception as error:  # a reply that is not as it must be; the next text may do more
                doors.note(f"{type(error).__name__}: {error}"[:300])
        await looks.lists(doors)
    result.asked = doors.asked
    result.wrong += doors.wrong


def main() -> int:
    """0: nothing executed, nothing leaked, no failure."""
    parser = argparse.ArgumentParser(prog="python -m soak.hostile", description=__doc__)
    parser.add_argument("--only", help="entries whose name contains this")
    parser.add_argument("--show", type=int, help="so many in the browser; all without it")
    parser.add_argument("--sabotage", action="store_true", help="leak and run on purpose, to see it found")
    given = parser.parse_args()
    entries = [entry for entry in corpus() if (given.only or "") in entry[0]]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        result = run(Path(folder), entries, show=given.show, sabotage=given.sabotage)
    print(
        f"{result.entries} hostile texts in {time.monotonic() - began:.0f} s: {result.asked:,} requests, "
        f"{result.shown} shown in Chromium; {len(result.wrong)} things wrong"
    )
    for each in result.wrong[:40]:
        print("wrong:", each[:400])
    return 1 if result.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
