"""Does an answer name its author: found in any language, however it is cut, and not where a name is only mentioned."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.arena._leak import LeakScan

CLAIMS = [
    "I am ChatGPT.",
    "Hello! I'm Claude, made by Anthropic.",
    "I’m a large language model, trained by Google.",
    "As an AI language model developed by OpenAI, I cannot do that.",
    "Sure. My name is **Gemma**",
    "I am a state-of-the-art open-weight language model called DeepSeek-V3.",
    "I was created by Alibaba Cloud.",
    "OpenAI trained me to be careful.",
    "My creators at Anthropic would agree.",
    "I'm GPT-4o mini, at your service",
    "I am Llama 3",
    "Je suis un modèle de langage développé par Mistral AI.",
    "Ich bin ein von OpenAI entwickeltes Sprachmodell.",
    "Ich heiße Claude.",
    "Soy un modelo de lenguaje entrenado por Google.",
    "Sono un modello linguistico sviluppato da OpenAI.",
    "Eu sou o ChatGPT, um modelo de linguagem.",
    "Ik ben een taalmodel ontwikkeld door Google.",
    "Я — языковая модель, разработанная OpenAI.",
    "我是由OpenAI开发的语言模型。",
    "你好，我是通义千问。",
    "私はOpenAIによって開発されました。",
    "저는 OpenAI가 개발한 언어 모델입니다.",
]
MENTIONS = [
    "Ask Google.",
    "Llamas live in Peru, and so does the alpaca.",
    "I'm sure that Google can help you.",
    "I am sorry. Google it!",
    "I'm happy to help! Google Docs is one way.",
    "You can use ChatGPT or Claude for this.",
    "Claude Monet was a painter; Gemini is a sign of the zodiac.",
    "Add soy milk from Alibaba.",
    "I was told that the tower was built by Google.",
    "The model was trained by Google.",
    "As a user of Microsoft Word, open the menu.",
    "I am writing to Microsoft.",
    "I am not a doctor. Copilot seats are sold out.",
    "Meta analyses show it.",
]


@pytest.mark.parametrize("text", CLAIMS)
def test_a_claim_is_found(text: str) -> None:
    assert LeakScan([], "").matches(text)


@pytest.mark.parametrize("text", MENTIONS)
def test_a_mention_is_none(text: str) -> None:
    scan = LeakScan([], "")
    assert not scan.matches(text)
    assert not scan.feed(text, last=True)


@given(
    st.sampled_from(CLAIMS + MENTIONS),
    st.text(" .abz", max_size=300),
    st.lists(st.integers(1, 12), min_size=1),
)
def test_cutting_the_text_changes_nothing(text: str, before: str, cuts: list[int]) -> None:
    whole, scan, told, start = f"{before}. {text}", LeakScan([], ""), 0, 0
    while start < len(whole):
        size = cuts[start % len(cuts)]
        told += scan.feed(whole[start : start + size])
        start += size
    told += scan.feed("", last=True)
    assert told == scan.found == scan.matches(whole)


def test_a_name_that_goes_on_is_another_word() -> None:
    scan = LeakScan([], "")
    assert not any(scan.feed(piece) for piece in ("I am a llama", "farm's owner", "."))
    assert not scan.feed("", last=True)


def test_its_own_label_counts_anywhere_unless_it_is_an_ordinary_word() -> None:
    scan = LeakScan(["smollm2-135m", "brief", "m1"], "")
    assert scan.matches("This is SmolLM2-135M speaking.")
    assert scan.matches("I am Brief.")
    assert not scan.matches("I will be brief. The M1 motorway is closed.")


def test_the_persons_own_words_do_not_count() -> None:
    scan = LeakScan(["smollm2-135m"], "What do you know of SmolLM2-135M?")
    assert not scan.matches("SmolLM2-135M is a small model.")
    assert scan.matches("I am SmolLM2!")
