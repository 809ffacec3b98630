"""Whoever takes a task: models with tools, commands, A2A agents, people, scripts, and agents of known skill."""

from fieldmark.scorecards.agents._base import Agent, GaveUp
from fieldmark.scorecards.agents._scripted import Scripted

__all__ = ["Agent", "GaveUp", "Scripted"]
