"""How often somebody may try to sign in."""

from __future__ import annotations

from starlette.exceptions import HTTPException

from fieldmark.server._guard import Rates


class Attempts:
    """Counted by name and address together, so that nobody can lock another out; and by each alone, more generously."""

    def __init__(self, most: int = 10) -> None:
        self._most = most
        self._rates = Rates()

    def check(self, name: str, address: str) -> None:
        """Refuse (429) one that comes too soon."""
        name = name.strip().casefold()[:200]
        limits = [(("address", address), self._most * 5)]
        if name:
            limits += [((f"name {name}", address), self._most), (("name", name), self._most * 10)]
        for key, most in limits:
            wait = self._rates.wait(key, most)
            if wait:
                seconds = str(int(wait) + 1)
                raise HTTPException(429, "too many sign-ins; wait a moment", headers={"retry-after": seconds})
