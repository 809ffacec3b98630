"""Kinds of contender by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldmark.contenders._base import Contender
from fieldmark.contenders._spec import ContenderSpec
from fieldmark.errors import InputError, NotFound
from fieldmark.plugins import Registry

if TYPE_CHECKING:
    from fieldmark.contenders._reach import Reach
    from fieldmark.contenders._shelf import Shelf

CONTENDERS: Registry[type[Contender]] = Registry("fieldmark.contenders")
"""Every kind of contender, those of other packages included (entry points of that group)."""


def make_contender(
    spec: ContenderSpec, *, shelf: Shelf | None = None, reach: Reach | None = None
) -> Contender:
    """The contender that a spec describes, confined to `reach`. Nothing is loaded or asked yet.

    Raises:
        InputError: the kind is unknown, or the spec does not fit its kind.
    """
    try:
        kind = CONTENDERS.get(spec.kind)
    except NotFound:
        known = ", ".join(CONTENDERS.names())
        raise InputError(
            f"contender '{spec.name}': no kind is called '{spec.kind}'", hint=f"known: {known}"
        ) from None
    contender = kind(spec, shelf=shelf)
    contender.confine(reach)
    return contender
