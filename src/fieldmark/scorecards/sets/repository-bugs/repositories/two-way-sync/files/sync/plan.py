"""What is to be done."""

from sync.changes import change


def plan(left: dict, right: dict, last: dict) -> list:
    """Actions (what, path), sorted by path: `copy-right`, `copy-left`, `delete-right`, `delete-left`, `conflict`."""
    actions = []
    for path in sorted(left.keys() | right.keys()):
        here = change(last.get(path), left.get(path))
        there = change(last.get(path), right.get(path))
        if here in ("new", "edited"):
            actions.append(("copy-right", path))
        elif there in ("new", "edited"):
            actions.append(("copy-left", path))
        elif here == "deleted":
            actions.append(("delete-right", path))
        elif there == "deleted":
            actions.append(("delete-left", path))
    return actions
