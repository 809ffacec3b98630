"""A scorecard as a folder of files that opens without a server: `index.html`, and its data in scripts beside it.

The page puts data into text nodes only, and the data are JSON in which nothing can end a script, so a transcript
cannot become markup. Nothing is fetched from anywhere.
"""

from __future__ import annotations

import base64
import json
import mimetypes
import os
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

from fieldmark.errors import InputError
from fieldmark.scorecards._cards import Cards
from fieldmark.scorecards._query import Filter
from fieldmark.scorecards.views import PICTURES, RunView, TrialLine, TrialView

PIECE = 100
"""Trials in one script of transcripts."""


def write_bundle(cards: Cards, name: str, runs: list[RunView], out: Path | IO[bytes]) -> int:
    """Write the zip; how many trials are in it.

    Raises:
        NotFound: there is no such scorecard.
        InputError: the file cannot be written.
    """
    if not isinstance(out, Path):
        return _write(cards, name, runs, out)
    part = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with part.open("wb") as file:
            count = _write(cards, name, runs, file)
        part.replace(out)
        return count
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


def _write(cards: Cards, name: str, runs: list[RunView], file: IO[bytes]) -> int:
    card = cards.card(name, runs)
    lines: list[dict[str, Any]] = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        page = files("fieldmark.scorecards").joinpath("bundle.html").read_bytes()
        bundle.writestr(f"{name}/index.html", page)
        piece: list[dict[str, Any]] = []
        for line in cards.every_trial(name, Filter()):
            trial = cards.trial(line.id)
            lines.append(trial.line.model_dump(mode="json") | {"sealed": trial.sealed})
            piece.append(_told(cards, trial))
            if len(piece) == PIECE:
                _put_piece(bundle, name, len(lines) // PIECE - 1, piece)
                piece = []
        if piece:
            _put_piece(bundle, name, len(lines) // PIECE, piece)
        data = {"card": card.model_dump(mode="json"), "trials": lines, "piece": PIECE}
        bundle.writestr(f"{name}/data.js", f"window.FIELDMARK = {script_json(data)};\n")
    return len(lines)


def _put_piece(bundle: zipfile.ZipFile, name: str, number: int, piece: list[dict[str, Any]]) -> None:
    bundle.writestr(
        f"{name}/trials/{number}.js", f"window.FIELDMARK_PIECE({number}, {script_json(piece)});\n"
    )


def script_json(value: Any) -> str:
    """JSON that can stand in a script, also in one within HTML: no `<`, no line that JavaScript would end."""
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _told(cards: Cards, trial: TrialView) -> dict[str, Any]:
    """Of a sealed trial nothing but its line, whatever the ledger should hold."""
    if trial.sealed:
        return {"sealed": True}
    said = trial.model_dump(
        mode="json", include={"task_title", "events", "explanation", "verifier", "judged_ms", "index"}
    )
    said["artifacts"] = [
        each.model_dump(mode="json")
        | {"picture": _picture(cards, trial.line, each.path) if each.picture else None}
        for each in trial.artifacts
    ]
    return said


def _picture(cards: Cards, line: TrialLine, path: str) -> str | None:
    kind = mimetypes.guess_type(path)[0]
    if kind not in PICTURES:
        return None
    return f"data:{kind};base64," + base64.b64encode(cards.artifact(line.id, path)).decode()
