"""The leaderboard in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from fieldmark.arena.views import Board, BoardRow
from fieldmark.reports import FieldColumns, verdict_sentence
from fieldmark.reports.field import FieldRow

_STRATA = {"live": "votes", "shadow": "votes on shadowed real cases", "imported": "imported votes"}


def show(board: Board) -> None:
    """Print it: the sentence first, then the table, then what it was computed from."""
    console = Console(markup=False, emoji=False)  # a name may look like markup
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
        f"{board.votes} counted {_STRATA[board.strata[0]]} from {browsers}, {board.model}, "
        f"{board.interval} intervals, head {board.head}" + (f"; not counted: {left_out}" if left_out else ""),
        style="dim",
        highlight=False,
    )


def show_field(board: Board, columns: FieldColumns) -> None:
    """Beneath it: what became of real cases, whether votes agree, and who drifted."""
    console = Console(markup=False, emoji=False)  # a name may look like markup
    names = {row.digest: _name(row) for row in board.rows}
    if any(row.cases for row in columns.rows.values()):
        table = Table(box=None, pad_edge=False)
        for heading in (
            "real cases",
            "cases",
            "outcomes",
            "solved",
            "interval",
            "edited",
            "rejected",
            "harm",
        ):
            table.add_column(heading, justify="left" if heading == "real cases" else "right")
        for digest, row in columns.rows.items():
            table.add_row(names.get(digest, row.name), *_work(row))
        console.print()
        console.print(table)
        console.print(columns.assignment, style="dim", highlight=False)
    for sentence in [each.sentence for each in columns.agreement]:
        console.print(sentence, highlight=False)
    if columns.shadowed is not None:
        console.print(columns.shadowed.sentence, highlight=False)
    for digest, row in columns.rows.items():
        if row.alarm is not None:
            said = f"DRIFT ALARM: {names.get(digest, row.name)}, since {row.alarm.since[:10]}. {row.alarm.message}"
            console.print(said, style="bold red", highlight=False)


def _work(row: FieldRow) -> Iterator[str]:
    yield str(row.cases)
    yield str(row.reported)
    yield f"{row.solved.value:.0%}" if row.solved else ""
    yield f"{row.solved.lower:.0%}–{row.solved.upper:.0%}" if row.solved else ""
    for rate in (row.edited, row.rejected, row.harm):
        yield f"{rate.value:.0%}" if rate else ""


def _rank(row: BoardRow) -> str:
    if row.rank_best is None:
        return "–"
    return f"{row.rank_best}" if row.rank_best == row.rank_worst else f"{row.rank_best}–{row.rank_worst}"


def _name(row: BoardRow) -> str:
    return (
        row.name if row.status in {"active", "imported"} else f"{row.name} ({row.status}, {row.digest[:8]})"
    )


def _rating(row: BoardRow) -> tuple[str, str]:
    if row.rating is None or row.lower is None or row.upper is None:
        return "no rating yet", ""
    return f"{row.rating:.0f}", f"{row.lower:.0f}–{row.upper:.0f}"
