"""Doing it."""


def perform(actions: list, left: dict, right: dict) -> dict:
    """Change both folders; what to remember as `last`. Files in conflict stay as they are and are not remembered anew."""
    conflicts = set()
    for what, path in actions:
        if what == "copy-right":
            right[path] = left[path]
        elif what == "copy-left":
            left[path] = right[path]
        elif what == "delete-right":
            right.pop(path, None)
        elif what == "delete-left":
            left.pop(path, None)
        else:
            conflicts.add(path)
    return {path: version for path, version in left.items() if path not in conflicts}
