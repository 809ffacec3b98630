"""Sandboxes: what they do, what they forbid, what they survive."""
