"""Checks that join tables: ids that are there twice, prompts against the field's categories and limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fieldmark.errors import Problem
from fieldmark.fields._check import nearest
from fieldmark.fields._models import Policy
from fieldmark.fields._read import Document


def doubled_ids(document: Document, array: str) -> Iterator[Problem]:
    """Every id of an array of tables that an earlier table has already."""
    first: dict[str, int] = {}
    for index, table in _tables(document, array):
        value = table.get("id")
        if isinstance(value, str) and first.setdefault(value, index) != index:
            line = document.line((array, first[value], "id"))
            what = f"'{value}' is there twice in {array}"
            yield document.problem((array, index, "id"), what, f"the first is on line {line}")


def prompt_problems(field: Document, prompts: Document) -> Iterator[Problem]:
    """Prompts of a category that the field has not, or longer than it allows."""
    known = list(dict.fromkeys(str(table.get("id")) for _, table in _tables(field, "categories")))
    most = _most_characters(field)
    for index, table in _tables(prompts, "prompts"):
        category, text = table.get("category"), table.get("text")
        if isinstance(category, str) and category not in known:
            right = nearest(category, known) if known else "field.toml has no [[categories]]"
            yield prompts.problem(("prompts", index, "category"), f"unknown category '{category}'", right)
        if isinstance(text, str) and len(text) > most:
            right = f"at most policy.max_prompt_characters = {most}"
            yield prompts.problem(("prompts", index, "text"), f"the prompt has {len(text)} characters", right)


def _most_characters(field: Document) -> int:
    policy = field.data.get("policy")
    most = policy.get("max_prompt_characters") if isinstance(policy, dict) else None
    return most if isinstance(most, int) else Policy().max_prompt_characters


def _tables(document: Document, array: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The tables of an array by index, as far as it is one."""
    value = document.data.get(array)
    for index, table in enumerate(value if isinstance(value, list) else ()):
        if isinstance(table, dict):
            yield index, table
