"""Settings that know what they extend."""

from settings.defaults import DEFAULTS
from settings.parse import ParseError, sections


class Settings:
    """All sections of one text."""

    def __init__(self) -> None:
        self._sections = {}

    def section(self, name: str) -> dict:
        if name not in self._sections:
            raise KeyError(name)
        return self._sections[name]

    def names(self) -> list:
        return list(self._sections)

    def add(self, name: str, parent, own: dict, added: dict) -> None:
        if parent is not None and parent not in self._sections:
            raise ParseError(f"[{name}] extends [{parent}], which is not there before it")
        merged = DEFAULTS if parent is None else self._sections[parent]
        merged.update(own)
        for key, more in added.items():
            values = merged.setdefault(key, [])
            values.extend(more if isinstance(more, list) else [more])
        self._sections[name] = merged


def load(text: str) -> Settings:
    """Read a text. Raises ParseError."""
    settings = Settings()
    for section in sections(text):
        settings.add(*section)
    return settings
