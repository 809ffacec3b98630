"""`docs/reference/errors.md`: the tree, and how a contender fails."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from typing import get_args

from fieldmark import errors
from fieldmark.server._errors import _STATUS
from tests.generated._markdown import NOTE, prose, table

_API = """\
## In the HTTP API

Every reply that is no success has the body `{"error": {"code", "message", "hint", "problems"}}`. `code` is stable, for
programs; `message` says what is wrong and `hint` what would be right; `problems` lists places in files. A `Conflict`
gives a code of its own for each rule.

"""


def page() -> str:
    """The page."""
    assert errors.__doc__
    title, _, rest = errors.__doc__.partition("\n")
    parts = [f"{NOTE}\n# Errors\n\n{title}\n{rest.strip()}\n", _classes(), _failures(), _API + _statuses()]
    return "\n".join(parts)


def _classes() -> str:
    found = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, errors.FieldmarkError)]
    rows = [[f"`{c.__name__}`", f"`{c.__bases__[0].__name__}`", prose(c.__doc__)] for c in found]
    return "## Classes\n\nAll are in `fieldmark.errors`.\n\n" + table(["class", "is a", "meaning"], rows)


def _failures() -> str:
    """Each kind with its part of the type's docstring, whose order is that of the kinds."""
    said = " ".join(_said_after("FailureKind").split()).partition(":")[2]
    meanings = [meaning.strip().rstrip(".") for meaning in said.split(";")]
    kinds = get_args(errors.FailureKind)
    rows = [[f"`{kind}`", meaning] for kind, meaning in zip(kinds, meanings, strict=True)]
    about = "A failure is data on the answer's record and a row of the card, never a crash.\n\n"
    return "## How a contender fails\n\n" + about + table(["kind", "what happened"], rows)


def _said_after(name: str) -> str:
    """The text below an assignment of `fieldmark.errors`."""
    body = ast.parse(inspect.getsource(errors)).body
    for before, after in pairwise(body):
        if isinstance(before, ast.Assign) and ast.unparse(before.targets[0]) == name:
            assert isinstance(after, ast.Expr)
            assert isinstance(after.value, ast.Constant)
            return str(after.value.value)
    raise LookupError(name)


def _statuses() -> str:
    rows = [[f"`{kind.__name__}`", str(status), f"`{name}`"] for kind, status, name in _STATUS]
    return table(["error", "status", "code"], rows)
