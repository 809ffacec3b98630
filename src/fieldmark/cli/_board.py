"""The leaderboard in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from fieldmark.arena.views import Board, BoardRow
from fieldmark.reports import verdict_sentence


def show(board: Board) -> None:
    """Print it: the sentence first, then the table, then what it was computed from."""
    console = Console()
    if board.verdict is not None:
        console.print(verdict_sentence(board.verdict), style="bold", highlight=False)
    table = Table(box=None, pad_edge=False)
    for heading in (
        "rank",
        "contender",
        "rating",
        f"{board.confidence:.0%} interval",
        "votes",
        "won",
        "lost",
        "equal",
        "both bad",
    ):
        table.add_column(heading, justify="left" if heading == "contender" else "right")
    for row in board.rows:
        counts = (row.battles, row.wins, row.losses, row.ties, row.both_bad)
        table.add_row(_rank(row), _name(row), *_rating(row), *map(str, counts))
    console.print(table)
    browsers = f"{board.browsers} browser{'' if board.browsers == 1 else 's'}"
    left_out = ", ".join(f"{n} {reason}" for reason, n in board.not_counted.items())
    console.print(
        f"{board.votes} counted votes from {browsers}, {board.model}, {board.interval} intervals, head {board.head}"
        + (f"; not counted: {left_out}" if left_out else ""),
        style="dim",
        highlight=False,
    )


def _rank(row: BoardRow) -> str:
    if row.rank_best is None:
        return "–"
    return f"{row.rank_best}" if row.rank_best == row.rank_worst else f"{row.rank_best}–{row.rank_worst}"


def _name(row: BoardRow) -> str:
    return row.name if row.status == "active" else f"{row.name} ({row.status}, {row.digest[:8]})"


def _rating(row: BoardRow) -> tuple[str, str]:
    if row.rating is None or row.lower is None or row.upper is None:
        return "no rating yet", ""
    return f"{row.rating:.0f}", f"{row.lower:.0f}–{row.upper:.0f}"
