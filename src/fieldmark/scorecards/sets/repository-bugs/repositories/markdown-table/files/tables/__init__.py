"""Tables in Markdown."""

from tables.read import parse
from tables.write import render

__all__ = ["parse", "render"]
