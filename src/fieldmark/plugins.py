"""The one door for extensions: a named registry filled by entry points, which the built-ins use too."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Generic, TypeVar

from fieldmark.errors import NotFound

T = TypeVar("T")


class Registry(Generic[T]):
    """Things of one kind by name. `group` is also the entry-point group, read when a name is first asked for.

    Example: `Registry[type[Contender]]("fieldmark.contenders").get("endpoint")`.
    """

    def __init__(self, group: str) -> None:
        self.group = group
        self._known: dict[str, T] = {}

    def register(self, name: str, thing: T) -> T:
        """Make `thing` known as `name`, in place of an entry point of that name."""
        self._known[name] = thing
        return thing

    def names(self) -> list[str]:
        """All names, sorted, without loading anything."""
        return sorted({*self._known, *(e.name for e in entry_points(group=self.group))})

    def get(self, name: str) -> T:
        """The thing called `name`.

        Raises:
            NotFound: nothing has that name; the hint lists those that exist.
        """
        if name not in self._known:
            found = next(iter(entry_points(group=self.group, name=name)), None)
            if found is None:
                raise NotFound(
                    f"no {self.group} is called '{name}'", hint="known: " + ", ".join(self.names())
                )
            self._known[name] = found.load()
        return self._known[name]
