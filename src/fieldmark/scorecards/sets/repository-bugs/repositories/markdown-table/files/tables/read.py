"""From text to rows."""


def parse(text: str) -> list:
    """Rows as lists of texts, the names first; the rule is left out. Raises ValueError for rows of unlike length."""
    rows = []
    for number, line in enumerate(text.strip().splitlines()):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if number == 1:
            continue
        if rows and len(cells) != len(rows[0]):
            raise ValueError(f"line {number + 1} has {len(cells)} cells")
        rows.append(cells)
    return rows
