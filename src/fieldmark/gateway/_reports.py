"""Taking down what became of a case."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy import Row, select

from fieldmark.errors import InputError, NotFound
from fieldmark.fields import Application
from fieldmark.gateway import _tables as t
from fieldmark.gateway._inbox import find_case
from fieldmark.gateway._keep import kept_text
from fieldmark.gateway._redact import Redactor
from fieldmark.gateway.views import OutcomeView
from fieldmark.ledger import Ledger, Snapshot, Transaction
from fieldmark.ledger.evidence import OutcomeReported, Result

Reporter = Application | str
"""An application, or the pseudonym of a person."""
_NOBODYS = "no case of yours has that id"


class Report:
    """One report of one case: checked, compared with the newest one, written."""

    def __init__(
        self,
        case: str,
        reporter: Reporter,
        result: Result,
        edit: str | None,
        number: float | None,
        note: str | None,
    ) -> None:
        if (edit is not None) != (result == "edited"):
            raise InputError(
                "an outcome 'edited' comes with 'edit', the text as it was used, and no other one does",
                hint="give the edited text, or report 'accepted' or 'solved'",
            )
        if number is not None and not math.isfinite(number):
            raise InputError(f"{number} is no number that a record can hold")
        self._case, self._reporter, self._result = case, reporter, result
        self._edit, self._number, self._note = edit, number, note or None
        self._changed: float | None = None

    def write(self, ledger: Ledger, redactor: Redactor) -> OutcomeView:
        """Have it recorded, unless the newest says the same already. To be called off the event loop.

        Raises:
            NotFound: there is no such case, or it is not this application's, or its texts are gone.
            LedgerUnavailable: nothing was recorded.
        """
        self._edit = None if self._edit is None else kept_text(self._edit, redactor)
        self._note = None if self._note is None else kept_text(self._note, redactor)
        with ledger.read() as snapshot:
            row = _markable(snapshot, self._case, self._reporter)
            answer = snapshot.text(row.answer) if row.answer else None
        if self._edit is not None and answer is not None:
            self._changed = changed(answer, self._edit)
        return ledger.write(self._work)

    def _work(self, now: Transaction) -> OutcomeView:
        row = _markable(now, self._case, self._reporter)
        newest = self._newest(now, row)
        if newest is not None and self._same(newest):
            return newest
        evidence = OutcomeReported(
            result=self._result,
            by="application" if isinstance(self._reporter, Application) else "person",
            number=self._number,
            changed=self._changed,
        )
        entry = now.append(
            evidence,
            actor=self._reporter.id if isinstance(self._reporter, Application) else self._reporter,
            refs={"case": self._case} | ({"replaces": newest.id} if newest else {}),
            texts={n: x for n, x in (("edit", self._edit), ("note", self._note)) if x is not None},
        )
        said = evidence.model_dump()
        return OutcomeView(id=entry.record.id, at=entry.record.at, edit=self._edit, note=self._note, **said)

    def _newest(self, now: Transaction, row: Row[Any]) -> OutcomeView | None:
        if row.outcome is None:
            return None
        found = now.connection.execute(select(t.outcomes).where(t.outcomes.c.id == row.outcome)).one()
        texts = {
            name: now.text(found._mapping[name]) if found._mapping[name] else None
            for name in ("edit", "note")
        }
        names = ("id", "at", "result", "by", "number", "changed")
        return OutcomeView(**{name: found._mapping[name] for name in names}, **texts)

    def _same(self, newest: OutcomeView) -> bool:
        by = "application" if isinstance(self._reporter, Application) else "person"
        said = (self._result, by, self._number, self._edit, self._note)
        return said == (newest.result, newest.by, newest.number, newest.edit, newest.note)


def own_case(reader: Snapshot | Transaction, case: str, reporter: Reporter) -> Row[Any]:
    """The row of a case, if the reporter may speak of it.

    Raises:
        NotFound: it does not exist, or is another application's.
    """
    try:
        row = find_case(reader, case)
    except NotFound:
        raise NotFound(_NOBODYS) from None
    if isinstance(reporter, Application) and row.application != reporter.id:
        raise NotFound(_NOBODYS)
    return row


def _markable(reader: Snapshot | Transaction, case: str, reporter: Reporter) -> Row[Any]:
    row = own_case(reader, case, reporter)
    if row.state == "erased":
        raise NotFound("the texts of this case were erased: nothing more is said of it")
    return row


def changed(answer: str, edit: str) -> float:
    """Share of the words that an edit changed, 0 to 1: word-level Levenshtein distance by the longer text."""
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.normalized_distance(answer.split(), edit.split())
