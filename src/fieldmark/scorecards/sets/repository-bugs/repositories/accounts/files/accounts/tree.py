"""Names of accounts."""


def belongs(account: str, group: str) -> bool:
    """Whether an account is that one or below it."""
    return account.startswith(group)


def depth(account: str) -> int:
    return account.count(":")
