"""Functions about numbers and amounts."""

from ._kit import Function, gives, leaves, refuses

FUNCTIONS = [
    Function(
        "split_bill(cents: int, weights: list[int]) -> list[int]",
        "Split a bill so that it adds up",
        """
        Split an amount in cents by weights, in whole cents that add up to the amount exactly. Each share is
        first rounded down; the cents that are left go, one each, to those who lost most by rounding, of equals
        to the one who stands first. Weights are not negative; if their sum is 0, or there are none, or the
        amount is negative, raise ValueError.
        """,
        [gives([34, 33, 33], 100, [1, 1, 1]), gives([67, 33], 100, [2, 1])],
        [
            gives([0, 0], 0, [1, 5]),
            gives([1, 1, 0], 2, [1, 1, 1]),
            gives([0, 100], 100, [0, 3]),
            gives([71, 29], 100, [71, 29]),
            gives([14, 29, 57], 100, [1, 2, 4]),
            gives([3, 3, 4], 10, [10, 10, 11]),
            gives([10**17 + 1, 10**17], 2 * 10**17 + 1, [1, 1]),
            refuses("ValueError", 10, []),
            refuses("ValueError", 10, [0, 0]),
            refuses("ValueError", -1, [1]),
        ],
        """
        total = sum(weights)
        if total <= 0 or cents < 0:
            raise ValueError("nothing to split by")
        shares = [cents * weight // total for weight in weights]
        lost = [cents * weight % total for weight in weights]
        order = sorted(range(len(weights)), key=lambda i: (-lost[i], i))
        for i in order[: cents - sum(shares)]:
            shares[i] += 1
        return shares
        """,
        {
            "rounds-each-share": ("cents * weight // total for", "round(cents * weight / total) for"),
            "gives-the-rest-to-the-first": ("key=lambda i: (-lost[i], i)", "key=lambda i: i"),
            "loses-the-rest": ("shares[i] += 1", "pass"),
            "uses-floats": ("cents * weight // total for", "int(cents * (weight / total)) for"),
        },
        ["numbers", "money"],
    ),
    Function(
        "decimal_text(numerator: int, denominator: int) -> str",
        "A fraction as a decimal with its period",
        """
        Write a fraction as a decimal number. Digits that repeat for ever stand in parentheses: 1/3 is `0.(3)`,
        1/6 is `0.1(6)`. A number without decimals has no point. Negative numbers begin with `-`; zero does not.
        A denominator of 0 raises ZeroDivisionError.
        """,
        [gives("0.5", 1, 2), gives("0.(3)", 1, 3), gives("-1.1(6)", -7, 6)],
        [
            gives("2", 4, 2),
            gives("0", 0, 5),
            gives("0", 0, -5),
            gives("0.(142857)", 1, 7),
            gives("0.58(3)", 7, 12),
            gives("-0.25", 1, -4),
            gives("0.05", 1, 20),
            gives("0.(012345679)", 1, 81),
            gives("2.5", -5, -2),
            refuses("ZeroDivisionError", 1, 0),
        ],
        """
        if denominator == 0:
            raise ZeroDivisionError("division by zero")
        sign = "-" if numerator * denominator < 0 else ""
        whole, rest = divmod(abs(numerator), abs(denominator))
        digits, seen = "", {}
        while rest and rest not in seen:
            seen[rest] = len(digits)
            digit, rest = divmod(rest * 10, abs(denominator))
            digits += str(digit)
        if rest:
            start = seen[rest]
            digits = f"{digits[:start]}({digits[start:]})"
        return sign + str(whole) + ("." + digits if digits else "")
        """,
        {
            "stops-at-twelve-digits": (
                "while rest and rest not in seen:",
                "while rest and len(digits) < 12:",
            ),
            "sign-of-the-numerator-only": ("numerator * denominator < 0", "numerator < 0"),
            "puts-all-digits-into-the-period": ("start = seen[rest]", "start = 0"),
        },
        ["numbers"],
    ),
    Function(
        "parse_duration(text: str) -> int",
        "Read a duration",
        """
        The number of seconds that a text such as `1h30m`, `2d 4h` or `45s` means. Units are d, h, m, s, in this
        order, each at most once, each after a whole number without a sign. Spaces may stand between the parts
        and around all of it, not within a part. At least one part is needed. Parts may be larger than the next
        unit: `90m` is fine. Anything else raises ValueError.
        """,
        [gives(5400, "1h30m"), gives(187200, "2d 4h"), refuses("ValueError", "30m1h")],
        [
            gives(45, "45s"),
            gives(5400, "90m"),
            gives(90061, "1d1h1m1s"),
            gives(0, "0s"),
            gives(61, "  1m  1s "),
            refuses("ValueError", ""),
            refuses("ValueError", "   "),
            refuses("ValueError", "1h1h"),
            refuses("ValueError", "5"),
            refuses("ValueError", "-5s"),
            refuses("ValueError", "1 h"),
            refuses("ValueError", "1.5h"),
            refuses("ValueError", "1h30"),
        ],
        r"""
        form = r" *(?:(\d+)d)? *(?:(\d+)h)? *(?:(\d+)m)? *(?:(\d+)s)? *"
        found = re.fullmatch(form, text)
        if not found or not any(found.groups()):
            raise ValueError(f"no duration: {text!r}")
        return sum(int(part or 0) * unit for part, unit in zip(found.groups(), (86400, 3600, 60, 1)))
        """,
        {
            "takes-nothing-for-zero": ("not found or not any(found.groups())", "not found"),
            "days-have-twelve-hours": ("86400", "43200"),
            "ignores-what-it-does-not-know": ("re.fullmatch(form", "re.match(form"),
        },
        ["parsing", "time"],
        before="import re",
    ),
    Function(
        "valid_isbn(text: str) -> bool",
        "Is it a valid ISBN?",
        """
        Whether a text is an ISBN-10 or ISBN-13 with a right check digit. Hyphens and spaces are ignored.
        ISBN-10: nine digits and a last one that may be X (10, capital only); the sum of the digits times 10, 9,
        ..., 1 is divisible by 11. ISBN-13: thirteen digits beginning with 978 or 979; the sum of the digits
        times 1, 3, 1, 3, ... is divisible by 10.
        """,
        [gives(True, "978-3-16-148410-0"), gives(True, "0-8044-2957-X"), gives(False, "978-3-16-148410-1")],
        [
            gives(True, "0306406152"),
            gives(True, "0 9752298 0 X"),
            gives(False, "0306406153"),
            gives(False, "080442957x"),
            gives(False, "08044X2957"),
            gives(True, "979 10 90636 07 1"),
            gives(False, "1234567890128"),
            gives(False, ""),
            gives(False, "978316148410"),
            gives(False, "٠٣٠٦٤٠٦١٥٢"),
            gives(False, "97831614841OO"),
        ],
        """
        code = text.replace("-", "").replace(" ", "")
        if not code.isascii():
            return False
        if len(code) == 10 and code[:9].isdigit() and (code[9].isdigit() or code[9] == "X"):
            digits = [10 if c == "X" else int(c) for c in code]
            return sum(d * w for d, w in zip(digits, range(10, 0, -1))) % 11 == 0
        if len(code) == 13 and code.isdigit() and code[:3] in ("978", "979"):
            return sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(code)) % 10 == 0
        return False
        """,
        {
            "knows-no-x": ('(code[9].isdigit() or code[9] == "X")', "code[9].isdigit()"),
            "any-prefix": (' and code[:3] in ("978", "979")', ""),
            "weights-swapped": ("(3 if i % 2 else 1)", "(1 if i % 2 else 3)"),
        },
        ["numbers", "checking"],
    ),
    Function(
        "fewest_coins(amount: int, coins: list[int]) -> list[int] | None",
        "Pay with the fewest coins",
        """
        The fewest coins that make up an amount exactly, largest first; each kind of coin may be used as often
        as needed. None when it cannot be done; an empty list for 0. If several choices have as few coins, the
        one with the largest coins first: compare the lists, greater wins. Coins are positive and may come in
        any order.
        """,
        [gives([25, 5, 5], 35, [25, 5, 1]), gives([3, 3], 6, [1, 3, 4]), gives(None, 3, [2])],
        [
            gives([], 0, [5]),
            gives([], 0, []),
            gives(None, 7, []),
            gives([20, 20], 40, [1, 20, 25]),
            gives([9, 3], 12, [3, 9, 7, 5]),
            gives([186] * 3 + [83] * 23, 2467, [83, 186]),
            gives([500] * 20, 10_000, [500, 200, 100, 50]),
        ],
        """
        best = [[]] + [None] * amount
        for part in range(1, amount + 1):
            options = [[coin, *best[part - coin]] for coin in coins if coin <= part and best[part - coin] is not None]
            options = [sorted(option, reverse=True) for option in options]
            if options:
                fewest = min(map(len, options))
                best[part] = max(option for option in options if len(option) == fewest)
        return best[amount]
        """,
        {
            "greedy": (
                "best = [[]]",
                "taken = []\nfor coin in sorted(coins, reverse=True):\n    while coin <= amount:\n"
                "        taken.append(coin)\n        amount -= coin\n"
                "return taken if not amount else None\nbest = [[]]",
            ),
            "any-of-the-fewest": ("max(option for option", "min(option for option"),
            "coins-once": (
                "return best[amount]",
                "return best[amount] if len(set(best[amount] or [])) == len(best[amount] or []) else None",
            ),
        },
        ["numbers", "search"],
    ),
    Function(
        "rolling_median(values: list[float], width: int) -> list[float]",
        "A rolling median",
        """
        The medians of all runs of `width` neighbouring values, in order. With an even width the median is the
        mean of the two middle values. The list that was given stays as it is. Fewer values than `width` give an
        empty list; a width below 1 raises ValueError.
        """,
        [gives([2, 3, 3], [1, 2, 3, 9, 3], 3), gives([1.5, 2.5], [1, 2, 3], 2)],
        [
            leaves(gives([5, 4], [9, 5, 1, 4], 3)),
            gives([7, 7, 8], [7, 7, 8], 1),
            gives([], [1, 2], 3),
            gives([], [], 1),
            gives([2.5], [4, 1, 3, 2], 4),
            gives([-1.5, 0.0], [-3, 0, 0], 2),
            refuses("ValueError", [1, 2], 0),
            leaves(gives([2], [3, 1, 2], 3)),
        ],
        """
        if width < 1:
            raise ValueError("width must be at least 1")
        found = []
        for start in range(len(values) - width + 1):
            run = sorted(values[start : start + width])
            middle = width // 2
            found.append(run[middle] if width % 2 else (run[middle - 1] + run[middle]) / 2)
        return found
        """,
        {
            "does-not-sort": ("sorted(values[start : start + width])", "values[start : start + width]"),
            "upper-middle-of-even": (
                "run[middle] if width % 2 else (run[middle - 1] + run[middle]) / 2",
                "run[middle]",
            ),
            "forgets-the-last-run": ("len(values) - width + 1", "len(values) - width"),
            "sorts-what-it-was-given": (
                "found = []",
                "found = []\nif width == len(values):\n    values.sort()",
            ),
        },
        ["numbers"],
    ),
]
