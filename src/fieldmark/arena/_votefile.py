"""Reads a file of votes: one row a vote (`model_a,model_b,winner`) or one row a pair with counts."""

from __future__ import annotations

import csv
import io
import math
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from fieldmark.errors import VotesFileError
from fieldmark.statistics import OUTCOMES, ClusterScores, FloatArray, IntArray, PairCounts

if TYPE_CHECKING:
    from _csv import Reader

T = TypeVar("T")

_PAIR = ("model_a", "model_b")
_COUNTS = ("wins_a", "wins_b", "ties")
_WINNERS: dict[str, int] = {
    **{outcome: code for code, outcome in enumerate(OUTCOMES)},
    "model_a": 0,
    "model_b": 1,
    "tie (bothbad)": 3,
    "bothbad": 3,
}
_MOST = 1e15  # counts stay exact as floating-point numbers
_SHAPES = (
    "columns: model_a, model_b and winner; or model_a, model_b, wins_a, wins_b, ties and perhaps both_bad"
)


@dataclass(frozen=True, eq=False)
class VoteFile:
    """Votes as codes: arrays of shape [N], one entry per vote or per count.

    `a` and `b` index `names` (sorted), `outcome` indexes `OUTCOMES`, `weight` is how many votes the entry
    stands for; `cluster` codes the cluster column, None if none was asked for.
    """

    names: tuple[str, ...]
    a: IntArray
    b: IntArray
    outcome: IntArray
    weight: FloatArray
    cluster: IntArray | None

    def counts(self) -> PairCounts:
        """Votes counted per pair."""
        return PairCounts.from_indices(self.names, self.a, self.b, self.outcome, self.weight)

    def clusters(self, counts: PairCounts) -> ClusterScores | None:
        """The clusters behind `counts`, None if no column was asked for."""
        if self.cluster is None:
            return None
        return ClusterScores.from_indices(counts, self.a, self.b, self.outcome, self.cluster, self.weight)


def read_votes(source: Path | bytes, *, cluster: str | None = None) -> VoteFile:
    """Read votes from a CSV file, or from its bytes; `cluster` names a column that says whose each row is.

    Raises:
        VotesFileError: no such file, not UTF-8, empty, a column is missing, or a cell is wrong; `line` says
            where.
    """
    rows = csv.reader(io.StringIO(_text(source), newline=""), strict=True)
    try:
        return _Table(rows, cluster).read()
    except csv.Error as error:
        raise VotesFileError(
            f"not CSV: {error}", line=rows.line_num, hint='quote a cell by one " on each side'
        ) from None


def _text(source: Path | bytes) -> str:
    data = source if isinstance(source, bytes) else _bytes(source)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise VotesFileError("not UTF-8 text", line=line, hint="save the file as CSV in UTF-8") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise VotesFileError(
            f"{path}: {error.strerror}", hint="give a CSV file of votes, or - for standard input"
        ) from None


class _Codes(dict[str, T], Generic[T]):
    """Cell to code; a spelling is understood once, then costs one look-up."""

    def __init__(self, understand: Callable[[str], T]) -> None:
        super().__init__()
        self._understand = understand

    def __missing__(self, cell: str) -> T:
        return self.setdefault(cell, self._understand(cell))


class _Table:
    """One pass over the rows."""

    def __init__(self, rows: Reader, cluster: str | None) -> None:
        self._rows = rows
        self._names: dict[str, int] = {}
        self._owners: dict[str, int] = {}
        self._name = _Codes(self._named)
        self._owner_of = _Codes(self._owned)
        self._header = [cell.strip() for cell in next((row for row in rows if any(row)), [])]
        if not self._header:
            raise self._wrong("the file is empty", _SHAPES)
        self._by_vote = "winner" in self._header
        self._a, self._b = map(self._column, _PAIR)
        self._cluster = None if cluster is None else self._column(cluster)

    def read(self) -> VoteFile:
        """Every row, in order of the file."""
        a, b, outcome, owner = (array("q") for _ in range(4))
        weight = array("d")
        reader = self._votes if self._by_vote else self._counted
        for entry in reader():
            a.append(entry[0])
            b.append(entry[1])
            outcome.append(entry[2])
            weight.append(entry[3])
            owner.append(entry[4])
        if not a:
            raise self._wrong("no vote", "the header is followed by one row per vote or pair")
        names = tuple(sorted(self._names))
        place = np.empty(len(names), dtype=np.int64)
        place[[self._names[name] for name in names]] = np.arange(len(names))
        codes = [np.array(column, dtype=np.int64) for column in (a, b, outcome, owner)]
        clusters = None if self._cluster is None else codes[3]
        return VoteFile(names, place[codes[0]], place[codes[1]], codes[2], np.array(weight), clusters)

    def _votes(self) -> Iterator[tuple[int, int, int, float, int]]:
        names, winner = self._name, _Codes(self._winner)
        column = self._column("winner")
        for row in self._cells():
            yield names[row[self._a]], names[row[self._b]], winner[row[column]], 1.0, self._owner(row)

    def _counted(self) -> Iterator[tuple[int, int, int, float, int]]:
        missing = [name for name in _COUNTS if name not in self._header]
        if missing:
            self._column("winner" if len(missing) == len(_COUNTS) else missing[0])
        wanted = (*_COUNTS, "both_bad") if "both_bad" in self._header else _COUNTS
        columns = [(code, self._column(name), name) for code, name in enumerate(wanted)]
        for row in self._cells():
            a, b, owner = self._name[row[self._a]], self._name[row[self._b]], self._owner(row)
            for code, column, name in columns:
                yield a, b, code, self._count(name, row[column]), owner

    def _cells(self) -> Iterator[list[str]]:
        """Rows that hold something, as wide as the header, of two different contenders."""
        width, names = len(self._header), self._name
        for row in self._rows:
            if len(row) != width:
                if not any(map(str.strip, row)):
                    continue
                raise self._wrong(
                    f"{len(row)} cells where the header has {width}",
                    'quote a name that holds a comma: "Yi, 34B"',
                )
            if names[row[self._a]] == names[row[self._b]]:
                raise self._wrong(
                    f"'{row[self._a].strip()}' against itself", "a vote is on two different contenders"
                )
            yield row

    def _owner(self, row: list[str]) -> int:
        if self._cluster is None:
            return 0
        return self._owner_of[row[self._cluster]]

    def _owned(self, cell: str) -> int:
        if not (owner := cell.strip()):
            raise self._wrong(
                "whose row this is, is not said", "fill in the cluster column, or rank without it"
            )
        return self._owners.setdefault(owner, len(self._owners))

    def _named(self, cell: str) -> int:
        if not (name := cell.strip()):
            raise self._wrong("a contender has no name", "fill in model_a and model_b")
        return self._names.setdefault(name, len(self._names))

    def _winner(self, cell: str) -> int:
        code = _WINNERS.get(cell.strip().casefold())
        if code is None:
            raise self._wrong(
                f"unknown winner '{cell.strip()}'", "winner is a, b, tie or both_bad (or model_a, model_b)"
            )
        return code

    def _count(self, name: str, cell: str) -> float:
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not (0 <= value <= _MOST and value.is_integer()):
            raise self._wrong(f"{name} is '{cell.strip()}'", "a count is a whole number, 0 or more")
        return value

    def _column(self, name: str) -> int:
        places = [place for place, seen in enumerate(self._header) if seen == name]
        if len(places) == 1:
            return places[0]
        seen = ", ".join(cell or "(no name)" for cell in self._header)
        if places:
            raise self._wrong(
                f"two columns are called '{name}'; seen: {seen}", "every column has a name of its own"
            )
        raise self._wrong(f"no column '{name}'; seen: {seen}", _SHAPES)

    def _wrong(self, what: str, right: str) -> VotesFileError:
        return VotesFileError(what, line=self._rows.line_num or None, hint=right)
