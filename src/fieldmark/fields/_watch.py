"""Follows a field folder while it is served."""

from __future__ import annotations

from pathlib import Path

from fieldmark.errors import FieldError, Problem
from fieldmark.fields._load import FIELD_FILE, load
from fieldmark.fields._models import Field
from fieldmark.fields._read import stamp


class FieldWatch:
    """The last good field of a folder. A wrong edit changes nothing but `problems`; mending it clears them.

    Raises:
        FieldError: the folder is wrong already at the start.
    """

    def __init__(self, folder: Path) -> None:
        loaded = load(folder)
        if loaded.field is None:
            raise FieldError(loaded.problems)
        self.current: Field = loaded.field
        """The field as last read without a problem."""
        self.problems: tuple[Problem, ...] = ()
        """What is wrong with the folder as it is now."""
        self._stamps = loaded.stamps

    def poll(self) -> bool:
        """Read the folder again if a file of it changed; whether `current` or `problems` did.

        A few `stat` calls if none did. A new `id` is a problem: votes are recorded under the old one.
        """
        if all(stamp(path) == seen for path, seen in self._stamps.items()):
            return False
        before = (self.current, self.problems)
        loaded = load(self.current.folder)
        self._stamps = loaded.stamps
        self.problems = loaded.problems
        if loaded.field and loaded.field.id != self.current.id:
            right = f'id = "{self.current.id}" keeps it; to begin another field, stop the server first'
            self.problems = (
                Problem(
                    FIELD_FILE, None, f"the field's id changed to '{loaded.field.id}' while served", right
                ),
            )
        elif loaded.field:
            self.current = loaded.field
        return (self.current, self.problems) != before
