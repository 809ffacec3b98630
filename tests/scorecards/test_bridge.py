"""The code that tests must run: in a sandbox of its own, believed in nothing but what it returns."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.sandbox import Done, Running, Sandbox
from fieldmark.scorecards import Attempt, Bench, Verdict, judge
from fieldmark.scorecards.verifiers import Source, make
from fieldmark.scorecards.verifiers.bridge import CodeSide, Foreign, Gone, decode, encode
from fieldmark.scorecards.verifiers.bridge.plain import same

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.timedeltas()
    | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.sets(st.integers() | st.text())
        | st.frozensets(st.integers())
    ),
    max_leaves=10,
)


@given(PLAIN)
@settings(max_examples=80, deadline=None)
def test_plain_data_comes_back_as_it_was(value: Any) -> None:
    back = decode(json.loads(json.dumps(encode(value))))
    assert repr(back) == repr(value) or same(back, value) or back == value
    assert type(back) is type(value)


class Point(NamedTuple):
    x: int


class Colour(enum.IntEnum):
    RED = 1


class Liar(int):
    """Says that it is 7 to everybody who asks it, but is 3."""

    def __add__(self, other: object) -> int:
        return 7

    def __index__(self) -> int:
        return 7

    def __repr__(self) -> str:
        return "7"


def test_subclasses_are_what_their_base_says() -> None:
    def through(value: Any) -> Any:
        return decode(encode(value))

    assert through(collections.Counter("aab")) == {"a": 2, "b": 1}
    assert through(Point(1)) == (1,)
    assert through(Colour.RED) == 1
    assert through(Liar(3)) == 3
    assert through(collections.OrderedDict(a=1)) == {"a": 1}


def test_what_is_no_plain_data_is_a_name() -> None:
    assert isinstance(decode(encode(object())), Foreign)
    assert decode(encode(Path())).type_name.startswith("pathlib.")
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    circle: list[Any] = []
    circle.append(circle)
    for much in (deep, circle, "x" * 5_000_000, list(range(400_000)), 1 << 30_000_000):
        assert isinstance(decode(encode(much)), Foreign)


@pytest.mark.parametrize(
    "garbage",
    [
        [1],
        1.5,
        {"v": 1},
        {"t": "list"},
        {"t": "list", "v": 3},
        {"t": "dict", "v": [[1]]},
        {"t": "dict", "v": [[{"t": "list", "v": []}, 1]]},
        {"t": "set", "v": [{"t": "list", "v": []}]},
        {"t": "int", "v": "x"},
        {"t": "Decimal", "v": "x"},
        {"t": "date", "v": "x"},
        {"t": "bytes", "v": "x"},
        {"t": ["list"], "v": []},
    ],
)
def test_garbage_is_told_as_such(garbage: Any) -> None:
    with pytest.raises(ValueError, match="no plain data"):
        decode(garbage)


def test_sameness_keeps_types_apart() -> None:
    assert same(1, 1.0)
    assert same([1.0, {"a": float("nan")}], [1.0, {"a": float("nan")}])
    assert same(0.1 + 0.2, 0.3, 1e-9)
    assert same(decimal.Decimal("1.5"), 1.5)
    assert same({1: "a"}, {1.0: "a"})
    for one, other in [
        (True, 1),
        (1, True),
        ([1], (1,)),
        ({1}, frozenset({1})),
        ("1", 1),
        (b"a", "a"),
        ([True], [1]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ([1], [1, 2]),
        (datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1)),  # noqa: DTZ001
        (Foreign("x"), Foreign("x")),
        (fractions.Fraction(1, 3), 0.33),
        (10**400, 1e300),
    ]:
        assert not same(one, other), (one, other)


CASES = [
    {"args": [1, 2], "equals": 3},
    {"args": [2**80, 1], "equals": 2**80 + 1},
    {"args": ["a", 1], "raises": "TypeError"},
]


async def judged(code: str, cases: Any = CASES, **more: Any) -> Verdict:
    verifier = make("code", {"entry": "s.py:f", "cases": cases, "seconds": 15, **more})
    return await judge(verifier, Attempt("t", files={"s.py": code.encode()}), Bench())


async def test_functions_are_called_with_cases() -> None:
    verdict = await judged("def f(a, b):\n    return a + b\n")
    assert (verdict.result, verdict.score, verdict.explanation) == ("pass", 1.0, "3 of 3 cases right")
    verdict = await judged("def f(a, b):\n    return a - b if b == 2 else a + b\n")
    assert verdict.result == "fail"
    assert verdict.score == pytest.approx(2 / 3)
    assert verdict.explanation == "2 of 3 cases right; case 1: it returned something else (int)"


async def test_cases_say_more_than_equals() -> None:
    code = (
        "import collections\n"
        "class Odd(ValueError): pass\n"
        "def f(x, key=None):\n"
        "    print('sorting'); x.sort(key=key); return (y for y in x)\n"
        "def g(x):\n"
        "    raise Odd('no')\n"
        "def h(): return 0.1 + 0.2\n"
    )
    cases = [
        {"args": [[3, 1]], "as": "list", "equals": [1, 3], "after": [[1, 3]], "output": "sorting"},
        {"args": [[3, 1]], "kwargs": {"key": Source("lambda v: -v")}, "as": "list", "equals": [3, 1]},
        {"call": "g", "args": [1], "raises": "Odd"},
        {"call": "g", "args": [1], "raises": "ValueError"},
        {"call": "h", "equals": 0.3, "absolute": 1e-9},
        {"call": "h", "equals": decimal.Decimal("0.3"), "relative": 1e-9, "name": "as money"},
    ]
    verdict = await judged(code, cases)
    assert verdict.result == "pass", verdict.explanation
    wrong = [{"call": "h", "equals": 0.3, "name": "sum"}, {"args": [[1]], "as": "list", "after": [[2]]}]
    verdict = await judged(code, wrong)
    assert "case sum: it returned" in verdict.explanation
    assert "arguments" in verdict.explanation


EVIL = {
    "equal to everything": "class E:\n def __eq__(s, o): return True\n"
    " def __hash__(s): return 1\ndef f(a, b): return E()",
    "leaves at once": "import os\ndef f(a, b): os._exit(0)",
    "leaves at import": "import sys\nsys.exit(0)",
    "recurses": "def f(a, b): return f(a, b)",
    "deep": "def f(a, b):\n x = []\n for _ in range(100000): x = [x]\n return x",
    "huge": "def f(a, b): return 'y' * 50_000_000",
    "prints a verdict": "print('{\"returned\": 3, \"n\": 1}\\n' * 5)\ndef f(a, b):\n print('passed'); return None",
    "raises at import": "1 / 0",
    "no function": "g = 1",
    "no Python": "def f(a, b:",
    "nameless": "class M(type):\n __module__ = property(lambda s: 1 / 0)\n"
    "class E(metaclass=M): pass\ndef f(a, b): return E()",
    "patches json": 'import json\njson.dumps = lambda *a, **k: \'{"returned": 99, "n": 1}\'\ndef f(a, b): return 0',
    "patches modules": "import sys\nfor m in list(sys.modules): sys.modules[m] = None\ndef f(a, b): return 0",
    "nonsense on the pipe": "import os\nfor i in range(3, 30):\n  try: os.write(i, b'x\\n' * 9)\n"
    "  except OSError: pass\ndef f(a, b): return a + b",
    "closes everything": "import os\nos.closerange(0, 30)\ndef f(a, b): return a + b",
    "raises something odd": "class B(BaseException):\n def __str__(s): raise s\ndef f(a, b): raise B()",
}


@pytest.mark.parametrize("code", EVIL.values(), ids=EVIL.keys())
async def test_what_code_may_try_is_a_fail(code: str) -> None:
    verdict = await judged(code, CASES[:2])
    assert (verdict.result, verdict.void) == ("fail", None), verdict
    assert verdict.score == 0


async def test_code_that_hangs_is_a_fail_and_the_rest_is_tried_still() -> None:
    verdict = await judged("def f(a, b):\n while a == 1: pass\n return a + b\n", CASES[:2], seconds=2)
    assert (verdict.result, verdict.score) == ("fail", 0.5)
    assert "case 1: it said nothing for 2 s" in verdict.explanation


async def test_cases_are_nowhere_where_the_code_runs(tmp_path: Path) -> None:
    """It looks for what it will be compared with in files, arguments, environment and its own frames."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden/cases.py").write_text("CASES = [{'args': [1], 'equals': 'tiger-81'}]\n")
    code = (
        "import os, sys, gc\n"
        "def f(a):\n"
        "    kept = [o for o in gc.get_objects() if type(o) in (list, tuple) and len(o) < 20]\n"
        "    seen = ' '.join(sys.argv) + str(os.environ) + repr(kept)\n"
        "    frame = sys._getframe()\n"
        "    while frame: seen += repr(frame.f_locals); frame = frame.f_back\n"
        "    for place, _, names in os.walk('/'):\n"
        "        if place.startswith(('/proc', '/sys', '/usr', '/dev')) or 'site-packages' in place: continue\n"
        "        for n in names:\n"
        "            if n == 'cases.py': seen += open(os.path.join(place, n)).read()\n"
        "    word = ''.join(reversed('18-regit'))\n"
        "    return word if word in seen else 'unknown'\n"
    )
    verifier = make("code", {"entry": "s.py:f", "cases": "hidden/cases.py", "seconds": 20}, tmp_path)
    verdict = await judge(verifier, Attempt("t", files={"s.py": code.encode()}), Bench())
    assert verdict.result == "fail"
    assert "returned something else (str)" in verdict.explanation


async def test_code_may_stand_in_the_answer() -> None:
    answer = "Like so:\n```python\ndef f(a, b):\n    return a + b\n```\nor\n```python\nprint(f(1, 2))\n```\n"
    for of in ("answer", "either"):
        verifier = make("code", {"entry": "s.py:f", "cases": CASES, "of": of})
        assert (await judge(verifier, Attempt("t", answer=answer), Bench())).result == "pass"
        nothing = await judge(verifier, Attempt("t", answer="I cannot."), Bench())
        assert (nothing.result, nothing.explanation) == ("fail", "the answer has no block of code")
    missing = await judge(
        make("code", {"entry": "s.py:f", "cases": CASES}), Attempt("t", answer=answer), Bench()
    )
    assert (missing.result, missing.explanation) == ("fail", "there is no file 's.py'")


async def test_cases_and_support_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "hidden/more/pkg").mkdir(parents=True)
    (tmp_path / "hidden/cases.json").write_text('[{"args": [{"$source": "lambda: 2"}], "equals": 5}]')
    (tmp_path / "hidden/more/pkg/three.py").write_text("THREE = 3\n")
    settings = {
        "entry": "src/pkg/s.py:f",
        "paths": ["src", "."],
        "cases": "hidden/cases.json",
        "support": "hidden/more",
    }
    code = {
        "src/pkg/s.py": b"import pkg.three\ndef f(g): return g() + 3\n",
        "src/pkg/__init__.py": b"__path__.append('pkg')\n",
    }
    verifier = make("code", settings, tmp_path)
    verdict = await judge(verifier, Attempt("t", files=code), Bench())
    assert verdict.result == "pass", verdict.explanation
    before = verifier.digest
    (tmp_path / "hidden/more/pkg/three.py").write_text("THREE = 4\n")
    assert make("code", settings, tmp_path).digest != before


class Deaf(Running):
    """A process that never says anything."""

    async def send(self, data: bytes) -> None:
        pass

    async def line(self, *, seconds: float, limit: int = 0) -> bytes | None:
        return None

    async def stop(self) -> Any:
        return Done(137, b"", b"no Python here", 0.0)


async def test_python_that_does_not_start_is_a_void_not_a_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    async def start(*_: object, **__: object) -> Running:
        return Deaf()

    monkeypatch.setattr("fieldmark.sandbox.Bubblewrap.start", start)
    verdict = await judged("def f(a, b): return a + b")
    assert (verdict.result, verdict.void) == ("void", "sandbox")
    assert "no Python here" in verdict.explanation


async def test_it_is_started_only_so_often() -> None:
    async with Bench().sandbox() as sandbox:
        assert isinstance(sandbox, Sandbox)
        await sandbox.write("m.py", b"import os\nos._exit(3)\n")
        async with CodeSide(sandbox, seconds=5) as side:
            said = []
            for _ in range(7):
                with pytest.raises(Gone) as gone:
                    await side.ask({"op": "get", "module": "m"})
                said.append(str(gone.value))
    assert said[:5] == ["its process ended"] * 5
    assert "was started 5 times" in said[5]


async def test_what_code_brought_down_is_not_the_infrastructures_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when it has taken so much memory that nothing starts any more."""

    async def start(*_: object, **__: object) -> Running:
        return Deaf()

    async with Bench().sandbox() as sandbox:
        assert isinstance(sandbox, Sandbox)
        await sandbox.write("m.py", b"import os\nos._exit(3)\n")
        async with CodeSide(sandbox, seconds=5) as side:
            for _ in range(2):
                with pytest.raises(Gone, match="its process ended"):
                    await side.ask({"op": "get", "module": "m"})
                monkeypatch.setattr(type(sandbox), "start", start)


def test_both_ends_need_nothing_but_the_standard_library() -> None:
    from fieldmark.scorecards.verifiers import bridge

    folder = Path(str(bridge.__file__)).parent
    for name in ("plain.py", "code_side.py"):
        text = (folder / name).read_text("utf-8")
        imported = {
            line.split()[1].split(".")[0]
            for line in text.splitlines()
            if line.startswith(("import ", "from "))
        }
        assert imported <= sys.stdlib_module_names, name
