"""Does an answer say who wrote it? Only claims about itself count; the voter's own words never do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

_KNOWN = (
    "chatgpt", r"gpt[- ]?[2-9][\w.-]*", "openai", "claude", "anthropic", "gemini", "gemma", "google", "deepmind",
    "llama", "meta", "mistral", "mixtral", "qwen", "tongyi", "alibaba", "deepseek", "smollm[0-9]*", "hugging ?face",
    "phi-?[1-9]", "microsoft", "copilot", "grok", "xai", "cohere", "command[- ]r", "vicuna", "alpaca", "nemotron",
    "nvidia", "kimi", "moonshot", "zhipu", "olmo", "jamba", "le chat", "minimax", "ernie", "baidu", "gigachat",
    "yandex", "通义千问", "阿里", "百度", "文心一言", "智谱", "月之暗面", "深度求索", "豆包", "グーグル", "구글",
)  # fmt: skip
_BEGINNINGS = tuple(
    name if re.fullmatch(r"[\w ]+", name) else re.split(r"\W", name, maxsplit=1)[0] for name in _KNOWN
)
"""How each of them begins, letter for letter: without one of these there is no claim."""
_I_AM = (
    "i am", "i'm", "i was", "i have been", "i've been", "my name is", "my name's", "call me", "you are talking to",
    "you're talking to", "ich bin", "ich heisse", "ich wurde", "mein name ist", "je suis", "je m'appelle", "j'ai été",
    "soy", "me llamo", "fui", "sono", "mi chiamo", "sou", "ik ben", "jag är", "jeg er", "jestem", "я", "меня зовут",
    "меня",
)  # fmt: skip
_BETWEEN = re.findall(
    r"\S+",
    """
    a an the just actually called named known as originally specifically and which is that was
    ai large small open language virtual helpful model models assistant chatbot version of member of part of family
    based on powered by developed trained created made built designed by from researchers team company
    ein eine das von namens grosses sprachmodell modell assistent entwickelt entwickeltes trainiert trainiertes erstellt
    un une le grand modèle de langage ia développé créé entraîné conçu par
    el gran modelo lenguaje asistente entrenado desarrollado creado por
    modello linguistico assistente addestrato sviluppato creato da
    o um uma grande linguagem treinado desenvolvido criado pela pelo
    een taalmodel door ontwikkeld getraind en språkmodell av utvecklad utviklet modelem językowym stworzonym przez
    языковая большая модель ассистент созданная созданный разработанная разработанный обученная обученный разработала
    создала компания компанией
    """,
)
"""Words that may stand between "I am" and the name, in any number of languages at once."""
_MAKE = "(?:trained|developed|created|made|built|designed)"
_GAP = r"(?>(?:[\s,:;()\"'“”„«»*_`—–]|(?<=\s)-(?=\s))+)"
"""Between two words of one claim: never the end of a sentence, and no hyphen within a word.

Atomic, as are the words between: an answer must not be able to make the search try every way of cutting it up."""
_WINDOW = 240
"""Characters before the newest text that a claim may begin in."""


class LeakScan:
    """Looks through one answer as it is released.

    `own_names` are labels of the answering contender (its name, its model), apart from those that the person wrote.
    One that is no ordinary word (it holds a digit or `-`, `.`, `_`, `/`) counts wherever it stands; other ones, and the
    known names of models and makers, count only where the answer speaks of itself.
    """

    def __init__(self, own_names: Iterable[str], said_by_person: str) -> None:
        said = _plain(said_by_person)
        own = [n for n in map(_plain, own_names) if len(n) >= 4 and n not in said]
        self._pattern = _pattern(tuple(own))
        self._beginnings = [*own, *_BEGINNINGS]
        self._longest = max(map(len, self._beginnings))
        self._near = 0
        """For how many more characters a beginning that was seen may stand in the window."""
        self._tail = ""
        self.found = False

    def matches(self, text: str) -> bool:
        """Whether a whole text makes the claim."""
        plain = _plain(text)
        return self._may(plain) and bool(self._pattern.search(plain))

    def feed(self, text: str, *, last: bool = False) -> bool:
        """Take the next piece; True when the claim was first found with it.

        A name at the very end may go on with the next piece (`llama`, `llamas`), so there it counts only in the `last`.
        """
        if self.found:
            return False
        self._tail = (self._tail + text)[-(_WINDOW + len(text)) :]
        if self._may(_plain(self._tail[-(self._longest + len(text)) :])):
            self._near = _WINDOW + self._longest + len(text)
        if self._near <= 0:
            return False
        self._near -= len(text)
        seen = _plain(self._tail)
        self.found = any(last or match.end() < len(seen) for match in self._pattern.finditer(seen))
        return self.found

    def _may(self, plain: str) -> bool:
        """Whether a claim could be there at all: a tenth of what the pattern costs."""
        for beginning in self._beginnings:  # noqa: SIM110 - for each token: `any` takes twice as long
            if beginning in plain:
                return True
        return False


@lru_cache(512)
def _pattern(own: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(_patterns(own)))


def _patterns(own: Sequence[str]) -> list[str]:
    name = "|".join([*map(re.escape, own), *_KNOWN])
    words = "|".join(map(re.escape, sorted({*_BETWEEN}, key=len, reverse=True)))
    between = rf"(?:(?>(?:\w+(?:-\w+)+|{words}){_GAP})){{0,14}}?"
    i_am = "|".join(map(re.escape, _I_AM))
    unusual = "|".join(re.escape(n) for n in own if re.search(r"[\d._/-]", n))
    return [
        rf"(?<!\w)(?:{i_am}){_GAP}{between}(?:{name})(?!\w)",
        rf"(?<!\w)as an? {between}{_MAKE} by {between}(?:{name})(?!\w)",
        rf"(?<!\w)(?:{name}){_GAP}(?:has )?{_MAKE} me(?!\w)",
        rf"(?<!\w)my (?:creators?|developers?|makers?)(?: at| are| is|,)+ (?:{name})(?!\w)",
        # Where no space stands between words.
        rf"(?:我是|我叫|我的名字是|私は|僕は|저는|제 이름은)[^。！？!?.\n]{{0,16}}?(?:{name})",
        *([rf"(?<!\w)(?:{unusual})(?!\w)"] if unusual else []),
    ]


def _plain(text: str) -> str:
    return text.casefold().replace("’", "'")
