"""From rows to text."""

from tables.cells import is_number, text_of


def render(names: list, rows: list) -> str:
    """A table; columns of numbers (and empty cells) stand to the right."""
    right = [all(is_number(row[i]) or row[i] is None for row in rows) and bool(rows) for i in range(len(names))]
    cells = [list(names), *[[text_of(value) for value in row] for row in rows]]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(names))]
    lines = [_line(cells[0], widths, right), _rule(widths, right)]
    lines += [_line(row, widths, right) for row in cells[1:]]
    return "\n".join(lines) + "\n"


def _line(row: list, widths: list, right: list) -> str:
    placed = [
        text.rjust(width) if to_right else text.ljust(width) for text, width, to_right in zip(row, widths, right)
    ]
    return "| " + " | ".join(placed) + " |"


def _rule(widths: list, right: list) -> str:
    return "|" + "|".join("-" * (width + 1) + (":" if r else "-") for width, r in zip(widths, right)) + "|"
