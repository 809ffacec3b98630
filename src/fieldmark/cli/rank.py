"""`fieldmark rank`: ranks any file of votes, with no field at all."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fieldmark.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from fieldmark.statistics import Component, PairCounts, Ratings, Tally

COLUMNS = ("model", "rating", "se", "lower", "upper", "rank_best", "rank_worst", "battles", "component")
"""What each row holds, in JSON and CSV."""

Row = dict[str, str | int | float | None]

_WIDEST_BAR, _NARROWEST_BAR, _NARROWEST_NAME = 60, 14, 16
_OTHER_COLUMNS = 44  # what rank, rating, interval, battles and the gaps take of a line
_WHY = {
    "no_votes": "no vote but 'both bad'",
    "one_sided": "its votes against all others go one way only",
    "only_ties": "all its votes are ties",
    "no_upset": "ties aside, its votes go one way only",
}


def add_to(app: typer.Typer) -> None:
    """Add the command `rank`."""
    app.command()(rank)


def rank(
    votes: Annotated[
        Path, typer.Argument(help="CSV file of votes; - reads standard input.", show_default=False)
    ],
    model: Annotated[
        Literal["davidson", "bradley-terry"],
        typer.Option(help="davidson: a tie is an outcome of its own; bradley-terry: half a win each way."),
    ] = "davidson",
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Column that says whose a vote is: intervals allow for habits of a voter."
        ),
    ] = None,
    output: Annotated[
        Literal["table", "json", "csv"], typer.Option("--format", help="How to print.")
    ] = "table",
    confidence: Annotated[float, typer.Option(help="Confidence of intervals and rank ranges.")] = 0.95,
) -> None:
    """Rank the contenders of a file of votes.

    Columns: model_a, model_b, winner (a, b, tie, both_bad); or model_a, model_b, wins_a, wins_b, ties and
    perhaps both_bad. Here both_bad counts as a tie.
    """
    if not 0 < confidence < 1:
        raise InputError(
            f"--confidence {confidence:g} is no confidence", hint="give a number between 0 and 1, as 0.95"
        )
    from fieldmark.arena import read_votes
    from fieldmark.statistics import rate

    file = read_votes(sys.stdin.buffer.read() if str(votes) == "-" else votes, cluster=cluster)
    counts = file.counts()
    clusters = file.clusters(counts)
    ratings = rate(counts, model=model, confidence=confidence, clusters=clusters, both_bad="tie")
    if output == "json":
        _print_json(_rows(ratings))
    elif output == "csv":
        _print_csv(_rows(ratings))
    else:
        whose = (
            f"clustered by {cluster} ({len(set(file.cluster.tolist())):,})"
            if file.cluster is not None
            else ""
        )
        _print_table(ratings, counts, whose)


def _order(ratings: Ratings) -> list[int]:
    """Component by component, best first; those without a rating last."""

    def key(i: int) -> tuple[bool, int, float, str]:
        unrated = math.isnan(ratings.rating[i])
        return (
            unrated,
            int(ratings.component[i]),
            0.0 if unrated else -float(ratings.rating[i]),
            ratings.names[i],
        )

    return sorted(range(len(ratings.names)), key=key)


def _rows(ratings: Ratings) -> list[Row]:
    return [
        {
            "model": ratings.names[i],
            "rating": _known(ratings.rating[i]),
            "se": _known(ratings.se[i]),
            "lower": _known(ratings.lower[i]),
            "upper": _known(ratings.upper[i]),
            "rank_best": int(ratings.rank_best[i]) or None,
            "rank_worst": int(ratings.rank_worst[i]) or None,
            "battles": int(ratings.battles[i]),
            "component": int(ratings.component[i]) + 1,
        }
        for i in _order(ratings)
    ]


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _print_json(rows: list[Row]) -> None:
    import json

    print("[\n" + ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows) + "\n]")


def _print_csv(rows: list[Row]) -> None:
    import csv

    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print_table(ratings: Ratings, counts: PairCounts, whose: str) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    rated = [part for part in ratings.components if part.unrated is None]
    for number, part in enumerate(rated, start=1):
        title = f"Component {number} of {len(rated)}" if len(rated) > 1 else ""
        console.print(_rated_table(ratings, part, title, console.width))
    if len(rated) < len(ratings.components):
        console.print(_unrated_table(ratings, counts.tally()))
    for line in _notes(ratings, counts.votes, whose):
        console.print(line)


def _rated_table(ratings: Ratings, part: Component, title: str, width: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    members = [i for i in _order(ratings) if ratings.why_unrated(i) is None and i in part.members]
    free = width - _OTHER_COLUMNS
    longest = max(len(ratings.names[i]) for i in members)
    room = min(_WIDEST_BAR, free - min(longest, max(_NARROWEST_NAME, free - _NARROWEST_BAR)))
    bounds = [value for i in members for value in (ratings.lower[i], ratings.upper[i], ratings.rating[i])]
    finite = [float(value) for value in bounds if math.isfinite(value)]
    scale = (min(finite), max(finite))
    table = Table(box=None, header_style="bold", title=title, title_justify="left", padding=(0, 1))
    table.add_column("Rank", justify="right")
    table.add_column("Contender", overflow="fold")
    table.add_column("Rating", justify="right")
    table.add_column("Interval", justify="right", style="dim")
    if room >= _NARROWEST_BAR:
        table.add_column(
            Text(f"{scale[0]:<{room - 6}.0f}{scale[1]:>6.0f}", style="dim not bold"), no_wrap=True
        )
    table.add_column("Battles", justify="right")
    for i in members:
        interval = (
            f"{ratings.lower[i]:.0f} to {ratings.upper[i]:.0f}" if math.isfinite(ratings.se[i]) else "unknown"
        )
        bar = [_bar(ratings, i, scale, room)] if room >= _NARROWEST_BAR else []
        ranks = _range(int(ratings.rank_best[i]), int(ratings.rank_worst[i]))
        name = Text(ratings.names[i])
        table.add_row(ranks, name, f"{ratings.rating[i]:.0f}", interval, *bar, f"{ratings.battles[i]:,}")
    return table


def _bar(ratings: Ratings, i: int, scale: tuple[float, float], room: int) -> str:
    """The interval on one line of text, the rating a dot in it."""
    span = (scale[1] - scale[0]) or 1.0

    def place(value: float) -> int:
        return round((value - scale[0]) / span * (room - 1))

    middle = place(float(ratings.rating[i]))
    cells = [" "] * room
    if math.isfinite(ratings.se[i]):
        low, high = place(float(ratings.lower[i])), place(float(ratings.upper[i]))
        cells[low : high + 1] = "─" * (high + 1 - low)
    cells[middle] = "●"
    return "".join(cells)


def _range(best: int, worst: int) -> str:
    return f"{best}" if best == worst else f"{best}–{worst}"


def _unrated_table(ratings: Ratings, tally: Tally) -> Table:
    from rich.table import Table
    from rich.text import Text

    from fieldmark.statistics import clopper_pearson

    table = Table(box=None, header_style="bold", title="No rating yet", title_justify="left", padding=(0, 1))
    for column, justify in (
        ("Contender", "left"),
        ("Won–lost–tied", "right"),
        ("Share won", "right"),
        ("Why", "left"),
    ):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for i in _order(ratings):
        if (why := ratings.why_unrated(i)) is None:
            continue
        won, lost = float(tally.wins[i]), float(tally.losses[i])
        share = "none decided"
        if won + lost:
            exact = clopper_pearson(won, won + lost, ratings.confidence)
            share = f"{exact.value:.0%} ({exact.lower:.0%} to {exact.upper:.0%})"
        ties = tally.ties[i] + tally.both_bad[i]
        table.add_row(Text(ratings.names[i]), f"{won:,.0f}–{lost:,.0f}–{ties:,.0f}", share, _WHY[why])
    return table


def _notes(ratings: Ratings, votes: float, whose: str) -> list[str]:
    """Which model and interval, how to read it, and what cannot be compared."""
    level = f"{ratings.confidence:.6g}" if ratings.confidence > 0.999 else f"{ratings.confidence * 100:.4g}%"
    nu = ratings.tie_parameter
    model = "Bradley-Terry, a tie is half a win each way"
    if ratings.model == "davidson":
        model = "Davidson" + (f", two equals tie {nu / (2 + nu):.0%} of the time" if nu is not None else "")
    notes = [
        f"\n{votes:,.0f} votes (both bad counted as ties). {model}; {level} intervals, {whose or 'sandwich'}."
    ]
    rated = [part for part in ratings.components if part.unrated is None]
    if rated:
        notes.append(
            f"How to read: with {level} confidence every true rank lies within its range, all at once; 1–3 "
            "means that the votes leave open which of these places it holds."
        )
    if len(ratings.components) > 1:
        notes.append(
            f"{len(ratings.components)} components: between them votes go one way only or are missing, so no "
            "rating compares one with another; ratings have mean 1000 within each."
        )
    return notes
