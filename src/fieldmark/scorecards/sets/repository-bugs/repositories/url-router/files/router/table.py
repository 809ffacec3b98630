"""All patterns."""

from router.pattern import Pattern


class NoRoute(LookupError):
    """No pattern fits."""


class Router:
    def __init__(self) -> None:
        self._routes = []

    def add(self, text: str, handler: str) -> None:
        self._routes.append((Pattern(text), handler))

    def find(self, path: str):
        """(handler, parameters). Raises NoRoute."""
        for pattern, handler in self._routes:
            parameters = pattern.match(path)
            if parameters is not None:
                return handler, parameters
        raise NoRoute(path)
