"""Very many entries on their way into the arena's tables: imported votes are folded, and counted at the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import cast

from sqlalchemy import Connection

from fieldmark.arena import _tables as t
from fieldmark.arena._counting import Board, add_rows, known_voters, place_of
from fieldmark.ledger import Batch, Entry, Projection
from fieldmark.ledger.evidence import Choice, Source, VoteCast

Kind = tuple[Source, str | None, str, str, Choice]
"""Stratum, category, contenders on both sides, choice."""


class Fold:
    """Votes without a battle, folded in memory: written once, to the same tables as one by one."""

    def __init__(self) -> None:
        self.votes: dict[Kind, list[int]] = {}
        """Counted votes: how many of a kind, and the index of the last."""
        self.voters: dict[tuple[Source, str | None], dict[str, int]] = {}
        self.left: dict[tuple[Source, str | None, str], int] = {}

    def add(self, entries: Iterable[Entry]) -> None:
        """Take them in, in order."""
        for entry in entries:
            vote = cast(VoteCast, entry.record.body)
            if not vote.counts:
                why = vote.source, vote.category, str(vote.not_counted)
                self.left[why] = self.left.get(why, 0) + 1
                continue
            line = self.votes.setdefault((vote.source, vote.category, vote.a, vote.b, vote.choice), [0, 0])
            line[0] += 1
            line[1] = entry.index
            board = self.voters.setdefault((vote.source, vote.category), {})
            board[entry.record.actor] = board.get(entry.record.actor, 0) + 1

    def merge(self, later: Fold) -> None:
        """Take in what was folded from the entries after."""
        for kind, (n, last) in later.votes.items():
            line = self.votes.setdefault(kind, [0, 0])
            line[0] += n
            line[1] = last
        for place, theirs in later.voters.items():
            board = self.voters.setdefault(place, {})
            for voter, n in theirs.items():
                board[voter] = board.get(voter, 0) + n
        for why, n in later.left.items():
            self.left[why] = self.left.get(why, 0) + n

    def write(self, connection: Connection) -> None:
        """Add it to the tables."""
        if not (self.votes or self.left):
            return
        pairs: dict[tuple[str, str, str, str], list[int]] = {}
        for (source, category, a, b, choice), (n, last) in self.votes.items():
            first, second, column = place_of(a, b, choice)
            for board in _boards(source, category):
                line = pairs.setdefault((*board, first, second), [0, 0, 0, 0, 0])
                line[column] += n
                line[4] = max(line[4], last)
        add_rows(connection, t.counts, [(*key, *line) for key, line in pairs.items()], ("at",))
        self._write_voters(connection)

    def _write_voters(self, connection: Connection) -> None:
        voters: defaultdict[Board, dict[str, int]] = defaultdict(dict)
        for (source, category), votes in self.voters.items():
            for board in _boards(source, category):
                ballots = voters[board]
                for voter, n in votes.items():
                    ballots[voter] = ballots.get(voter, 0) + n
        left: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        for (source, category, why), n in self.left.items():
            for board in _boards(source, category):
                left[*board, f"not_counted:{why}"] += n
        for board, ballots in voters.items():
            if new := len(ballots) - known_voters(connection, board, list(ballots)):
                left[*board, "browsers"] += new
        rows = [(*board, voter, n) for board, ballots in voters.items() for voter, n in ballots.items()]
        add_rows(connection, t.voters, rows)
        add_rows(connection, t.totals, [(*key, n) for key, n in left.items()])


def _boards(source: str, category: str | None) -> list[Board]:
    return [(source, ""), (source, category)] if category else [(source, "")]


class VoteBatch(Batch):
    """Votes without a battle wait, folded, until a record comes that may touch the tables otherwise, or the end."""

    def __init__(
        self, projection: Projection, connection: Connection, is_loose: Callable[[Entry], bool]
    ) -> None:
        super().__init__(projection, connection)
        self._is_loose = is_loose
        self._fold = Fold()

    def take(self, entries: Sequence[Entry]) -> None:
        """The next ones."""
        for loose, run in groupby(entries, key=self._is_loose):
            if loose:
                self._fold.add(run)
            else:
                self.close()
                super().take(list(run))

    def add(self, fold: object) -> None:
        """The next ones, as `Projection.fold` gave them."""
        if isinstance(fold, Fold):
            self._fold.merge(fold)

    def close(self) -> None:
        """Write what waits."""
        fold, self._fold = self._fold, Fold()
        fold.write(self.connection)
