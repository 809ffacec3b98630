"""Amounts are whole cents."""


def percent_of(cents: int, percent: int) -> int:
    """A share of an amount, rounded half up."""
    return (cents * percent + 50) // 100


def euros(cents: int) -> str:
    """For people: 1234 is 12.34."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
