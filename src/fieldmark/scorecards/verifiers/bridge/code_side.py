"""Runs with the code under test: calls what it is told to and answers with plain data. Standard library only.

It shares a process with code that nobody trusts, so nothing that it says is believed: it is what the code says.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import io
import json
import operator
import os
import sys
from collections.abc import Callable
from typing import Any

if "encode" not in globals():  # in the sandbox both files are one program
    from fieldmark.scorecards.verifiers.bridge.plain import decode, encode, foreign, type_name


def _next(iterator: Any) -> Any:
    return next(iterator, "\0end")


def _take(value: Any, most: int) -> list[Any]:
    """The elements of something, at most so many and one more."""
    found = []
    for item in value:
        found.append(item)
        if len(found) > most:
            break
    return found


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in operator.__all__},
    **{
        name: getattr(builtins, name)
        for name in (
            *("abs", "bool", "bytes", "callable", "complex", "delattr", "dict", "dir", "divmod", "enumerate"),
            *(
                "float",
                "format",
                "frozenset",
                "getattr",
                "hasattr",
                "hash",
                "int",
                "isinstance",
                "issubclass",
            ),
            *("iter", "len", "list", "max", "min", "range", "repr", "reversed", "round", "set", "setattr"),
            *("sorted", "str", "sum", "tuple", "type", "vars", "zip"),
        )
    },
    "next": _next,
    "take": _take,
    "keep": lambda value: value,
}


class _Side:
    """One conversation with whoever asks."""

    def __init__(self, asked: Any, answers: int) -> None:
        self.asked = asked
        self.answers = answers
        self.kept: dict[int, Any] = {}
        self.by_identity: dict[int, int] = {}

    def serve(self) -> Any:
        """Answer until the input ends, or, inside a call back, until its result comes."""
        for line in self.asked:
            request = json.loads(line)
            if "back" in request:
                return request
            self.tell({**self.answered(request), "n": request["n"]})
        raise SystemExit

    def tell(self, said: Any) -> None:
        data = json.dumps(said).encode() + b"\n"
        while data:
            data = data[os.write(self.answers, data) :]

    def answered(self, request: Any) -> dict[str, Any]:
        captured = io.StringIO() if request.get("output") else None
        given: list[Any] = []
        try:
            with contextlib.redirect_stdout(captured) if captured else contextlib.nullcontext():
                result = self.done(request, given)
            if request.get("keep"):
                said: dict[str, Any] = {"returned": self.keep(result)}
            else:
                said = {"returned": encode(result, None if request.get("by_value") else self.keep)}
        except BaseException as error:  # SystemExit and KeyboardInterrupt of the code are its own
            said = {"raised": _raised(error)}
        if request.get("after"):
            said["after"] = encode(given)
        if captured:
            said["output"] = captured.getvalue()[:1_000_000]
        return said

    def done(self, request: Any, given: list[Any]) -> Any:
        given += [self.value(one) for one in request.get("args", ())]
        named = {name: self.value(one) for name, one in request.get("kwargs", {}).items()}
        if "function" in request:
            return _FUNCTIONS[request["function"]](*given, **named)
        target = self.target(request)
        if request["op"] == "get":
            return target
        result = target(*given, **named)
        return _FUNCTIONS[request["as"]](result) if request.get("as") else result

    def target(self, request: Any) -> Any:
        named = "module" in request
        target = importlib.import_module(request["module"]) if named else self.kept[request["id"]]
        for name in request.get("path", ()):
            target = getattr(target, name)
        return target

    def value(self, told: Any) -> Any:
        return decode(told, self.other)

    def other(self, told: Any) -> Any:
        if told["t"] == "kept":
            return self.kept[told["id"]]
        if told["t"] == "of":
            return self.target(told)
        if told["t"] == "source":
            return eval(told["v"], {})  # noqa: S307
        return self.back(told["id"])

    def back(self, number: int) -> Callable[..., Any]:
        """A function of whoever asks."""

        def called_back(*args: Any, **kwargs: Any) -> Any:
            said = {"args": [encode(a, self.keep) for a in args]}
            self.tell(
                {"call_back": number, **said, "kwargs": {k: encode(v, self.keep) for k, v in kwargs.items()}}
            )
            answer = self.serve()
            if "raised" in answer:
                kind = getattr(builtins, str(answer["raised"]["type"]), RuntimeError)
                raise kind(answer["raised"]["text"])
            return self.value(answer["back"])

        return called_back

    def keep(self, value: Any) -> Any:
        number = self.by_identity.get(id(value))
        if number is None:
            number = self.by_identity[id(value)] = len(self.kept) + 1
            self.kept[number] = value  # kept for good, so its identity stays its own
        said = {**foreign(value), "id": number, "callable": callable(value)}
        if isinstance(value, type):
            said["class"] = type_name(value)
            if issubclass(value, BaseException):
                said["exception"] = _line(value)
        return said


def _raised(error: BaseException) -> dict[str, Any]:
    try:
        text = str(error)[:2000]
    except BaseException:
        text = ""
    return {
        "type": type_name(type(error)),
        "line": _line(type(error)),
        "text": text,
        "args": encode(_args(error)),
    }


def _args(error: BaseException) -> Any:
    try:
        return list(error.args)
    except BaseException:
        return []


def _line(kind: type) -> list[str]:
    return [type_name(one) for one in kind.__mro__ if one is not object]


def main(paths: list[str]) -> None:
    """Serve on the standard pipes; what the code prints goes to standard error, and it has no input."""
    asked = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.path[:0] = [os.path.abspath(path) for path in paths]
    sys.dont_write_bytecode = True
    side = _Side(asked, answers)
    side.tell({"ready": True})
    side.serve()
