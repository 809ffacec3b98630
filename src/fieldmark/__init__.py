"""Fieldmark measures in the field whether people can rely on an AI model or agent for their own work."""

from importlib.metadata import version

__version__ = version("fieldmark")
