"""Does an answer say who wrote it? Only claims about itself count; the voter's own words never do."""

from __future__ import annotations

import re
from collections.abc import Iterable

_KNOWN = (
    "chatgpt", r"gpt[- ]?[2-9][\w.-]*", "openai", "claude", "anthropic", "gemini", "gemma", "google", "deepmind",
    "llama", "meta ai", "mistral", "mixtral", "qwen", "tongyi", "alibaba", "deepseek", "smollm", "hugging ?face", "phi-?[1-9]",
    "microsoft", "copilot", "grok", "xai", "cohere", "command[- ]r", "vicuna", "alpaca", "nemotron", "nvidia", "kimi",
    "moonshot", "zhipu", "olmo", "jamba", "le chat", "minimax", "ernie", "baidu",
)  # fmt: skip
_I_AM = (
    "i am", "i'm", "i’m", "my name is", "my name's", "call me", "you are talking to", "you're talking to",
    "je suis", "je m'appelle", "je m’appelle", "ich bin", "ich heiße", "ich heisse", "soy", "me llamo", "sono", "mi chiamo",
    "eu sou", "ik ben", "jag är", "jestem", "я", "меня зовут", "我是", "私は",
)  # fmt: skip
_MADE_BY = (
    "developed by", "trained by", "created by", "made by", "built by", "designed by", "model by", "model from",
    "assistant by", "assistant from", "développé par", "créé par", "entwickelt von", "desarrollado por", "creado por",
)  # fmt: skip
_WINDOW = 160
"""Characters before the newest text that a claim may begin in."""


class LeakScan:
    """Looks through one answer as it is released.

    `own_names` are labels of the answering contender (its name, its model). They count wherever they stand, unless the
    person wrote them first; the known names of models and makers count only in a claim about itself.
    """

    def __init__(self, own_names: Iterable[str], said_by_person: str) -> None:
        said = said_by_person.casefold()
        own = [n.casefold() for n in own_names if len(n) >= 4 and n.casefold() not in said]
        name = "|".join([*map(re.escape, own), *_KNOWN])
        claim = "|".join(map(re.escape, _I_AM))
        maker = "|".join(map(re.escape, _MADE_BY))
        patterns = [
            rf"(?<!\w)(?:{claim})\W+(?:[\w'’-]+\W+){{0,5}}?(?:{name})(?!\w)",
            rf"(?<!\w)i(?:'m|’m| am| was| have been)\b[^.!?\n]{{0,60}}?(?:{maker})\W+(?:[\w'’-]+\W+){{0,3}}?(?:{name})(?!\w)",
            *([rf"(?<!\w)(?:{'|'.join(map(re.escape, own))})(?!\w)"] if own else []),
        ]
        self._pattern = re.compile("|".join(patterns))
        self._tail = ""
        self.found = False

    def matches(self, text: str) -> bool:
        """Whether a whole text makes the claim."""
        return bool(self._pattern.search(text.casefold()))

    def feed(self, text: str) -> bool:
        """Take the next piece; True when the claim was first found with it."""
        if self.found:
            return False
        self._tail = (self._tail + text)[-(_WINDOW + len(text)) :]
        self.found = self.matches(self._tail)
        return self.found
