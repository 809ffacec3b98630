"""Names of events."""


def fits(pattern: str, topic: str) -> bool:
    """Whether an event is one that is listened to. `*` stands for one part; alone, or at the end, for one or more."""
    wanted, said = pattern.split("."), topic.split(".")
    if wanted[-1] == "*" and len(said) > len(wanted):
        said = said[: len(wanted)]
    return len(wanted) == len(said) and all(w in ("*", s) for w, s in zip(wanted, said))
