"""Verifiers that need nothing but the attempt."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from fieldmark.errors import InputError
from fieldmark.scorecards import VERIFIERS, Attempt, Bench, Grading, ToolCall, Verdict, Verifier, judge
from fieldmark.scorecards.verifiers import make


async def said(kind: str, settings: dict[str, Any], *, folder: Path = Path(), **attempt: Any) -> Verdict:
    return await judge(make(kind, settings, folder), Attempt("t", **attempt), Bench())


async def passes(kind: str, settings: dict[str, Any], **attempt: Any) -> bool:
    verdict = await said(kind, settings, **attempt)
    assert verdict.result in ("pass", "fail"), verdict
    return verdict.result == "pass"


def test_built_in_kinds_come_through_the_registry() -> None:
    kinds = {
        "all",
        "calls",
        "code",
        "exact",
        "files",
        "json_schema",
        "model_judge",
        "monitor",
        "number",
        "pytest",
    }
    assert kinds | {"python", "regex", "state"} <= set(VERIFIERS.names())


async def test_exact() -> None:
    assert await passes("exact", {"equals": "Paris"}, answer=" Paris\n")
    assert not await passes("exact", {"equals": "Paris"}, answer="paris")
    assert await passes("exact", {"equals": ["Paris", "Lutetia"], "ignore_case": True}, answer="LUTETIA")
    assert not await passes("exact", {"equals": "Paris", "strip": False}, answer="Paris ")
    assert await passes("exact", {"equals": "x", "of": "file:a.txt"}, files={"a.txt": b"x\n"})
    assert not await passes("exact", {"equals": "x", "of": "file:b.txt"}, files={"a.txt": b"x\n"})
    assert not await passes("exact", {"equals": "x", "of": "file:a"}, files={"a": b"\xff"})
    assert await passes("exact", {"equals": "3", "of": "state:a.0"}, state={"a": [3]})
    assert not await passes("exact", {"equals": "3", "of": "state:a.1"}, state={"a": [3]})


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("12.5", True),
        ("It is 12.5.", True),
        ("It is 12.50", True),
        ("1.25e1", True),
        ("12.4, 12.5 or 12.6", False),  # a shotgun
        ("12,5", False),
        ("12.5.1", False),
        ("v12.5", False),
        ("-12.5", False),
        ("", False),
        ("nan", False),
        ("9" * 5000, False),
    ],
)
async def test_number(answer: str, right: bool) -> None:
    assert await passes("number", {"equals": 12.5}, answer=answer) is right


async def test_numbers_with_tolerance_and_units() -> None:
    assert await passes("number", {"equals": 10, "absolute": 0.5}, answer="10.5")
    assert not await passes("number", {"equals": 10, "absolute": 0.5}, answer="10.51")
    assert await passes("number", {"equals": -200, "relative": 0.01}, answer="\u2212198")
    units = {"equals": 5, "units": {"km": 1, "m": 0.001, "mi": 1.609344}}
    assert await passes("number", units, answer="In 2024 it was 5 km (5,000 m).")
    assert not await passes("number", units, answer="5")
    assert not await passes("number", units, answer="5 kmh")
    assert not await passes("number", units, answer="5 km or 6 km")
    assert await passes("number", {"equals": 12, "units": {"EUR": 1}}, answer="EUR 12")
    assert await passes("number", {"equals": 3, "take": "last"}, answer="1 + 2 = 3")
    assert await passes("number", {"equals": 1, "take": "first"}, answer="1 + 2 = 3")


async def test_regex() -> None:
    assert await passes("regex", {"pattern": r"\d{2}:\d{2}"}, answer="at 14:05 sharp")
    assert not await passes("regex", {"pattern": r"\d{2}:\d{2}", "full": True}, answer="at 14:05")
    verdict = await said("regex", {"patterns": ["a", "b"], "forbidden": ["c"]}, answer="a c")
    assert verdict.result == "fail"
    assert verdict.score == pytest.approx(1 / 3)


async def test_a_pattern_that_runs_away_is_a_fail_and_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fieldmark.scorecards.verifiers._patterns.SECONDS", 0.3)
    verdict = await said("regex", {"pattern": "(a+)+b"}, answer="a" * 60)
    assert verdict.result == "fail"
    assert "60 characters are too long for the pattern" in verdict.explanation
    assert await passes("regex", {"pattern": "(a+)+b"}, answer="aab")


async def test_json_with_a_schema_and_expected_values() -> None:
    schema = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
    assert await passes("json_schema", {"schema": schema}, answer='```json\n{"total": 3}\n```')
    assert not await passes("json_schema", {"schema": schema}, answer='{"total": "3"}')
    expected = {"name": "Ann", "total": {"$about": 10, "$absolute": 0.1}, "tags": ["a", "b"]}
    settings = {"schema": schema, "expected": expected}
    assert await passes("json_schema", settings, answer='{"name": "Ann", "total": 10.05, "tags": ["a", "b"]}')
    verdict = await said(
        "json_schema", settings, answer='{"name": "Bo", "total": 10, "tags": ["b", "a"], "x": 1}'
    )
    assert verdict.result == "fail"
    assert verdict.score == pytest.approx(1 / 5)
    assert "Ann" not in verdict.explanation
    any_order = {"expected": ["a", "b"], "any_order": True}
    assert await passes("json_schema", any_order, answer='["b", "a"]')
    assert not await passes("json_schema", any_order, answer='["b", "b"]')


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "{",
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        "[" * 100_000,
        "true",
        '{"a": true}',
        '{"a": "1"}',
        "9" * 9999,
    ],
)
async def test_json_that_is_none_or_another_type_fails(answer: str) -> None:
    assert not await passes("json_schema", {"expected": {"a": 1}}, answer=answer)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [99, 150, 700, 980, 1500, 50_000])
async def test_no_answer_is_odd_enough_to_be_a_void(depth: int, tmp_path: Path) -> None:
    """Otherwise it would pay to answer so, rather than to be wrong."""
    (tmp_path / "verifier.py").write_text("def verify(attempt):\n    return False\n")
    deep, text = nested(depth), "[" * depth + "]" * depth
    odd = [text, '{"a": "\\ud800"}', '{"a": ' + "9" * 4000 + "}", '{"a": 1e999}', "\ud800"]
    checks: list[tuple[str, dict[str, Any]]] = [
        ("json_schema", {"schema": {"type": "object", "required": ["b"]}}),
        ("json_schema", {"expected": {"a": 1}}),
        ("state", {"at": {"a": [[1]]}}),
        ("exact", {"equals": "x", "of": "state:a"}),
        ("calls", {"expected": [{"name": "f", "arguments": {"x": 1}}]}),
        ("regex", {"pattern": "(x*)*y"}),
        ("python", {}),
    ]
    for answer in odd if depth == 99 else [text]:
        for kind, settings in checks:
            made = [call("f", x=deep)]
            verdict = await said(
                kind, settings, folder=tmp_path, answer=answer, calls=made, state={"a": deep}
            )
            assert verdict.result == "fail", (kind, answer[:20], verdict)


async def test_state() -> None:
    state = {"orders": [{"id": 7, "status": "refunded", "total": 10.004}], "mail": []}
    at = {
        "orders.0.status": "refunded",
        "orders.0.total": {"$about": 10, "$absolute": 0.01},
        "mail.0": {"$absent": True},
    }
    assert await passes("state", {"at": at}, state=state)
    verdict = await said("state", {"at": {**at, "orders.0.id": 8}}, state=state)
    assert verdict.score == pytest.approx(3 / 4)
    assert await passes("state", {"is": state}, state=state)
    assert not await passes("state", {"is": state}, state={**state, "more": 1})
    assert not await passes("state", {"at": {"a.b": 1}}, state=None)


def call(name: str, error: bool = False, result: str = "", **arguments: Any) -> ToolCall:
    return ToolCall(name, arguments, result, error)


async def test_calls_need_names_and_arguments() -> None:
    clock = {"expected": [{"name": "clock", "arguments": {"zone": "Europe/Paris"}}]}
    assert await passes("calls", clock, calls=[call("clock", zone="Europe/Paris")])
    assert not await passes("calls", clock, calls=[call("clock", zone="UTC")])
    assert not await passes("calls", clock, calls=[call("clock", zone="Europe/Paris", extra=1)])
    assert not await passes(
        "calls", clock, calls=[call("clock", zone="Europe/Paris"), call("clock", zone="UTC")]
    )
    assert not await passes("calls", clock, calls=[call("clock", error=True, zone="Europe/Paris")])
    assert await passes("calls", clock, calls=[call("clock", error=True), call("clock", zone="Europe/Paris")])
    assert not await passes(
        "calls",
        {**clock, "refused": "extra"},
        calls=[call("x", error=True), call("clock", zone="Europe/Paris")],
    )
    assert not await passes("calls", clock, calls=[])


async def test_calls_in_order_with_extras_and_forbidden_ones() -> None:
    two = [{"name": "find", "arguments": {"text": {"$regex": "(?i)ann.*"}}}, {"name": "send", "times": 2}]
    made = [call("find", text="Ann B"), call("look"), call("send", to=1), call("send", to=2)]
    assert await passes("calls", {"expected": two, "order": "given", "extra": ["look"]}, calls=made)
    assert not await passes("calls", {"expected": two, "order": "given"}, calls=made)
    assert not await passes(
        "calls", {"expected": two, "order": "given", "extra": True}, calls=[*made[2:], *made[:2]]
    )
    assert await passes("calls", {"expected": two, "extra": True}, calls=[*made[2:], *made[:2]])
    forbidden = {"expected": two, "extra": True, "forbidden": [{"name": "look"}]}
    assert (await said("calls", forbidden, calls=made)).score == 0
    by_default = {"expected": [{"name": "clock", "arguments": {}}], "defaults": {"clock": {"zone": "UTC"}}}
    assert await passes("calls", by_default, calls=[call("clock", zone="UTC")])
    assert not await passes("calls", by_default, calls=[call("clock", zone="CET")])


async def test_calls_are_paired_so_that_most_fit() -> None:
    """A greedy match would give the first call to the loose expectation and find none for the strict one."""
    expected = [{"name": "f", "arguments": {"x": {"$any": True}}}, {"name": "f", "arguments": {"x": 1}}]
    for _ in range(5):
        made = [call("f", x=1), call("f", x=2)]
        random.shuffle(made)
        assert await passes("calls", {"expected": expected}, calls=made)


async def test_files(tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden/right.bin").write_bytes(b"\0\1")
    settings = {
        "present": ["out/*.txt"],
        "absent": ["**/*.tmp"],
        "only": ["out/**"],
        "equals": {"out/a.txt": "one\ntwo"},
        "same_as": {"out/b.bin": "hidden/right.bin"},
        "contains": {"out/a.txt": ["tw"]},
        "lacks": {"out/a.txt": ["three"]},
        "matches": {"out/a.txt": [r"^o\w+"]},
    }
    right = {"out/a.txt": b"one \r\ntwo\n\n", "out/b.bin": b"\0\1"}
    assert await passes("files", settings, folder=tmp_path, files=right)
    wrong = {**right, "out/b.bin": b"\0", "out/x/y.tmp": b"", "elsewhere": b""}
    verdict = await said("files", settings, folder=tmp_path, files=wrong)
    assert verdict.score == pytest.approx(5 / 8)
    lost = await said("files", {"present": ["big"]}, left={"big": "too big"})
    assert "too big" in lost.explanation


async def test_all_is_passed_when_every_check_is() -> None:
    checks = [{"kind": "exact", "equals": "4"}, {"kind": "calls", "expected": []}]
    assert await passes("all", {"checks": checks}, answer="4")
    verdict = await said("all", {"checks": checks}, answer="4", calls=[call("x")])
    assert (verdict.result, verdict.score) == ("fail", 0.5)


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        ("exact", {}, "'equals' is missing"),
        ("exact", {"equals": []}, "names no text"),
        ("exact", {"equals": "x", "of": "files:x"}, "'of' cannot be 'files:x'"),
        ("number", {"equals": "4"}, "a number without quotes"),
        ("number", {"equals": 4, "absolute": -1}, "at least 0"),
        ("number", {"equals": 4, "units": {"km": 0}}, "not more than 0"),
        ("regex", {}, "'pattern' is missing"),
        ("regex", {"pattern": "("}, "no regular expression"),
        ("json_schema", {}, "neither 'schema' nor 'expected'"),
        ("json_schema", {"schema": "../../x.json"}, "leads out of"),
        ("json_schema", {"schema": {"type": "objekt"}}, "no JSON schema"),
        ("json_schema", {"expected": {"$abuot": 3}}, "$abuot"),
        ("json_schema", {"expected": {"$regex": "("}}, "no regular expression"),
        ("json_schema", {"expectd": 1}, "did you mean 'expected'"),
        ("state", {}, "neither 'is' nor 'at'"),
        ("calls", {"expected": [{"nam": "x"}]}, "expected[0]"),
        ("calls", {"extra": True}, "nothing is expected"),
        ("files", {}, "nothing is asked"),
        ("files", {"same_as": {"a": "hidden/none"}}, "there is no file 'hidden/none'"),
        ("python", {"function": "none.py:f"}, "there is no file 'none.py'"),
        ("code", {"entry": "s.py", "cases": [{"equals": 1}]}, "'entry' cannot be"),
        ("code", {"entry": "s.py:f"}, "'cases' is missing"),
        ("code", {"entry": "s.py:f", "cases": [{"args": [1]}]}, "expects nothing"),
        ("code", {"entry": "s.py:f", "cases": [{"arg": [1], "equals": 1}]}, "unknown arg"),
        ("pytest", {"tests": "none"}, "there is no file 'none'"),
        ("monitor", {"monitor": "forbiden"}, "did you mean 'forbidden'"),
        ("monitor", {"monitor": "forbidden"}, "nothing is forbidden"),
        ("model_judge", {"question": "q", "contender": {"kind": "endpoint", "nme": "x"}}, "nme"),
        ("all", {}, "'checks' is missing"),
        ("all", {"checks": [{"equals": 1}]}, "no kind"),
    ],
)
def test_wrong_settings_say_what_would_be_right(kind: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        make(kind, settings)
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_digests_are_of_everything_that_decides(tmp_path: Path) -> None:
    (tmp_path / "verifier.py").write_text("def verify(attempt):\n    return True\n")
    before = make("python", {}, tmp_path).digest
    assert make("python", {}, tmp_path).digest == before
    (tmp_path / "verifier.py").write_text("def verify(attempt):\n    return False\n")
    assert make("python", {}, tmp_path).digest != before
    assert make("exact", {"equals": "1"}).digest != make("regex", {"pattern": "1"}).digest
    digests = {make("number", {"equals": value}).digest for value in (1, 2, 1.5)}
    assert len(digests) == 3


async def test_one_that_says_nothing_in_time_is_void() -> None:
    class Sleeps(Verifier):
        kind = digest = "sleeps"

        async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
            await asyncio.sleep(60)
            raise AssertionError

    verdict = await judge(Sleeps(), Attempt("t"), Bench(), seconds=0.05)
    assert (verdict.result, verdict.void, verdict.score) == ("void", "verifier", None)
    assert verdict.explanation == "the verifier said nothing for 0.05 s"
