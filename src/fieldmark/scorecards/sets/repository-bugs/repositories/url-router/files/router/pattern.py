"""One pattern."""

import re


class PatternError(ValueError):
    """A pattern cannot be read."""


class Pattern:
    """Kinds of parameters: `text` (one part, the usual one), `int`, `path` (any number of parts, at the end)."""

    KINDS = {"text": "[^/]+", "int": "[0-9]+", "path": ".+"}

    def __init__(self, text: str) -> None:
        if not text.startswith("/"):
            raise PatternError("a pattern starts with /")
        self.text = text
        self.kinds = {}
        expression = ""
        for part in re.split(r"(<[^>]*>)", text):
            expression += self._parameter(part) if part.startswith("<") else re.escape(part)
        self._expression = re.compile(expression)

    def _parameter(self, part: str) -> str:
        name, _, kind = part[1:-1].partition(":")
        kind = kind or "text"
        if not name.isidentifier() or kind not in self.KINDS or name in self.kinds:
            raise PatternError(f"no parameter: {part}")
        self.kinds[name] = kind
        return f"(?P<{name}>{self.KINDS[kind]})"

    def match(self, path: str):
        """Parameters of a path; None when it does not fit."""
        found = self._expression.match(path)
        if found is None:
            return None
        return {n: int(v) if self.kinds[n] == "int" else v for n, v in found.groupdict().items()}
