"""`pytest` checks: hidden and old tests in one sandbox, the contender's code in another."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldmark.scorecards import Attempt, Bench, Verdict, judge
from fieldmark.scorecards.verifiers import make

CART = """
from dataclasses import dataclass
from decimal import Decimal
from .errors import OutOfStock
RATE = Decimal("0.2")

def rate():
    return RATE

@dataclass
class Item:
    name: str
    price: Decimal

class Cart:
    def __init__(self, stock=3):
        self.items, self.stock = [], stock
    def add(self, item, n=1):
        if n > self.stock:
            raise OutOfStock(f"only {self.stock}")
        self.items += [item] * n
    def total(self):
        return sum((i.price for i in self.items), Decimal(0)) * (1 + rate())
    def __len__(self):
        return len(self.items)
    def __iter__(self):
        return iter(self.items)
    def __getitem__(self, at):
        return self.items[at]
    def __add__(self, other):
        both = Cart(); both.items = self.items + other.items
        return both
    def __enter__(self):
        return self
    def __exit__(self, *_):
        self.items = []

def retry(f, times):
    for i in range(times):
        try:
            return f(i)
        except ValueError:
            pass
    raise RuntimeError("gave up")

def sort_in_place(x):
    x.sort()

def hello():
    print("hi")

def load(path):
    return open(path).read()
"""
FILES = {
    "shop/__init__.py": "",
    "shop/errors.py": "class OutOfStock(ValueError):\n    pass\n",
    "shop/cart.py": CART,
    "tests/test_old.py": "from shop.cart import Cart, Item\n\n\ndef test_len():\n"
    "    c = Cart()\n    c.add(Item('a', 1), 2)\n    assert len(c) == 2\n",
}
HIDDEN = """
from decimal import Decimal
import pytest
from fieldmark_code import code
from helpers import wanted
from shop import cart
from shop.cart import Cart, Item, hello, load, rate, retry, sort_in_place
from shop.errors import OutOfStock

def test_values():
    c = Cart()
    c.add(Item("a", Decimal("1.5")))
    assert c.total() == Decimal("1.80") == wanted()
    assert c.items[0].name == "a" and c[0].price == Decimal("1.5")
    c.stock = 9
    assert c.stock == 9

def test_exceptions():
    with pytest.raises(OutOfStock, match="only 3"):
        Cart().add(Item("a", 1), 4)
    with pytest.raises(ValueError):
        Cart().add(Item("a", 1), n=4)
    with pytest.raises(AttributeError):
        Cart().nothing

def test_functions_of_the_test():
    seen = []
    def f(i):
        seen.append(i)
        if i < 2:
            raise ValueError("x")
        return rate() * i
    assert retry(f, 5) == Decimal("0.4") and seen == [0, 1, 2]
    with pytest.raises(RuntimeError):
        retry(lambda i: int("x"), 2)

def test_objects():
    assert Item("a", 1) == Item("a", 1) and Item("a", 1) != Item("b", 1)
    assert isinstance(Item("a", 1), Item) and not isinstance(Cart(), Item) and not isinstance(3, Item)
    c = Cart()
    c.add(Item("q", 1))
    assert [i.name for i in c] == ["q"] and len(c + c) == 2 and bool(c) and not Cart()
    with Cart() as inner:
        inner.add(Item("q", 1))
    assert len(inner) == 0

def test_kept_output_files():
    x = code.keep([3, 1])
    sort_in_place(x)
    assert list(x) == [1, 3]
    assert code.output(hello) == "hi\\n"
    code.write("a.txt", "x")
    assert code.read("a.txt") == b"x" and load("a.txt") == "x"

def test_patch(monkeypatch):
    monkeypatch.setattr(cart, "rate", lambda: Decimal(1))
    monkeypatch.setattr(cart, "RATE", Decimal(5))
    monkeypatch.setattr(Cart, "__len__", lambda self: 77)
    c = Cart()
    c.add(Item("a", Decimal(2)))
    assert c.total() == 4 and cart.RATE == 5 and len(c) == 77

def test_after_patch():
    assert cart.RATE == Decimal("0.2") and cart.rate() == Decimal("0.2") and len(Cart()) == 0
"""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden/test_hidden.py").write_text(HIDDEN)
    (tmp_path / "hidden/helpers.py").write_text(
        "from decimal import Decimal\ndef wanted(): return Decimal('1.80')\n"
    )
    return tmp_path


async def judged(task: Path, changed: dict[str, str] | None = None, **settings: object) -> Verdict:
    verifier = make("pytest", {"old_tests": ["tests/**"], "seconds": 15, **settings}, task)
    files = {name: text.encode() for name, text in {**FILES, **(changed or {})}.items() if text != "gone"}
    return await judge(verifier, Attempt("t", files=files), Bench())


async def test_ordinary_tests_run_against_code_in_another_sandbox(task: Path) -> None:
    verdict = await judged(task)
    assert (verdict.result, verdict.explanation) == ("pass", "hidden tests: 7 of 7; old tests: 1 of 1")


async def test_a_defect_fails_the_tests_that_show_it(task: Path) -> None:
    verdict = await judged(task, {"shop/cart.py": CART.replace("(1 + rate())", "1")})
    assert (verdict.result, verdict.score) == ("fail", 6 / 8)
    assert verdict.explanation == "hidden tests: 5 of 7; old tests: 1 of 1"
    broken_old = await judged(task, {"shop/cart.py": CART.replace("[item] * n", "[item]")})
    assert broken_old.explanation == "hidden tests: 7 of 7; old tests: 0 of 1"
    assert broken_old.result == "fail"


ALWAYS = """
class A:
    def __eq__(s, o): return True
    def __getattr__(s, n): return A()
    def __call__(s, *a, **k): return A()
    def __len__(s): return 2
    def __bool__(s): return True
    def __contains__(s, x): return True
"""
FORGERIES = {
    "always equal": {"shop/cart.py": CART + ALWAYS + "Cart.total = lambda s: A()\n"},
    "leaves with 0": {"shop/cart.py": CART + "import os\nos._exit(0)\n"},
    "leaves in a call": {"shop/cart.py": CART + "import os\nCart.total = lambda s: os._exit(0)\n"},
    "says pytest passed": {
        "shop/cart.py": CART.replace("(1 + rate())", "1") + "print('8 passed in 0.01s')\n",
        "conftest.py": "def pytest_runtest_makereport(item, call): raise SystemExit(0)\n",
        "pytest.py": "def main(*a, **k): return 0\n",
        "sitecustomize.py": "import os\nos._exit(0)\n",
        "junit.xml": "<testsuite tests='8' failures='0'/>",
    },
    "patches pytest and the runner": {
        "shop/cart.py": CART.replace("(1 + rate())", "1")
        + "import sys, types\nfor n in ('pytest', '_pytest', '_pytest.runner', 'fieldmark_code', 'helpers'):\n"
        "    sys.modules[n] = types.ModuleType(n)\nsys.modules['__main__'].encode = lambda *a: 0\n",
    },
    "stands in for the tests' helpers": {
        "shop/cart.py": CART.replace("(1 + rate())", "1"),
        "helpers.py": ALWAYS + "def wanted(): return A()\n",
        "decimal.py": ALWAYS + "Decimal = A()\n",
        "fieldmark_code.py": ALWAYS + "code = A()\n",
    },
    "rewrites the old tests": {
        "shop/cart.py": CART.replace("[item] * n", "[item]"),
        "tests/test_old.py": "def test_len():\n    pass\n",
    },
    "removes the old tests": {
        "shop/cart.py": CART.replace("[item] * n", "[item]"),
        "tests/test_old.py": "gone",
    },
    "skips": {
        "shop/cart.py": CART + "class Skipped(BaseException): pass\nSkipped.__module__ = '_pytest.outcomes'\n"
        "def no(s): raise Skipped('skip')\nCart.total = no\n"
    },
    "raises Exit": {"shop/cart.py": CART + "def no(s): raise SystemExit(0)\nCart.total = no\n"},
}


@pytest.mark.parametrize("changed", FORGERIES.values(), ids=FORGERIES.keys())
async def test_no_forgery_passes(task: Path, changed: dict[str, str]) -> None:
    verdict = await judged(task, changed)
    assert verdict.result == "fail", verdict
    assert verdict.score is not None
    assert verdict.score < 1


async def test_hidden_tests_are_nowhere_where_the_code_runs(task: Path) -> None:
    spy = (
        "import os, sys\nfound = ''\n"
        "for root in ('/task', '/tmp', '/home', '/root', '/opt', '/mnt', '/dev/shm', '/var'):\n"
        "    for place, inner, names in os.walk(root):\n"
        "        inner[:] = [n for n in inner if not place.endswith('site-packages') or 'fieldmark' in n]\n"
        "        found += ' '.join(n for n in names if n.startswith('test_hidden'))\n"
        "if found or 'pytest' in sys.modules: raise RuntimeError('seen: ' + found)\n"
    )
    verdict = await judged(task, {"shop/cart.py": spy + CART}, seconds=30)
    assert verdict.result == "pass", verdict


async def test_code_that_hangs_fails(task: Path) -> None:
    verdict = await judged(
        task, {"shop/cart.py": CART + "import time\nCart.total = lambda s: time.sleep(60)\n"}, seconds=2
    )
    assert (verdict.result, verdict.explanation) == ("fail", "hidden tests: 5 of 7; old tests: 1 of 1")


async def test_tests_that_cannot_run_are_a_void(task: Path) -> None:
    (task / "hidden/test_hidden.py").write_text("x = 1\n")
    verdict = await judged(task)
    assert (verdict.result, verdict.void) == ("void", "verifier")
    assert "no hidden test" in verdict.explanation
    nothing = await judge(make("pytest", {}, task), Attempt("t"), Bench())
    assert (nothing.result, nothing.explanation) == ("fail", "there is no Python file")
