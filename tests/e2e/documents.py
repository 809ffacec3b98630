"""Answers for `recite:KEY`: a document with everything that Markdown has."""

from __future__ import annotations

from tests.e2e.told import TEXTS

DOCUMENT = r"""
# A heading

Some **bold**, some *italic*, `code` and a [link](https://example.org/page).

- one
- two
  1. nested

> A quotation.

| name | amount | a column with a long heading that does not fit on a phone |
|---|---:|---|
| first | 1 | alpha |
| second | 22 | beta |

```python
def area(radius: float) -> float:
    return 3.14159 * radius ** 2  # a line that is longer than a phone is wide, by a good deal of text
```

Inline \(a^2 + b^2 = c^2\), and on its own:

$$\int_0^1 x^2 \, dx = \frac{1}{3}$$

- [x] done
- [ ] open

A price of $5 and another of $7 is no mathematics.
"""
TEXTS["document"] = DOCUMENT
