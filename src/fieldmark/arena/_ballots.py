"""Reads votes out of files of several formats, one `Ballot` after the other, each wrong place named by its line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO

from fieldmark.errors import InputError, VotesFileError
from fieldmark.ledger.evidence import Choice

Kind = Literal["csv", "counts", "jsonl", "parquet", "arena"]
"""`counts`: a CSV of one row a pair; `arena`: JSONL, JSON or CSV as Chatbot Arena's data sets have it."""
Messages = tuple[Mapping[str, str], ...]

MOST_TEXT = 200
"""Characters of a name, a category or a language at most."""
_MOST_LINE = 64 << 20
_WINNERS: dict[str, Choice] = {
    "a": "a",
    "b": "b",
    "model_a": "a",
    "model_b": "b",
    "tie": "tie",
    "both_bad": "both_bad",
    "bothbad": "both_bad",
    "tie (bothbad)": "both_bad",
}
_NAMES = {
    "voter": ("voter_id", "voter", "judge", "user_id"),
    "category": ("category",),
    "language": ("language",),
    "at": ("at", "tstamp", "timestamp"),
    "id": ("id", "question_id"),
    "stratum": ("stratum",),
}
_COUNTS = {"wins_a": "a", "wins_b": "b", "ties": "tie", "both_bad": "both_bad"}
_KAGGLE = ("winner_model_a", "winner_model_b", "winner_tie")
_SHAPES = (
    "columns or keys: model_a, model_b and winner (a, b, tie, both_bad); or model_a, model_b, wins_a, wins_b, ties; "
    "or those of Chatbot Arena's data sets"
)
_MOST_COUNT = 10_000_000


class Ballot(NamedTuple):
    """A vote as a file has it."""

    line: int
    a: str
    b: str
    choice: Choice
    voter: str = ""
    category: str | None = None
    language: str | None = None
    at: str = ""
    id: str = ""
    votes: int = 1
    """How many such votes the line stands for."""
    conversations: tuple[Messages, Messages] | None = None


@dataclass(frozen=True)
class BallotFile:
    """A file of votes. Iterating reads it from the start, each time anew."""

    path: Path
    kind: Kind

    @classmethod
    def open(cls, path: Path) -> BallotFile:
        """Look at the file's beginning.

        Raises:
            VotesFileError: it cannot be read, is empty, or holds no votes.
        """
        try:
            with path.open("rb") as file:
                start = file.read(1 << 20)
        except OSError as error:
            raise VotesFileError(f"{path}: {error.strerror}", hint="give a file of votes") from None
        return cls(path, _kind(start))

    def __iter__(self) -> Iterator[Ballot]:
        if self.kind == "parquet":
            yield from _objects(_parquet(self.path), "row")
            return
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            try:
                if self.kind in {"csv", "counts"} or (self.kind == "arena" and _is_csv(file)):
                    yield from _table(file)
                else:
                    yield from _objects(_json(file))
            except UnicodeDecodeError:
                line = _line_of_bad_text(self.path)
                raise VotesFileError("not UTF-8 text", line=line, hint="save the file in UTF-8") from None


def _kind(start: bytes) -> Kind:
    if start.startswith(b"PAR1"):
        return "parquet"
    text = start.decode("utf-8-sig", "replace").lstrip()
    if not text:
        raise VotesFileError("the file is empty", hint=_SHAPES)
    first = text.split("\n", 1)[0]
    if text[0] in "{[":
        return (
            "arena"
            if '"conversation_a"' in text and '"winner"' in text and '"voter_id"' not in first
            else "jsonl"
        )
    header = next(csv.reader([first]), [])
    names = {cell.strip() for cell in header}
    if names.issuperset(_KAGGLE):
        return "arena"
    return "counts" if "winner" not in names and "wins_a" in names else "csv"


def _is_csv(file: TextIO) -> bool:
    beginning = file.read(1).lstrip()
    file.seek(0)
    return beginning not in {"{", "["}


def _line_of_bad_text(path: Path) -> int | None:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return None


# -- tables ----------------------------------------------------------------------------------------------------------


def _table(file: TextIO) -> Iterator[Ballot]:
    rows = csv.reader(file, strict=True)
    try:
        yield from _Table(rows).ballots()
    except csv.Error as error:
        hint = 'quote a cell by one " on each side'
        raise VotesFileError(f"not CSV: {error}", line=rows.line_num, hint=hint) from None


class _Table:
    """A CSV: its header says what it is."""

    def __init__(self, rows: Any) -> None:
        self._rows = rows
        header = [cell.strip() for cell in next((row for row in rows if any(row)), [])]
        self._width = len(header)
        self._places = {name: place for place, name in enumerate(header)}
        if len(self._places) != self._width:
            twice = next(name for name in header if header.count(name) > 1)
            raise self._wrong(f"two columns are called '{twice}'", "every column has a name of its own")
        self._a, self._b = self._place("model_a"), self._place("model_b")
        self._optional = {
            key: next((self._places[n] for n in names if n in self._places), None)
            for key, names in _NAMES.items()
        }
        self._cells: dict[str, str] = {}

    def ballots(self) -> Iterator[Ballot]:
        """One after the other."""
        if self._places.keys() >= set(_KAGGLE):
            return self._kaggle()
        if "winner" in self._places:
            return self._votes()
        if "wins_a" in self._places:
            return self._counted()
        raise self._wrong(f"no column 'winner'; seen: {', '.join(self._places)}", _SHAPES)

    def _votes(self) -> Iterator[Ballot]:
        winner, a, b = self._places["winner"], self._a, self._b
        voter, category, language, at, id_ = (
            self._optional[key] for key in ("voter", "category", "language", "at", "id")
        )
        name, rows = self._name, self._rows
        for row in self._wide():
            choice = _WINNERS.get(row[winner]) or self._winner(row[winner])
            yield Ballot(
                rows.line_num,
                name(row[a]),
                name(row[b]),
                choice,
                "" if voter is None else row[voter].strip(),
                None if category is None else self._short(row[category]),
                None if language is None else self._short(row[language]),
                "" if at is None else row[at],
                "" if id_ is None else row[id_],
            )

    def _counted(self) -> Iterator[Ballot]:
        columns = [
            (choice, self._place(name), name) for name, choice in _COUNTS.items() if name in self._places
        ]
        for row in self._wide():
            for choice, place, name in columns:
                votes = self._count(name, row[place])
                if votes:
                    a, b = self._name(row[self._a]), self._name(row[self._b])
                    yield Ballot(self._rows.line_num, a, b, choice, votes=votes)  # type: ignore[arg-type]

    def _kaggle(self) -> Iterator[Ballot]:
        """As in the competition's file: three columns of 0 and 1, the texts as JSON lists in cells."""
        won = [self._places[name] for name in _KAGGLE]
        texts = [self._places.get(name) for name in ("prompt", "response_a", "response_b")]
        for row in self._wide():
            said = [row[place].strip() for place in won]
            if sorted(said) != ["0", "0", "1"]:
                raise self._wrong("not exactly one of the winner columns is 1", "winner_tie is 1 for a tie")
            choice: Choice = ("a", "b", "tie")[said.index("1")]
            talks = (
                None if None in texts else self._talks([row[place] for place in texts if place is not None])
            )
            yield Ballot(
                self._rows.line_num,
                self._name(row[self._a]),
                self._name(row[self._b]),
                choice,
                conversations=talks,
            )

    def _talks(self, cells: Sequence[str]) -> tuple[Messages, Messages]:
        try:
            prompts, a, b = (json.loads(cell) for cell in cells)
            return _talk(prompts, a), _talk(prompts, b)
        except (ValueError, TypeError) as error:
            raise self._wrong(
                f"prompt and responses are not lists of texts ({error})", 'a JSON list, such as ["Hello"]'
            ) from None

    def _wide(self) -> Iterator[list[str]]:
        """Rows that hold something, as wide as the header, of two different contenders."""
        for row in self._rows:
            if len(row) != self._width:
                if not any(map(str.strip, row)):
                    continue
                raise self._wrong(
                    f"{len(row)} cells where the header has {self._width}",
                    'quote a name that holds a comma: "Yi, 34B"',
                )
            if self._name(row[self._a]) == self._name(row[self._b]):
                raise self._wrong(
                    f"'{row[self._a].strip()}' against itself", "a vote is on two different contenders"
                )
            yield row

    def _name(self, cell: str) -> str:
        found = self._cells.get(cell)
        if found is None:
            found = self._cells[cell] = _checked_name(cell, self._rows.line_num)
        return found

    def _short(self, cell: str) -> str | None:
        return _short(cell, self._rows.line_num)

    def _winner(self, cell: str) -> Choice:
        return _winner(cell, self._rows.line_num)

    def _count(self, name: str, cell: str) -> int:
        try:
            value = float(cell)
            if 0 <= value <= _MOST_COUNT and value.is_integer():
                return int(value)
        except ValueError:
            pass
        raise self._wrong(f"{name} is '{cell.strip()}'", f"a count is a whole number, 0 to {_MOST_COUNT:,}")

    def _place(self, name: str) -> int:
        if name not in self._places:
            raise self._wrong(f"no column '{name}'; seen: {', '.join(self._places)}", _SHAPES)
        return self._places[name]

    def _wrong(self, what: str, right: str) -> VotesFileError:
        return VotesFileError(what, line=self._rows.line_num or None, hint=right)


# -- objects ---------------------------------------------------------------------------------------------------------


def _json(file: TextIO) -> Iterator[tuple[int, Any]]:
    """Lines of JSON, or one list of objects (then all are called line 1, as they may be)."""
    if _starts_list(file):
        try:
            every = json.load(file)
        except ValueError as error:
            raise VotesFileError(f"not JSON: {error}", line=getattr(error, "lineno", None)) from None
        yield from enumerate(every, 1)
        return
    for number, line in enumerate(file, 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise VotesFileError(
                    f"not JSON: {error}", line=number, hint="one JSON object a line"
                ) from None


def _starts_list(file: TextIO) -> bool:
    beginning = next((c for c in iter(lambda: file.read(1), "") if not c.isspace()), "")
    file.seek(0)
    return beginning == "["


def _parquet(path: Path) -> Iterator[tuple[int, Any]]:
    parquet = pyarrow_parquet()
    import pyarrow

    try:
        with parquet.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (pyarrow.ArrowException, OSError) as error:
        raise VotesFileError(f"not a Parquet file that can be read: {error}") from None


def pyarrow_parquet() -> Any:
    """The module `pyarrow.parquet`.

    Raises:
        InputError: it is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        raise InputError(
            "Parquet needs pyarrow, which is not installed",
            hint="pip install 'fieldmark[parquet]', or use jsonl",
        ) from None
    return parquet


def _objects(rows: Iterable[tuple[int, Any]], place: str = "line") -> Iterator[Ballot]:
    del place
    for number, row in rows:
        if not isinstance(row, dict):
            raise VotesFileError("not an object", line=number, hint=_SHAPES)
        yield _ballot(number, row)


def _ballot(line: int, row: Mapping[str, Any]) -> Ballot:
    missing = [key for key in ("model_a", "model_b", "winner") if not isinstance(row.get(key), str)]
    if missing:
        seen = ", ".join(map(str, row))[:MOST_TEXT]
        raise VotesFileError(f"no text '{missing[0]}'; seen: {seen}", line=line, hint=_SHAPES)
    a, b = (_checked_name(row[key], line) for key in ("model_a", "model_b"))
    if a == b:
        raise VotesFileError(f"'{a}' against itself", line=line, hint="a vote is on two different contenders")
    more = {key: next((row[n] for n in names if row.get(n) is not None), "") for key, names in _NAMES.items()}
    return Ballot(
        line,
        a,
        b,
        _WINNERS.get(row["winner"]) or _winner(row["winner"], line),
        _checked_text(str(more["voter"]), line),
        _short(str(more["category"]) if not isinstance(more["category"], dict | list) else "", line),
        _short(str(more["language"]), line),
        str(more["at"]),
        str(more["id"]),
        conversations=_conversations(row, line),
    )


def _conversations(row: Mapping[str, Any], line: int) -> tuple[Messages, Messages] | None:
    given = [row.get("conversation_a"), row.get("conversation_b")]
    if any(each is None for each in given):
        return None
    a, b = (_messages(each, line) for each in given)
    return a, b


def _messages(given: Any, line: int) -> Messages:
    said: list[Mapping[str, str]] = []
    for each in given if isinstance(given, list) else [None]:
        message = each if isinstance(each, dict) else {}
        role, content = message.get("role"), _content(message.get("content"))
        if content is None or not isinstance(role, str):
            raise VotesFileError(
                "a conversation is not a list of messages", line=line, hint="each has a role and a content"
            )
        said.append({"role": role, "content": _checked_text(content, line)})
    return tuple(said)


def _content(given: Any) -> str | None:
    """The text of a message; newer data sets have a list of typed parts there."""
    if isinstance(given, list):
        texts = [part.get("text") for part in given if isinstance(part, dict) and part.get("type") == "text"]
        return "\n".join(text for text in texts if isinstance(text, str))
    return given if isinstance(given, str) else None


def _talk(prompts: Sequence[str], answers: Sequence[str | None]) -> Messages:
    said: list[Mapping[str, str]] = []
    for prompt, answer in zip(prompts, answers, strict=True):
        said += [{"role": "user", "content": prompt or ""}, {"role": "assistant", "content": answer or ""}]
    if not all(isinstance(each["content"], str) for each in said):
        raise TypeError("not texts")
    return tuple(said)


def _winner(cell: str, line: int) -> Choice:
    found = _WINNERS.get(cell.strip().casefold())
    if found is None:
        hint = "winner is a, b, tie or both_bad (or model_a, model_b)"
        raise VotesFileError(f"unknown winner '{cell.strip()[:MOST_TEXT]}'", line=line, hint=hint)
    return found


def _checked_name(cell: str, line: int) -> str:
    name = _checked_text(cell.strip(), line)
    if not name:
        raise VotesFileError("a contender has no name", line=line, hint="fill in model_a and model_b")
    if len(name) > MOST_TEXT or not name.isprintable():
        hint = f"at most {MOST_TEXT} printable characters"
        raise VotesFileError("that is no name of a contender", line=line, hint=hint)
    return name


def _short(cell: str, line: int) -> str | None:
    text = cell.strip()
    if len(text) > MOST_TEXT:
        raise VotesFileError(
            "a category or language is too long", line=line, hint=f"at most {MOST_TEXT} characters"
        )
    return _checked_text(text, line) or None


def _checked_text(text: str, line: int) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        hint = "a \\ud8.. escape stands alone there"
        raise VotesFileError("half of a surrogate pair is no text", line=line, hint=hint) from None
    return text
