"""Functions about text."""

from ._kit import Function, gives, refuses

FUNCTIONS = [
    Function(
        "wrap_words(text: str, width: int) -> list[str]",
        "Wrap text into lines",
        """
        Break a text into lines of at most `width` characters. Words are separated by any whitespace; within a
        line they are joined by one space, and each line takes as many words as fit. A word longer than `width`
        starts on a new line and is cut into pieces of `width` characters; words that follow may stand behind
        its last piece. An empty text gives no lines. A `width` below 1 raises ValueError.
        """,
        [
            gives(["the quick", "brown fox"], "the quick brown fox", 10),
            gives(["ab", "cdefg", "hi j"], "ab cdefghi j", 5),
        ],
        [
            gives([], "  \n ", 4),
            gives(["a"], "a", 1),
            gives(["a", "b"], "a\tb", 2),
            gives(["a b"], "a\n\nb", 3),
            gives(["abcd", "ef"], "abcdef", 4),
            gives(["abcd", "efgh", "i"], "abcdefgh i", 4),
            gives(["x", "abc", "d y"], "x abcd y", 3),
            refuses("ValueError", "a", 0),
        ],
        """
        if width < 1:
            raise ValueError("width must be at least 1")
        lines = []
        line = ""
        for word in text.split():
            if line and len(line) + 1 + len(word) <= width:
                line += " " + word
                continue
            if line:
                lines.append(line)
            while len(word) > width:
                lines.append(word[:width])
                word = word[width:]
            line = word
        if line:
            lines.append(line)
        return lines
        """,
        {
            "forgets-the-space": ("len(line) + 1 + len(word)", "len(line) + len(word)"),
            "never-cuts-words": ("len(word) > width", "False"),
            "splits-at-spaces-only": ("text.split()", 'text.split(" ")'),
        },
        ["text"],
    ),
    Function(
        "page_ranges(pages: list[int]) -> str",
        "Page numbers as ranges",
        """
        Write page numbers as one would print them: sorted, each once, two or more that follow one another as
        `first-last`, parts separated by `, `. Two neighbours are a range too: `[3, 4]` is `3-4`. No pages give "".
        """,
        [gives("1-3, 5, 7-8", [1, 2, 3, 5, 7, 8]), gives("4", [4])],
        [
            gives("", []),
            gives("1-4", [4, 2, 3, 1]),
            gives("2, 9", [9, 2, 9, 2]),
            gives("2-3, 9", [9, 3, 2]),
            gives("9-11", [10, 9, 11, 10]),
            gives("1, 3, 5", [5, 3, 1]),
            gives("98-101", [100, 98, 101, 99]),
        ],
        """
        parts = []
        for page in sorted(set(pages)):
            if parts and parts[-1][1] == page - 1:
                parts[-1][1] = page
            else:
                parts.append([page, page])
        return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)
        """,
        {
            "keeps-duplicates": ("sorted(set(pages))", "sorted(pages)"),
            "does-not-sort": ("sorted(set(pages))", "dict.fromkeys(pages)"),
            "pairs-are-no-range": (
                'str(a) if a == b else f"{a}-{b}"',
                'str(a) if a == b else f"{a}, {b}" if b == a + 1 else f"{a}-{b}"',
            ),
        },
        ["text"],
    ),
    Function(
        "fill_in(template: str, values: dict[str, object]) -> str",
        "Fill in a template",
        """
        Replace every `{name}` in the template by `str(values[name])`. A doubled brace stands for one brace:
        `{{` gives `{` and `}}` gives `}`. Values are put in as they are, also when they contain braces. A name
        that is missing in `values` raises KeyError. A single `}`, or a `{` without its `}`, raises ValueError.
        Names may be any text without braces, the empty one too.
        """,
        [gives("Dear Ann!", "Dear {who}!", {"who": "Ann"}), gives("{x} is 3", "{{x}} is {x}", {"x": 3})],
        [
            gives("a{b}c", "a{v}c", {"v": "{b}", "b": "no"}),
            gives("", "", {}),
            gives("{}", "{{}}", {}),
            gives("none", "{}", {"": "none"}),
            gives("1 2", "{first name} {b}", {"first name": 1, "b": 2}),
            gives("{7}", "{{{n}}}", {"n": 7}),
            refuses("KeyError", "{who}", {}),
            refuses("ValueError", "a } b", {}),
            refuses("ValueError", "open {who", {"who": 1}),
            gives("None", "{x}", {"x": None}),
        ],
        """
        out, i = [], 0
        while i < len(template):
            char = template[i]
            if template[i : i + 2] in ("{{", "}}"):
                out.append(char)
                i += 2
            elif char == "{":
                end = template.find("}", i)
                if end < 0 or "{" in template[i + 1 : end]:
                    raise ValueError("a brace is not closed")
                out.append(str(values[template[i + 1 : end]]))
                i = end + 1
            elif char == "}":
                raise ValueError("a brace was not opened")
            else:
                out.append(char)
                i += 1
        return "".join(out)
        """,
        {
            "missing-is-empty": ("values[template[i + 1 : end]]", 'values.get(template[i + 1 : end], "")'),
            "lets-a-single-brace-pass": (
                'raise ValueError("a brace was not opened")',
                "out.append(char); i += 1",
            ),
            "escapes-one-brace-only": ('in ("{{", "}}")', 'in ("{{",)'),
        },
        ["text"],
    ),
    Function(
        "split_csv(line: str) -> list[str]",
        "Split a line of CSV",
        """
        Split one line of comma-separated values. A field may stand in double quotes; then it may contain
        commas, and two double quotes in it stand for one. Spaces belong to the field. A quote within a field
        that did not begin with one is an ordinary character. Raise ValueError when a quoted field is not
        closed, or when something other than a comma follows its closing quote. An empty line is one empty
        field.
        """,
        [gives(["a", "b c", ""], "a,b c,"), gives(["1,5", 'say "hi"'], '"1,5","say ""hi"""')],
        [
            gives([""], ""),
            gives(["", ""], ","),
            gives([" a ", " b"], " a , b"),
            gives(["", "x"], '"",x'),
            gives(['5" pipe', "x"], '5" pipe,x'),
            gives(['"'], '""""'),
            refuses("ValueError", '"open,b'),
            refuses("ValueError", '"a"b,c'),
            gives(["a,b", "c,d"], '"a,b","c,d"'),
        ],
        """
        fields, i = [], 0
        while True:
            if line[i : i + 1] == '"':
                field, i = "", i + 1
                while True:
                    end = line.find('"', i)
                    if end < 0:
                        raise ValueError("a quote is not closed")
                    field += line[i:end]
                    i = end + 1
                    if line[i : i + 1] != '"':
                        break
                    field += '"'
                    i += 1
                if i < len(line) and line[i] != ",":
                    raise ValueError("text after a closing quote")
                end = i
            else:
                end = line.find(",", i)
                end = len(line) if end < 0 else end
                field = line[i:end]
            fields.append(field)
            if end >= len(line):
                return fields
            i = end + 1
        """,
        {
            "strips-spaces": ("fields.append(field)", "fields.append(field.strip())"),
            "lets-text-follow-a-quote": (
                'raise ValueError("text after a closing quote")',
                'i = line.find(",", i) % (len(line) + 1)',
            ),
            "swallows-doubled-quotes": ("field += '\"'\n", "pass\n"),
        },
        ["text", "parsing"],
    ),
    Function(
        "roman_value(numeral: str) -> int",
        "Read a Roman numeral strictly",
        """
        The value of a Roman numeral from 1 to 3999, in capital letters. Only the usual form is accepted: no
        letter more than three times in a row, V, L, D never twice, and of the subtractive forms only IV, IX,
        XL, XC, CD, CM. Anything else raises ValueError.
        """,
        [gives(14, "XIV"), gives(1994, "MCMXCIV"), refuses("ValueError", "IIII")],
        [
            gives(1, "I"),
            gives(3999, "MMMCMXCIX"),
            gives(444, "CDXLIV"),
            gives(2026, "MMXXVI"),
            refuses("ValueError", "IC"),
            refuses("ValueError", "VV"),
            refuses("ValueError", "IXI"),
            refuses("ValueError", "xiv"),
            refuses("ValueError", ""),
            refuses("ValueError", "MMMM"),
            refuses("ValueError", "IVI"),
            refuses("ValueError", "X\n"),
        ],
        """
        form = r"(M{0,3})(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})"
        if not numeral or not re.fullmatch(form, numeral):
            raise ValueError("no Roman numeral")
        worth = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
        total = 0
        for letter, following in zip(numeral, numeral[1:] + "I"):
            value = worth[letter]
            total += -value if value < worth[following] else value
        return total
        """,
        {
            "takes-any-order": ("not re.fullmatch(form, numeral)", 'not set(numeral) <= set("IVXLCDM")'),
            "takes-small-letters": ("numeral):", "numeral, re.IGNORECASE):"),
            "takes-nothing-for-zero": ("not numeral or ", ""),
        },
        ["text", "parsing"],
        before="import re",
    ),
    Function(
        "make_slug(title: str, limit: int = 40) -> str",
        "A title as part of an address",
        """
        Turn a title into a slug: small letters a-z, digits and single hyphens. Accents are dropped (é becomes
        e), ß becomes ss; any run of other characters becomes one hyphen; none at the beginning and the end. If
        the result is longer than `limit`, it is cut after the last whole word that fits (words are what stands
        between hyphens); a first word that is itself too long is cut at `limit`. Nothing usable gives
        "untitled".
        """,
        [
            gives("hello-world", "Hello, World!"),
            gives("cafe-strasse", "Café Straße"),
            gives("one-two", "one two three", 9),
        ],
        [
            gives("untitled", "???"),
            gives("untitled", ""),
            gives("a-b", "--a -- b--"),
            gives("abcdefgh", "abcdefghijk", 8),
            gives("one-two", "one two", 7),
            gives("one", "one two", 6),
            gives("one-two", "one two three", 7),
            gives("2026-report", "2026: Report"),
            gives("uber-naive-facade", "Über naïve façade"),
            gives("x" * 40, "X" * 50),
            gives("one-two-three", "one two three four", 14),
        ],
        """
        text = unicodedata.normalize("NFKD", title.lower().replace("ß", "ss"))
        text = "".join(c for c in text if not unicodedata.combining(c))
        slug = re.sub("[^a-z0-9]+", "-", text).strip("-")
        if len(slug) > limit:
            whole = slug[: limit + 1].rpartition("-")[0]
            slug = whole or slug[:limit]
        return slug or "untitled"
        """,
        {
            "cuts-within-words": ("whole or slug[:limit]", "slug[:limit]"),
            "drops-accented-letters": (
                "if not unicodedata.combining(c)",
                "if ord(c) < 128 and title.isascii()",
            ),
            "loses-a-word-that-fits": ("slug[: limit + 1]", "slug[:limit]"),
        },
        ["text"],
        before="import re\nimport unicodedata",
    ),
]
