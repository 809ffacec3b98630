"""Who takes the tasks for a contender of the field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldmark.scorecards.agents._base import Agent
from fieldmark.scorecards.agents._command import CommandAgent
from fieldmark.scorecards.agents._model import ModelAgent
from fieldmark.scorecards.agents._remote import RemoteAgent

if TYPE_CHECKING:
    from fieldmark.fields import Member
    from fieldmark.scorecards.views import Calling


def agent_for(member: Member, calling: Calling | None = None) -> Agent:
    """Who acts for a contender: its own loop where it brings one, else ours around its model.

    Args:
        member: The running contender; what it costs is added to what it has `spent`.
        calling: How it calls tools, as the probe found; None is `native`. Of no effect on agents.
    """
    from fieldmark.scorecards._agent_contender import AgentContender

    contender = member.contender
    if not isinstance(contender, AgentContender):
        return ModelAgent(member, calling or "native")
    if contender.converses:
        return RemoteAgent(member, contender)
    return CommandAgent(member, contender.spec.command, contender.spec.files, contender.model)
