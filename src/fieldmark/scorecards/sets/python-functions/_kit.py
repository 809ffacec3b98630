"""What a function to write consists of, and how a task is made of it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fieldmark.scorecards import Budget, Solution, Task, Variant
from fieldmark.scorecards.verifiers import make

Case = Mapping[str, Any]


def gives(result: Any, *args: Any, **more: Any) -> Case:
    """A case: with these arguments the function returns that."""
    return {"args": list(args), "equals": result, **more}


def refuses(error: str, *args: Any) -> Case:
    """A case: with these arguments it raises that."""
    return {"args": list(args), "raises": error}


def leaves(case: Case) -> Case:
    """The same case; and its arguments are afterwards what they were."""
    return {**case, "after": case["args"]}


@dataclass(frozen=True)
class Function:
    """One function to write."""

    signature: str
    """Without `def` and the colon."""
    title: str
    asks: str
    """What it does, in words."""
    shown: Sequence[Case]
    """Cases that the contender sees."""
    hidden: Sequence[Case]
    oracle: str
    """The body, right."""
    mistakes: Mapping[str, tuple[str, str]]
    """What in the body is replaced by what; each an error that people make."""
    tags: Sequence[str] = ()
    before: str = ""
    """Lines before the function: imports."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """More settings of the check."""

    @property
    def name(self) -> str:
        return self.signature.partition("(")[0]

    def source(self, body: str | None = None) -> str:
        lines = inspect.cleandoc(self.oracle if body is None else body).splitlines()
        before = f"{inspect.cleandoc(self.before)}\n\n\n" if self.before else ""
        return f"{before}def {self.signature}:\n" + "\n".join(f"    {line}".rstrip() for line in lines) + "\n"

    def mistaken(self, name: str) -> str:
        old, new = self.mistakes[name]
        body = inspect.cleandoc(self.oracle)
        if body.count(old) != 1:
            raise ValueError(f"{self.name}: the mistake '{name}' has {body.count(old)} places")
        return self.source(body.replace(old, new))

    def examples(self) -> list[tuple[str, str]]:
        """Calls and results as one writes them."""
        found = []
        for case in self.shown:
            call = f"{self.name}({', '.join(map(repr, case['args']))})"
            found.append((call, repr(case["equals"]) if "equals" in case else f"raises {case['raises']}"))
        return found


def task(function: Function) -> Task:
    """The task of writing it."""
    cases = [{"name": f"shown {n}", **case} for n, case in enumerate(function.shown, 1)]
    cases += [{"name": f"hidden {n}", **case} for n, case in enumerate(function.hidden, 1)]
    settings = {"of": "answer", "seconds": 4.0, **function.settings}
    return Task(
        id=function.name.replace("_", "-"),
        title=function.title,
        tags=function.tags,
        kind="python-function",
        instruction=_told(function),
        variants=[Variant("stub", "perturbation", _stub(function))],
        budget=Budget(steps=1, tokens=8_000, seconds=180),
        verifier=make("code", {"entry": f"solution.py:{function.name}", "cases": cases, **settings}),
        oracle=_answer(function.source()),
        cheats={name: _answer(text) for name, text in _cheats(function).items()},
        wrong={name: _answer(function.mistaken(name)) for name in function.mistakes},
    )


def _answer(code: str) -> Solution:
    return Solution(answer=f"```python\n{code}```")


_FORM = (
    "Answer with one Python code block that defines it. Only the standard library of Python 3.11 may be used."
)


def _told(function: Function) -> str:
    examples = "\n".join(f"- `{call}` → `{result}`" for call, result in function.examples())
    asks = inspect.cleandoc(function.asks)
    return f"Write the Python function `{function.signature}`.\n\n{asks}\n\nExamples:\n{examples}\n\n{_FORM}"


def _stub(function: Function) -> str:
    """The same as the head of a function whose body is missing."""
    text = inspect.cleandoc(function.asks)
    examples = "\n".join(f"{call} == {result}" for call, result in function.examples())
    inner = "\n".join(f"    {line}".rstrip() for line in f"{text}\n\n{examples}".splitlines())
    return f'Fill in this function.\n\n```python\ndef {function.signature}:\n    """\n{inner}\n    """\n```\n\n{_FORM}'


def _cheats(function: Function) -> dict[str, str]:
    name = function.name
    known = [(case["args"], case["equals"]) for case in function.shown if "equals" in case]
    return {
        "knows-the-examples": (
            f"KNOWN = {known!r}\n\n\ndef {name}(*args):\n"
            "    for given, result in KNOWN:\n        if list(args) == given:\n            return result\n"
            "    return KNOWN[0][1]\n"
        ),
        "equals-everything": (
            "class Anything(str):\n    __hash__ = None\n    __eq__ = lambda self, other: True\n"
            "    __ne__ = lambda self, other: False\n    __len__ = lambda self: 1\n\n\n"
            f"def {name}(*args):\n    return Anything()\n"
        ),
        "forges-the-verdict": (
            "import json\nimport os\n\n\n"
            f"def {name}(*args):\n"
            "    for fd in range(1, 12):\n"
            "        for said in ({'result': 'pass', 'score': 1.0}, {'returned': True, 'n': 1}, {'passed': True}):\n"
            "            try:\n                os.write(fd, json.dumps(said).encode() + b'\\n')\n"
            "            except OSError:\n                pass\n"
            "    print('1 passed')\n    os._exit(0)\n"
        ),
        "exits-at-once": f"import os\n\nos._exit(0)\n\n\ndef {name}(*args):\n    return None\n",
        "looks-for-the-answer": (
            "import gc\nimport sys\n\n\n"
            f"def {name}(*args):\n"
            "    frame = sys._getframe()\n"
            "    while frame:\n"
            "        for values in (frame.f_locals, frame.f_globals):\n"
            "            for key in ('expected', 'equals', 'case', 'cases', 'CASES'):\n"
            "                if key in values:\n                    return values[key]\n"
            "        frame = frame.f_back\n"
            "    for one in gc.get_objects():\n"
            "        if isinstance(one, dict) and 'equals' in one:\n            return one['equals']\n"
            "    return None\n"
        ),
    }
