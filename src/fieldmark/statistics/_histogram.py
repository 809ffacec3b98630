"""A histogram of durations with a bounded relative error, the same on every machine.

Every power of two is cut into 32 equal buckets (as in HdrHistogram), found by exact operations on the
floating-point number instead of a logarithm, so equal durations always land in equal buckets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import accumulate

from fieldmark.errors import StatisticsError

_PARTS = 32
_SMALLEST = -10

RELATIVE_ERROR = 1 / (2 * _PARTS)
"""A quantile's value is at most this share (1.6%) from the exact one, for durations of 0.001 ms or more."""


def bucket(ms: float) -> int:
    """The bucket of a duration in milliseconds; 0 holds everything under 2⁻¹⁰ ms, a microsecond.

    Raises:
        StatisticsError: the duration is negative or not finite.
    """
    if not (math.isfinite(ms) and ms >= 0):
        raise StatisticsError(f"{ms} ms is no duration", hint="a duration is 0 or more")
    fraction, exponent = math.frexp(ms)
    if ms < math.ldexp(1, _SMALLEST):
        return 0
    return (exponent - _SMALLEST - 1) * _PARTS + int((fraction - 0.5) * 2 * _PARTS) + 1


def quantile(histogram: Mapping[int, int], q: float) -> float:
    """The smallest duration in ms that a share `q` of all durations does not exceed, within `RELATIVE_ERROR`.

    `histogram` maps `bucket(ms)` to how many durations fell in it.

    Raises:
        StatisticsError: the histogram is empty or holds a negative count, or `q` is not from 0 to 1.
    """
    if min(histogram.values(), default=0) < 0:
        raise StatisticsError("a histogram holds a negative count")
    total = sum(histogram.values())
    if total == 0:
        raise StatisticsError("no duration was measured")
    if not 0 <= q <= 1:
        raise StatisticsError(f"{q} is no quantile", hint="0.5 is the median")
    rank = max(1, math.ceil(q * total - 1e-9))
    upto = accumulate(histogram[index] for index in sorted(histogram))
    return _middle(next(index for index, seen in zip(sorted(histogram), upto, strict=True) if seen >= rank))


def _middle(index: int) -> float:
    if index == 0:
        return 0.0
    octave, part = divmod(index - 1, _PARTS)
    return math.ldexp(0.5 + (part + 0.5) / (2 * _PARTS), octave + _SMALLEST + 1)
