"""Functions about rules, games and small languages."""

from ._kit import Function, gives, leaves, refuses

RING = [(r, c) for r in range(3) for c in range(3) if (r, c) != (1, 1)]

FUNCTIONS = [
    Function(
        "calculate(text: str) -> float",
        "A pocket calculator",
        """
        The value of an expression of numbers (digits, perhaps with a decimal point between digits), `+ - * /`,
        parentheses and spaces. `*` and `/` bind closer than `+` and `-`; equals are done from left to right; a
        sign may stand before a number or a parenthesis, also several. Division by zero raises
        ZeroDivisionError; anything that is no such expression raises ValueError. Nothing else may be evaluated:
        names and calls are errors.
        """,
        [gives(7, "1 + 2 * 3"), gives(-2.5, "-(10 / 4)"), refuses("ValueError", "2 +")],
        [
            gives(1, "10 - 5 - 4"),
            gives(2, "8 / 2 / 2"),
            gives(9, "(1 + 2) * 3"),
            gives(5, "2 - -3"),
            gives(4, "--4"),
            gives(0.75, "1.5 / (1 + 1)"),
            gives(12, "2*(3+(4-1))"),
            refuses("ZeroDivisionError", "1 / (2 - 2)"),
            refuses("ValueError", ""),
            refuses("ValueError", "1 2"),
            refuses("ValueError", "(1"),
            refuses("ValueError", "1)"),
            refuses("ValueError", "abs(1)"),
            refuses("ValueError", "2 ** 3"),
            refuses("ValueError", "1."),
            gives(-6, "-2 * 3"),
        ],
        r"""
        tokens = re.findall(r"\d+(?:\.\d+)?|\S", text, re.ASCII)
        if "".join(tokens) != re.sub(r"\s", "", text) or re.search(r"[\d.]\s+[\d.]", text):
            raise ValueError("no expression")
        tokens.append("")
        at = 0

        def take():
            nonlocal at
            at += 1
            return tokens[at - 1]

        def factor():
            token = take()
            if token == "-":
                return -factor()
            if token == "+":
                return factor()
            if token == "(":
                value = total()
                if take() != ")":
                    raise ValueError("a parenthesis is not closed")
                return value
            if not token[:1].isdigit():
                raise ValueError("a number is missing")
            return float(token)

        def product():
            value = factor()
            while tokens[at] in ("*", "/"):
                value = value * factor() if take() == "*" else value / factor()
            return value

        def total():
            value = product()
            while tokens[at] in ("+", "-"):
                value = value + product() if take() == "+" else value - product()
            return value

        value = total()
        if tokens[at] != "":
            raise ValueError("something is left over")
        return value
        """,
        {
            "uses-eval": ("tokens.append", "return float(eval(text))\ntokens.append"),
            "from-right-to-left": ("value - product()", "value - total()"),
            "one-sign-only": ("return -factor()", "return -float(take())"),
            "ignores-what-is-left": ('if tokens[at] != "":', "if False:"),
        },
        ["parsing"],
        before="import re",
        settings={"absolute": 1e-9},
    ),
    Function(
        "first_unbalanced(text: str) -> int",
        "Where do the brackets go wrong?",
        """
        Check the brackets `()`, `[]`, `{}` in a piece of code. Brackets within text in single or double quotes
        do not count; a backslash in such text takes away the meaning of the next character. Return -1 when all
        is well. Else the position of the first closing bracket that does not fit; if there is none, of the last
        opening bracket that is not closed. Text whose quote is not closed goes to the end.
        """,
        [gives(-1, "a(b[c]{})"), gives(3, "(ab]"), gives(0, "(a")],
        [
            gives(-1, ""),
            gives(0, ")"),
            gives(1, "(("),
            gives(-1, 'print("(")'),
            gives(3, "[12)]"),
            gives(-1, r"f('it\'s (')"),
            gives(1, "f('open)"),
            gives(5, "{'}'}]"),
            gives(-1, "\"'(\" + '\"['"),
            gives(2, "()[()"),
        ],
        r"""
        pairs = {")": "(", "]": "[", "}": "{"}
        waiting, quote, i = [], "", 0
        while i < len(text):
            char = text[i]
            if quote:
                if char == "\\":
                    i += 1
                elif char == quote:
                    quote = ""
            elif char in "'\"":
                quote = char
            elif char in "([{":
                waiting.append(i)
            elif char in pairs:
                if not waiting or text[waiting.pop()] != pairs[char]:
                    return i
            i += 1
        return waiting[-1] if waiting else -1
        """,
        {
            "looks-into-quotes": ("quote = char", "pass"),
            "first-that-is-open": ("waiting[-1] if", "waiting[0] if"),
            "counts-only": ("text[waiting.pop()] != pairs[char]", "waiting.pop() < 0"),
            "knows-no-backslash": ("i += 1\n        elif", "pass\n        elif"),
        },
        ["parsing"],
    ),
    Function(
        "next_generation(cells: list[tuple[int, int]]) -> list[tuple[int, int]]",
        "One step of the game of life",
        """
        The living cells of an unbounded board after one step, sorted. A living cell with two or three living
        neighbours (of eight) lives on; a dead one with exactly three comes to life; all others are dead. A cell
        may be given twice and counts once; coordinates may be negative.
        """,
        [gives([(1, -1), (1, 0), (1, 1)], [(0, 0), (1, 0), (2, 0)])],
        [
            gives([], []),
            gives([], [(5, 5)]),
            gives([(0, 0), (0, 1), (1, 0), (1, 1)], [(0, 0), (0, 1), (1, 0), (1, 1)]),
            gives([(0, 0), (0, 1), (1, 0), (1, 1)], [(0, 0), (0, 1), (1, 0)]),
            gives([(0, 1), (1, 0), (1, 2), (2, 1)], [(0, 1), (1, 0), (1, 2), (2, 1)]),
            gives([], [(0, 0), (0, 0), (0, 1)]),
            gives([(0, -1), (0, 1), (1, 0), (1, 1), (2, 0)], [(-1, 0), (0, 1), (1, -1), (1, 0), (1, 1)]),
            gives(RING, [(0, 1), (1, 0), (1, 1), (1, 2), (2, 1)]),
        ],
        """
        living = set(cells)
        near = Counter(
            (x + dx, y + dy) for x, y in living for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy
        )
        return sorted(cell for cell, count in near.items() if count == 3 or count == 2 and cell in living)
        """,
        {
            "counts-itself": (" if dx or dy", ""),
            "cells-count-twice": ("for x, y in living", "for x, y in cells"),
            "two-bring-to-life": ("count == 2 and cell in living", "count == 2"),
            "four-survive": ("count == 2 and cell in living", "count in (2, 4) and cell in living"),
        },
        ["games"],
        before="from collections import Counter",
    ),
    Function(
        "way_out(maze: list[str]) -> str | None",
        "The shortest way through a maze",
        """
        A maze of equally long lines: `#` is wall, `S` the start, `E` the exit, anything else is free. Return
        the shortest way from S to E as letters U, D, L, R (up, down, left, right); of several shortest the
        alphabetically first. None when there is no way. The edge of the maze cannot be left.
        """,
        [gives("DRR", ["S#.", "..E"]), gives(None, ["S#E"])],
        [
            gives("R", ["SE"]),
            gives("L", ["ES"]),
            gives("DDRR", ["S..", "...", "..E"]),
            gives(None, ["S.#", ".##", "##E"]),
            gives("UU", ["E#", ".#", "S#"]),
            gives(None, ["S#.", "##.", "..E"]),
            gives("DRRU", ["S#E", "..."]),
            leaves(gives("RR", ["S.E"])),
        ],
        """
        cells = {(r, c): char for r, row in enumerate(maze) for c, char in enumerate(row)}
        start = next(place for place, char in cells.items() if char == "S")
        ways = {start: ""}
        waiting = deque([start])
        while waiting:
            place = waiting.popleft()
            if cells[place] == "E":
                return ways[place]
            for letter, dr, dc in (("D", 1, 0), ("L", 0, -1), ("R", 0, 1), ("U", -1, 0)):
                step = place[0] + dr, place[1] + dc
                if step not in ways and cells.get(step, "#") != "#":
                    ways[step] = ways[place] + letter
                    waiting.append(step)
        return None
        """,
        {
            "depth-first": ("waiting.popleft()", "waiting.pop()"),
            "right-before-down": (
                '(("D", 1, 0), ("L", 0, -1), ("R", 0, 1), ("U", -1, 0))',
                '(("R", 0, 1), ("L", 0, -1), ("D", 1, 0), ("U", -1, 0))',
            ),
            "walks-round-the-edge": (
                'cells.get(step, "#")',
                "cells.get(step := (step[0] % len(maze), step[1] % len(maze[0])))",
            ),
        },
        ["search"],
        before="from collections import deque",
    ),
    Function(
        "share_seats(votes: dict[str, int], seats: int) -> dict[str, int]",
        "Seats for votes",
        """
        Share seats by the method of Sainte-Lague: give the seats out one by one, each to the party with the
        largest quotient of its votes and 2 x (seats it has so far) + 1. Of equal quotients the party with more
        votes wins, then the alphabetically first. Return all parties, in the order given, also those without a
        seat. Quotients are compared exactly, not as floating-point numbers. Parties without votes never get a
        seat; if there are seats but no votes at all, raise ValueError.
        """,
        [gives({"A": 4, "B": 2, "C": 1}, {"A": 60, "B": 30, "C": 10}, 7)],
        [
            gives({"A": 0, "B": 0}, {"A": 5, "B": 6}, 0),
            gives({"B": 1, "A": 1}, {"B": 10, "A": 10}, 2),
            gives({"B": 0, "A": 1}, {"B": 10, "A": 10}, 1),
            gives({"X": 0, "Y": 5}, {"X": 0, "Y": 1}, 5),
            gives({"A": 0, "B": 1}, {"A": 10**17, "B": 10**17 + 1}, 1),
            gives({"A": 2, "B": 1}, {"A": 30, "B": 10}, 3),
            gives({"A": 3, "B": 3, "C": 1}, {"A": 43, "B": 41, "C": 16}, 7),
            refuses("ValueError", {"A": 0}, 1),
            refuses("ValueError", {}, 1),
            gives({}, {}, 0),
        ],
        """
        shares = dict.fromkeys(votes, 0)
        for _ in range(seats):
            parties = [party for party in votes if votes[party] > 0]
            if not parties:
                raise ValueError("seats but no votes")
            best = min(
                parties, key=lambda party: (-Fraction(votes[party], 2 * shares[party] + 1), -votes[party], party)
            )
            shares[best] += 1
        return shares
        """,
        {
            "divides-by-whole-numbers": ("2 * shares[party] + 1", "shares[party] + 1"),
            "compares-floats": (
                "-Fraction(votes[party], 2 * shares[party] + 1), -votes[party], party",
                "-votes[party] / (2 * shares[party] + 1), party",
            ),
            "leaves-out-the-small": (
                "return shares",
                "return {party: n for party, n in shares.items() if n}",
            ),
            "first-given-wins": ("-votes[party], party)", "-votes[party])"),
        },
        ["numbers", "rules"],
        before="from fractions import Fraction",
    ),
    Function(
        "bowling(rolls: list[int]) -> int",
        "The score of a game of bowling",
        """
        The score of a whole game of ten-pin bowling from the pins of each roll. Ten frames of at most two
        rolls; a strike (ten with the first roll) counts the next two rolls besides, a spare (ten with both) the
        next one. After a strike or spare in the tenth frame come two, or one, extra rolls that count only
        there. Raise ValueError for a game that is not whole, goes on too long, or has rolls that cannot be:
        outside 0-10, or more than ten pins in a frame. (Pins of the extra rolls are ten again after each
        strike.)
        """,
        [gives(300, [10] * 12), gives(90, [9, 0] * 10), gives(150, [5] * 21)],
        [
            gives(0, [0] * 20),
            gives(133, [1, 4, 4, 5, 6, 4, 5, 5, 10, 0, 1, 7, 3, 6, 4, 10, 2, 8, 6]),
            gives(24, [10, 3, 4] + [0] * 16),
            gives(20, [0] * 18 + [10, 10, 0]),
            gives(17, [0] * 18 + [3, 7, 7]),
            refuses("ValueError", [0] * 19),
            refuses("ValueError", [0] * 21),
            refuses("ValueError", [6, 5] + [0] * 18),
            refuses("ValueError", [10] * 11),
            refuses("ValueError", [11] + [0] * 18),
            refuses("ValueError", [-1, 1] + [0] * 18),
            refuses("ValueError", [0] * 18 + [10, 6, 5]),
            refuses("ValueError", []),
        ],
        """
        if any(not 0 <= roll <= 10 for roll in rolls):
            raise ValueError("no such roll")
        total = at = 0
        for frame in range(10):
            strike = rolls[at : at + 1] == [10]
            count = 1 if strike else 2
            pins = sum(rolls[at : at + count])
            needed = 3 if pins == 10 else 2
            if len(rolls) < at + needed or pins > 10:
                raise ValueError("the game is not whole, or a frame has too many pins")
            total += sum(rolls[at : at + needed])
            last, at = at, at + count
        end = last + needed
        if len(rolls) != end:
            raise ValueError("too many rolls")
        if strike and rolls[last + 1] < 10 and rolls[last + 1] + rolls[last + 2] > 10:
            raise ValueError("too many pins")
        return total
        """,
        {
            "spare-counts-nothing": ("needed = 3 if pins == 10 else 2", "needed = 3 if strike else 2"),
            "does-not-see-the-end": ("if len(rolls) != end:", "if False:"),
            "any-extra-rolls": ("if strike and rolls[last + 1] < 10", "if False and rolls[last + 1] < 10"),
        },
        ["games", "rules"],
    ),
]
