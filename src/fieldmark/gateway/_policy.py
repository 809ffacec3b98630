"""Who answers: a contender by its name, or the one that the field's policy chooses."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fieldmark.errors import ContenderFailure, InputError, NotFound
from fieldmark.fields import Field, Member, Roster
from fieldmark.ledger.evidence import Route

BY_POLICY = "field"
"""The model's name by which an application lets the policy choose."""
_chance = random.SystemRandom()


@dataclass(frozen=True)
class Choice:
    """Whom to ask, in this order, and how the first one was chosen."""

    members: Sequence[Member]
    route: Route
    propensity: float
    """Probability with which the policy chose the first one."""


def choose(field: Field, roster: Roster, model: object, category: str | None) -> Choice:
    """Whom to ask for `model`.

    Raises:
        InputError: the request names no model.
        NotFound: no contender has that name.
        ModelError: its weights are not here.
        ContenderFailure: the policy has nobody to ask.
    """
    if not isinstance(model, str) or not model:
        raise InputError(
            "the request names no model", hint="`model` is the name of a contender; see /v1/models"
        )
    if model != BY_POLICY:
        return Choice([roster.named(model)], "named", 1.0)
    present = {member.name: member for member in roster.talkers}
    if not present:
        raise NotFound("this field has no contender that can be asked", hint="see the page Contenders")
    wanted, route, propensity = _first(field, present.keys(), category)
    names = dict.fromkeys((*wanted, *field.gateway.fallback))
    members = [present[name] for name in names if name in present]
    if not members:
        missing = ", ".join(a.explain() for a in roster.absent) or "none of them is in the field"
        raise ContenderFailure("unreachable", f"nobody that the policy names can be asked: {missing}")
    return Choice(members, route, propensity)


def check_category(field: Field, category: str | None) -> None:
    """Raise InputError for one that the field has not."""
    known = [each.id for each in field.categories]
    if category is not None and category not in known:
        raise InputError(
            "the header x-fieldmark-category names no category of this field",
            hint="known: " + (", ".join(known) or "none, field.toml has no [[categories]]"),
        )


def draw_other(field: Field, roster: Roster, served: Member) -> tuple[Member, float] | None:
    """Who answers a case beside the one that served it, and with which probability; None when nobody may."""
    wanted = field.gateway.shadow_contenders
    others = [
        member
        for member in roster.talkers
        if member.digest != served.digest and (not wanted or member.name in wanted) and _affordable(member)
    ]
    return (_chance.choice(others), 1 / len(others)) if others else None


def happens(share: float) -> bool:
    """True with that probability."""
    return share >= 1 or _chance.random() < share


def _first(field: Field, present: Collection[str], category: str | None) -> tuple[list[str], Route, float]:
    rules = field.gateway
    champion = rules.champion or next((c.name for c in field.contenders if c.name in present), "")
    if rules.answer == "by_category":
        chosen = rules.categories.get(category or "")
        return [chosen or champion], "by_category" if chosen else "champion", 1.0
    weights = {name: w for name, w in rules.weights.items() if name in present}
    if rules.answer == "weighted" and weights:
        (drawn,) = _chance.choices(list(weights), list(weights.values()))
        return [drawn], "weighted", weights[drawn] / sum(weights.values())
    return [champion], "champion", 1.0


def _affordable(member: Member) -> bool:
    try:
        member.check_budget()
    except ContenderFailure:
        return False
    return True
