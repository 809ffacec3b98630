"""The contenders as OpenAI's list of models."""

from __future__ import annotations

from typing import Any

from fieldmark.fields import Roster
from fieldmark.gateway._policy import BY_POLICY


def model_list(roster: Roster) -> dict[str, Any]:
    """The contenders that can be asked, and `field`, the policy's choice. `created` is 0: identity is the digest."""
    names = [m.name for m in roster.talkers]
    models = [
        {"id": name, "object": "model", "created": 0, "owned_by": "fieldmark"}
        for name in ([*names, BY_POLICY] if names else [])
    ]
    return {"object": "list", "data": models}
