"""Whoever takes a task: models with tools, commands, A2A agents, people, scripts, and agents of known skill."""

from fieldmark.scorecards.agents._base import Agent, GaveUp
from fieldmark.scorecards.agents._model import ModelAgent
from fieldmark.scorecards.agents._pick import agent_for
from fieldmark.scorecards.agents._scripted import Scripted
from fieldmark.scorecards.agents._seeded import Seeded, Skill, seeded

__all__ = ["Agent", "GaveUp", "ModelAgent", "Scripted", "Seeded", "Skill", "agent_for", "seeded"]
