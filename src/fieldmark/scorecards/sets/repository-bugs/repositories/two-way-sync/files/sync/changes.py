"""What became of a file since the last run."""


def change(before, now) -> str:
    """`same`, `new`, `edited`, `deleted` or `none` (there was and is no such file)."""
    if before is None and now is None:
        return "none"
    if before is None:
        return "new"
    if now is None:
        return "deleted"
    return "same" if before == now else "edited"
