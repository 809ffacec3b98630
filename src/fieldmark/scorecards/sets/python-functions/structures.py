"""Functions about lists, tables and trees."""

from ._kit import Function, gives, leaves, refuses

FUNCTIONS = [
    Function(
        "flatten(table: dict[str, object]) -> dict[str, object]",
        "Flatten nested tables",
        """
        Turn nested dicts and lists into one dict whose keys say the way: names joined by `.`, places in lists
        as `[0]`, `[1]`, ... An empty dict or list within stays as a value. The order is that of the original.
        """,
        [
            gives({"a.b": 1, "c[0]": 2, "c[1].d": 3}, {"a": {"b": 1}, "c": [2, {"d": 3}]}),
            gives({"x": {}}, {"x": {}}),
        ],
        [
            gives({}, {}),
            gives({"a": None, "b": False}, {"a": None, "b": False}),
            gives({"m[0][1]": 5, "m[0][0]": 4}, {"m": [[4, 5]]}),
            gives({"a.b.c.d": "deep"}, {"a": {"b": {"c": {"d": "deep"}}}}),
            gives({"l": [], "t": "text"}, {"l": [], "t": "text"}),
            gives({"x[0]": {}, "x[1]": []}, {"x": [{}, []]}),
            leaves(gives({"a.b": 1}, {"a": {"b": 1}})),
        ],
        """
        flat = {}

        def walk(way, value):
            if isinstance(value, dict) and value:
                for name, inner in value.items():
                    walk(f"{way}.{name}" if way else name, inner)
            elif isinstance(value, list) and value:
                for place, inner in enumerate(value):
                    walk(f"{way}[{place}]", inner)
            else:
                flat[way] = value

        for name, value in table.items():
            walk(name, value)
        return flat
        """,
        {
            "loses-empty-tables": ("isinstance(value, dict) and value:", "isinstance(value, dict):"),
            "keeps-lists": ("isinstance(value, list) and value", "False"),
            "skips-what-is-falsy": ("flat[way] = value", "flat.update({way: value} if value else {})"),
            "one-level-only": (
                'walk(f"{way}.{name}" if way else name, inner)',
                'flat[f"{way}.{name}"] = inner',
            ),
        },
        ["tables"],
    ),
    Function(
        "merge_settings(base: dict[str, object], over: dict[str, object]) -> dict[str, object]",
        "Settings over settings",
        """
        A new dict with the settings of `base`, replaced by those of `over`. Where both hold a dict, these are
        merged the same way; anything else, lists too, is replaced whole. A value None in `over` removes the
        key, at every level, also within a dict that `base` does not have. Neither argument is changed.
        """,
        [
            gives({"a": 1, "b": {"x": 1, "y": 3}}, {"a": 1, "b": {"x": 1, "y": 2}}, {"b": {"y": 3}}),
            gives({}, {"a": 1}, {"a": None}),
        ],
        [
            gives({"a": [3]}, {"a": [1, 2]}, {"a": [3]}),
            gives({"a": 2}, {"a": {"x": 1}}, {"a": 2}),
            gives({"a": {"x": 1}}, {"a": 2}, {"a": {"x": 1}}),
            leaves(gives({"a": {"x": 1, "y": 2}}, {"a": {"x": 1}}, {"a": {"y": 2}})),
            gives({"n": {"k": 1}}, {}, {"n": {"k": 1, "gone": None}}),
            gives({"a": {}}, {"a": {"x": 1}}, {"a": {"x": None}}),
            gives({"a": None}, {"a": None}, {"b": None}),
            gives({"a": 0, "b": False}, {"a": 1, "b": True}, {"a": 0, "b": False}),
        ],
        """
        merged = dict(base)
        for name, value in over.items():
            if value is None:
                merged.pop(name, None)
            elif isinstance(value, dict):
                below = merged.get(name)
                merged[name] = merge_settings(below if isinstance(below, dict) else {}, value)
            else:
                merged[name] = value
        return merged
        """,
        {
            "changes-the-base": ("merged = dict(base)", "merged = base"),
            "replaces-inner-tables": ("below if isinstance(below, dict) else {}", "{}"),
            "keeps-none": ("merged.pop(name, None)", "merged[name] = None"),
            "falsy-removes": ("if value is None:", "if not value:"),
        },
        ["tables"],
    ),
    Function(
        "build_order(needs: dict[str, list[str]]) -> list[str]",
        "An order in which to build",
        """
        `needs` says for each target which others must be built before it. Return an order of all targets, those
        included that are only needed; among those that could come next, always take the alphabetically first. A
        circle raises ValueError.
        """,
        [
            gives(["lib", "app", "docs"], {"app": ["lib"], "docs": ["app", "lib"]}),
            refuses("ValueError", {"a": ["b"], "b": ["a"]}),
        ],
        [
            gives([], {}),
            gives(["a", "b", "c"], {"c": [], "b": [], "a": []}),
            gives(["b", "a", "c"], {"a": ["b"], "c": []}),
            gives(["z", "a"], {"a": ["z", "z"]}),
            gives(["c", "d", "b", "a"], {"a": ["b"], "b": ["c", "d"]}),
            refuses("ValueError", {"a": ["a"]}),
            refuses("ValueError", {"x": [], "a": ["b"], "b": ["c"], "c": ["a"]}),
            leaves(gives(["b", "a"], {"a": ["b"]})),
        ],
        """
        left = {name: set(needed) for name, needed in needs.items()}
        for needed in needs.values():
            for name in needed:
                left.setdefault(name, set())
        order = []
        while left:
            ready = [name for name, needed in left.items() if not needed & left.keys()]
            if not ready:
                raise ValueError("a circle")
            order.append(min(ready))
            del left[order[-1]]
        return order
        """,
        {
            "whole-layers-at-once": (
                "order.append(min(ready))\n    del left[order[-1]]",
                "order += sorted(ready)\n    for name in ready:\n        del left[name]",
            ),
            "forgets-what-is-only-needed": ("left.setdefault(name, set())", "pass"),
            "stops-at-a-circle": ('raise ValueError("a circle")', "break"),
            "first-come-first": ("min(ready)", "ready[0]"),
        },
        ["graphs"],
    ),
    Function(
        "cache_hits(capacity: int, keys: list[str]) -> list[bool]",
        "Hits of a cache that forgets the least recently used",
        """
        A cache holds at most `capacity` keys. For each key asked, in order: is it in the cache (a hit)? If not,
        it is put in, and when the cache is full, the key whose last use (asking it, hit or not) is longest ago
        is thrown out before. Return for each key whether it was a hit. With a capacity of 0 nothing is ever
        kept; below raises ValueError.
        """,
        [gives([False, False, True, False, False], 2, ["a", "b", "a", "c", "b"])],
        [
            gives([], 3, []),
            gives([False, True, True], 1, ["x", "x", "x"]),
            gives([False, False], 0, ["x", "x"]),
            gives([False, False, False, True, False, True, False], 3, ["a", "b", "c", "a", "d", "c", "b"]),
            gives([False, False, True, True, False, False], 2, ["a", "b", "b", "a", "c", "b"]),
            gives([False, False, False, False], 1, ["a", "b", "a", "b"]),
            refuses("ValueError", -1, ["a"]),
        ],
        """
        if capacity < 0:
            raise ValueError("capacity must not be negative")
        used, hits = {}, []
        for key in keys:
            hits.append(key in used)
            used.pop(key, None)
            used[key] = True
            if len(used) > capacity:
                del used[next(iter(used))]
        return hits
        """,
        {
            "throws-out-the-oldest": ("used.pop(key, None)\n", "pass\n"),
            "one-too-many": ("len(used) > capacity", "len(used) > capacity + 1"),
            "throws-out-the-newest": ("next(iter(used))", "list(used)[-2 if len(used) > 1 else 0]"),
        },
        ["data structures"],
    ),
    Function(
        "spiral(rows: list[list[int]]) -> list[int]",
        "Read a table in a spiral",
        """
        The numbers of a table in the order of a spiral: along the first row to the right, down the last column,
        back along the last row, up the first column, and so on inwards. All rows have the same length; a table
        may be empty.
        """,
        [gives([1, 2, 3, 6, 9, 8, 7, 4, 5], [[1, 2, 3], [4, 5, 6], [7, 8, 9]])],
        [
            gives([], []),
            gives([], [[], []]),
            gives([1, 2, 3], [[1, 2, 3]]),
            gives([1, 2, 3], [[1], [2], [3]]),
            gives([1, 2, 4, 6, 5, 3], [[1, 2], [3, 4], [5, 6]]),
            gives([1, 2, 3, 4, 8, 12, 11, 10, 9, 5, 6, 7], [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]),
            leaves(gives([1, 2, 4, 3], [[1, 2], [3, 4]])),
        ],
        """
        left = [list(row) for row in rows]
        found = []
        while left and left[0]:
            found += left.pop(0)
            left = [list(column) for column in zip(*left)][::-1]
        return found
        """,
        {
            "turns-the-wrong-way": ("zip(*left)][::-1]", "zip(*left)]"),
            "changes-the-table": ("[list(row) for row in rows]", "rows"),
            "square-tables-only": ("while left and left[0]:", "while left and len(found) < len(rows) ** 2:"),
        },
        ["lists"],
    ),
    Function(
        "common_lines(old: list[str], new: list[str]) -> list[str]",
        "What two versions have in common",
        """
        The longest list of lines that stand in both lists in the same order, not necessarily next to one
        another. If there are several of that length, the one whose lines come earliest in `old`: compare the
        positions in `old` as lists, smaller wins.
        """,
        [gives(["a", "c"], ["a", "b", "c"], ["a", "c", "d"]), gives(["x"], ["x", "y"], ["y", "x"])],
        [
            gives([], [], ["a"]),
            gives([], ["a"], ["b"]),
            gives(["a", "a"], ["a", "a", "a"], ["a", "b", "a"]),
            gives(["b", "c", "a", "d"], ["b", "x", "c", "a", "y", "d"], ["b", "c", "z", "a", "d", "b"]),
            gives(["1", "3"], ["1", "2", "3"], ["2", "1", "3"]),
            gives(["l", "l"], ["k", "l", "l"], ["l", "l", "k"]),
            gives(["p"] * 60, ["p", "q"] * 60, ["p"] * 60),
        ],
        """
        length = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
        for i in range(len(old) - 1, -1, -1):
            for j in range(len(new) - 1, -1, -1):
                if old[i] == new[j]:
                    length[i][j] = length[i + 1][j + 1] + 1
                else:
                    length[i][j] = max(length[i + 1][j], length[i][j + 1])
        found, j = [], 0
        for i, line in enumerate(old):
            if line in new[j:]:
                place = new.index(line, j)
                if length[i + 1][place + 1] + 1 == length[i][j]:
                    found.append(line)
                    j = place + 1
        return found
        """,
        {
            "takes-the-first-that-fits": ("if length[i + 1][place + 1] + 1 == length[i][j]:", "if True:"),
            "neighbours-only": (
                "length[i][j] = max(length[i + 1][j], length[i][j + 1])",
                "length[i][j] = 0",
            ),
            "ignores-order": (
                "found, j = [], 0",
                "return [line for line in old if line in new]\nfound, j = [], 0",
            ),
        },
        ["lists", "search"],
    ),
]
