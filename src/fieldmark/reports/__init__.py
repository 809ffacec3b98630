"""Views that join measures: the reliability card, and what real cases add to the leaderboard."""

from fieldmark.reports._build import build_card
from fieldmark.reports._costs import costs, count_costs
from fieldmark.reports._field import field_columns
from fieldmark.reports._text import card_json, card_text, verdict_sentence
from fieldmark.reports.card import Card
from fieldmark.reports.field import FieldColumns

__all__ = [
    "Card",
    "FieldColumns",
    "build_card",
    "card_json",
    "card_text",
    "costs",
    "count_costs",
    "field_columns",
    "verdict_sentence",
]
