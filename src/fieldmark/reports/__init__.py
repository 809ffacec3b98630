"""Views that join measures. Now: the reliability card."""

from fieldmark.reports._build import build_card
from fieldmark.reports._text import card_json, card_text, verdict_sentence
from fieldmark.reports.card import Card

__all__ = ["Card", "build_card", "card_json", "card_text", "verdict_sentence"]
