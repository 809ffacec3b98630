"""Reads a field folder whole and says everything that is wrong with it at once."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fieldmark.errors import FieldError, Problem
from fieldmark.fields._across import doubled_ids, prompt_problems
from fieldmark.fields._check import validated
from fieldmark.fields._contenders import Entry, all_problems, doubled_names, entries, misfits, secrets
from fieldmark.fields._gateway import gateway_problems
from fieldmark.fields._models import Field, FieldContender, FieldFile, Prompt, PromptsFile
from fieldmark.fields._notices import notices
from fieldmark.fields._read import Document, Reader, Stamp

FIELD_FILE = "field.toml"
CONTENDERS = "contenders"


@dataclass(frozen=True)
class Loaded:
    """What came of reading a folder: a field or problems, and the stamps of what was read."""

    field: Field | None
    problems: tuple[Problem, ...]
    stamps: dict[Path, Stamp]


def load_field(folder: Path) -> Field:
    """The field in `folder`.

    Raises:
        FieldError: something in it is wrong; lists every place at once.
    """
    loaded = load(folder)
    if loaded.field is None:
        raise FieldError(loaded.problems)
    return loaded.field


def load(folder: Path) -> Loaded:
    """The same without raising."""
    loading = _Loading(folder)
    found = loading.field()
    problems = sorted(
        dict.fromkeys(loading.problems), key=lambda p: (p.file != FIELD_FILE, p.file, p.line or 0)
    )
    return Loaded(None if problems else found, tuple(problems), loading.reader.stamps)


def contender_entries(folder: Path) -> list[Entry]:
    """Every contender's table and place, as far as the files can be read."""
    loading = _Loading(folder)
    return [*entries(loading.reader.toml(FIELD_FILE)), *loading.contender_files()]


def slug(name: str) -> str:
    """An id made of a name: `Clinic letters` becomes `clinic-letters`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].strip("-")
    return made or "field-" + hashlib.sha256(name.encode()).hexdigest()[:8]


class _Loading:
    """One reading of a folder; each step adds what it finds wrong to `problems`."""

    def __init__(self, folder: Path) -> None:
        self.reader = Reader(folder.absolute())
        self.problems = self.reader.problems

    def field(self) -> Field | None:
        """The field, to be used only if there are no problems."""
        missing = "there is no field.toml in this folder"
        document = self.reader.toml(
            FIELD_FILE, Problem(FIELD_FILE, None, missing, "`fieldmark init` makes one")
        )
        added = list(self.contender_files())
        specs = [self._spec(entry) for entry in added]
        listed = [*entries(document), *added]
        self.problems += [problem for entry in listed for problem in all_problems(entry)]
        self.problems += doubled_names(listed)
        if document is None:
            return None
        names = [entry.name for entry in listed if entry.name]
        self.problems += gateway_problems(document, names, self.reader.folder)
        written = self._written(document)
        guidelines = self._beside(document, "guidelines")
        prompts = self._prompts(document)
        if written is None or self.problems:
            return None
        contenders = [*written.contenders, *(spec for spec in specs if spec)]
        made = {
            "folder": self.reader.folder,
            "id": written.id or slug(written.name),
            "guidelines": (guidelines or "").strip(),
            "prompts": [p.model_copy(update={"language": p.language or written.language}) for p in prompts],
            "contenders": [self._weights_beside(spec) for spec in contenders],
        }
        found = Field(**{**dict(written), **made})
        self.problems += misfits(found.contenders, listed)
        return found.model_copy(update={"notices": tuple(notices(found, listed, document))})

    def contender_files(self) -> Iterator[Entry]:
        """The tables of `contenders/*.toml`; the file's name is the contender's where it says none."""
        for name in self.reader.names(CONTENDERS):
            document = self.reader.toml(name) if self._inside(name, name) else None
            if document:
                document.data.setdefault("name", Path(name).stem)
                yield Entry(document, (), document.data)

    def _written(self, document: Document) -> FieldFile | None:
        hidden = secrets(document)
        self.problems += hidden.values()
        self.problems += [*doubled_ids(document, "categories"), *doubled_ids(document, "rubric")]
        return validated(FieldFile, document, document.data, self.problems, hidden)

    def _spec(self, entry: Entry) -> FieldContender | None:
        hidden, stem = secrets(entry.document), Path(entry.document.file).stem
        self.problems += hidden.values()
        if entry.name is not None and entry.name != stem:
            what = f"the name '{entry.name}' is not the file's"
            self.problems.append(entry.problem("name", what, f'name = "{stem}"'))
        return validated(FieldContender, entry.document, entry.table, self.problems, hidden)

    def _prompts(self, document: Document) -> tuple[Prompt, ...]:
        name, missing = self._file(document, "prompts")
        found = self.reader.toml(name, missing) if name is not None else None
        if found is None:
            return ()
        self.problems += prompt_problems(document, found)
        file = validated(PromptsFile, found, found.data, self.problems, ())
        return file.prompts if file else ()

    def _beside(self, document: Document, key: str) -> str | None:
        name, missing = self._file(document, key)
        return self.reader.text(name, missing) if name is not None else None

    def _file(self, document: Document, key: str) -> tuple[str | None, Problem | None]:
        """Name of the file that `key` gives, and the problem if it is missing; the default file may be."""
        name = document.data.get(key, FieldFile.model_fields[key].default)
        if not isinstance(name, str) or not self._inside(name, document.file, document.line((key,))):
            return None, None
        missing = document.problem((key,), f"there is no file '{name}'", "its name, from the field's folder")
        return name, missing if key in document.data else None

    def _inside(self, name: str, file: str, line: int | None = None) -> bool:
        outside = self.reader.outside(name)
        if outside:
            what = f"'{name}' leads out of the field's folder"
            self.problems.append(Problem(file, line, what, "a file inside it"))
        return not outside

    def _weights_beside(self, spec: FieldContender) -> FieldContender:
        """A path to weights is meant from the field's folder; a name on the shelf has no '/' or ending."""
        if spec.kind == "agent" and spec.files:
            return spec.model_copy(update={"files": str(self.reader.folder / os.path.expanduser(spec.files))})
        model = spec.model or ""
        if spec.kind != "weights" or not ("/" in model or model.endswith(".gguf")):
            return spec
        return spec.model_copy(update={"model": str(self.reader.folder / os.path.expanduser(model))})
