"""`account`: what admins did, for whoever audits them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from fieldmark.ledger.evidence._base import Evidence

Act = Literal[
    "account_created",
    "account_changed",
    "account_revoked",
    "invited",
    "invitation_used",
    "invitation_revoked",
    "key_created",
    "key_revoked",
    "contender_added",
    "contender_removed",
    "model_fetched",
    "exported",
    "imported",
    "signing_key_rotated",
    "drift_acknowledged",
]


class AdminAct(Evidence):
    """Actor: pseudonym of the admin, or `system` for the command line. No name and no secret stands here."""

    type: ClassVar[str] = "account"

    act: Act
    """What was done."""
    subject: str | None = None
    """Pseudonym, key id, contender name or model name it was done to."""
    details: Mapping[str, str] = {}
    """What changed, such as `role`."""
