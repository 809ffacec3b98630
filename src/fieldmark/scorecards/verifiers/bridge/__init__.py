"""Code that nobody trusts, called from outside: its sandbox is told what to call and answers with plain data.

`plain` and `code_side` run in the sandbox with the code, `plain` and `grader_side` in the one with the tests; they use
nothing but the standard library, and no object of the code's ever reaches whoever compares.
"""

from fieldmark.scorecards.verifiers.bridge._host import CodeSide, Gone
from fieldmark.scorecards.verifiers.bridge.plain import Foreign, decode, encode

__all__ = ["CodeSide", "Foreign", "Gone", "decode", "encode"]
