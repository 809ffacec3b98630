"""The gateway: every contender behind OpenAI's protocol. Recording real cases comes with application keys."""

from fieldmark.gateway._completions import Completions, model_list

__all__ = ["Completions", "model_list"]
