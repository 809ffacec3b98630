"""What the ledger holds of a person, told one round, case or remark at a time."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from fieldmark.fields import Known, known_contenders
from fieldmark.ledger import Entry, Snapshot, Trail
from fieldmark.ledger.evidence import (
    Abandonment,
    AnswerEnded,
    BattleStarted,
    CaseAnswered,
    CaseOpened,
    Evidence,
    OutcomeReported,
    Remark,
    Retraction,
    Reveal,
    TurnStarted,
    VoteCast,
)

_TRAILS = 64


class Trails:
    """Where the records of those who asked lately are, so that asking again does not read the whole ledger."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Trail] = OrderedDict()

    def of(self, snapshot: Snapshot, pseudonym: str) -> Trail:
        """The trail of a person up to the snapshot, or a little further."""
        with self._lock:
            trail = self._kept.pop(pseudonym, None) or Trail("person", pseudonym)
            if trail.size <= snapshot.head().size:
                trail.follow(snapshot)
            self._kept[pseudonym] = trail
            if len(self._kept) > _TRAILS:
                self._kept.popitem(last=False)
            return trail

    def forget(self, pseudonym: str) -> None:
        """They were erased."""
        with self._lock:
            self._kept.pop(pseudonym, None)


class Stories:
    """A person's rounds and cases, and what they said about other people's."""

    def __init__(self, snapshot: Snapshot, trail: Trail) -> None:
        self._snapshot = snapshot
        self._person = trail.subject
        self._groups = self._sorted(trail)
        self._known: Mapping[str, Known] | None = None

    def page(self, before: int | None, limit: int | None) -> tuple[list[Story], int | None]:
        """Newest first, those that began before ledger index `before`; and what to give for the page after."""
        starts = sorted((s for s in self._groups if before is None or s < before), reverse=True)
        here = starts if limit is None else starts[:limit]
        stories = [self._story(self._groups[start]) for start in here]
        return stories, here[-1] if len(here) < len(starts) else None

    def _sorted(self, trail: Trail) -> dict[int, list[int]]:
        """Indexes of the records of each story, by the first of them."""
        size = self._snapshot.head().size
        groups = [[index for index in group if index < size] for group in trail.groups.values()]
        others: dict[str, list[int]] = {}
        for index in (each for each in trail.others if each < size):
            record = self._entry(index).record
            about = record.refs.get("battle") or record.refs.get("case")
            if about is not None:
                others.setdefault(about, []).append(index)
        return {group[0]: group for group in [*groups, *others.values()] if group}

    def _entry(self, index: int) -> Entry:
        return next(self._snapshot.entries(index, index + 1))

    def _story(self, group: Sequence[int]) -> Story:
        return Story(self._snapshot, self._person, [self._entry(index) for index in group], self._names)

    def _names(self, digest: str) -> str:
        if self._known is None:
            self._known = known_contenders(self._snapshot)
        return self._known[digest].name if digest in self._known else digest


class Story:
    """One of them."""

    def __init__(self, snapshot: Snapshot, person: str, entries: Sequence[Entry], name: Any) -> None:
        self._snapshot = snapshot
        self._person = person
        self._entries = entries
        self._name = name

    def facts(self) -> dict[str, Any]:
        """What `MyEntry` takes."""
        first = self._entries[0]
        record, body = first.record, first.record.body
        said: dict[str, Any] = {"at": record.at, "index": first.index}
        match body:
            case BattleStarted():
                said |= {"kind": "round", "id": record.id, "mode": body.mode, "state": self._state()}
                said |= {"category": body.category}
            case CaseOpened():
                said |= {"kind": "case", "id": record.id, "category": body.category}
            case _ if "battle" in record.refs:
                said |= {"kind": "shadow_vote", "id": record.refs["battle"]}
            case _:
                said |= {"kind": "outcome", "id": record.refs["case"]}
        said["prompts"] = [prompt for entry in self._entries for prompt in self._prompts(entry)]
        return said | self._judgement()

    def whole(self) -> dict[str, Any]:
        """`facts`, with the answers, and the contenders' names where they were shown."""
        said = self.facts()
        said["answers"] = [
            {
                "side": getattr(b, "side", None),
                "turn": getattr(b, "turn", None),
                "text": self._text(e, "answer"),
            }
            for e, b in self._bodies(AnswerEnded, CaseAnswered)
        ]
        started = next((b for _, b in self._bodies(BattleStarted)), None)
        shown = any(self._bodies(Reveal)) or (isinstance(started, BattleStarted) and started.mode == "chosen")
        if isinstance(started, BattleStarted) and said["kind"] == "round" and shown:
            said["names"] = {"a": self._name(started.a), "b": self._name(started.b)}
        return said

    def _state(self) -> str:
        state = "open"
        for _, body in self._bodies(VoteCast, Retraction, Abandonment):
            match body:
                case VoteCast():
                    state = "voted"
                case Retraction(reason="undo"):
                    state = "open"
                case Retraction():
                    state = "retracted"
                case _:
                    state = "abandoned"
        return state

    def _judgement(self) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for entry, body in self._bodies(VoteCast, Remark, OutcomeReported, Retraction):
            if entry.record.actor != self._person and not isinstance(body, OutcomeReported):
                continue
            match body:
                case VoteCast():
                    said["choice"] = body.choice
                case Remark():
                    said["tags"] = {side: list(tags) for side, tags in body.tags.items()}
                    said["comment"] = self._text(entry, "comment")
                case OutcomeReported():
                    said |= {"result": body.result, "edit": self._text(entry, "edit")}
                    said["note"] = self._text(entry, "note")
                case Retraction(reason="undo"):
                    said = {}
                case _:
                    pass
        return said

    def _prompts(self, entry: Entry) -> list[str | None]:
        """What a record asks in the person's words; None for a text that is not held any more."""
        match entry.record.body:
            case BattleStarted(source="shadow"):
                return []
            case BattleStarted() | TurnStarted():
                return [self._text(entry, "prompt")]
            case CaseOpened():
                request = self._text(entry, "request")
                return [None] if request is None else _written(request)
        return []

    def _bodies(self, *kinds: type[Evidence]) -> list[tuple[Entry, Evidence]]:
        found = [(e, e.record.body) for e in self._entries]
        return [(e, body) for e, body in found if isinstance(body, kinds)]

    def _text(self, entry: Entry, role: str) -> str | None:
        commitment = entry.record.commitments.get(role)
        return None if commitment is None else self._snapshot.text(commitment.text_id)


def _written(request: str) -> list[str | None]:
    """What the end user wrote in a chat-completions request."""
    messages = json.loads(request).get("messages", [])
    contents = [each.get("content") for each in messages if each.get("role") == "user"]
    return [each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in contents]
