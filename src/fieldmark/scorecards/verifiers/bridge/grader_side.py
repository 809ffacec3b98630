"""Runs with the tests: they import the contender's modules as usual and get proxies, whose every use is a question to
the other sandbox. Standard library and pytest only.

Results are plain data by value. What is none (an object of a class of the code's) is a `Remote`: its attributes, calls
and operators are asked for. A `Remote` is never equal to plain data, whatever its class says.
"""

from __future__ import annotations

import builtins
import importlib.abc
import importlib.machinery
import json
import os
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

if "encode" not in globals():  # in the sandbox both files are one program
    from fieldmark.scorecards.verifiers.bridge.plain import decode, encode

_MOST = 100_000


class CodeGone(Exception):
    """The code hung or died."""


class CodeError(Exception):
    """The code raised something that is no built-in exception and of a class that is not known here."""


class _Link:
    """The pipe to the host, which hands questions on."""

    def __init__(self, asked: Any, answers: int, token: str) -> None:
        self.replies = asked
        self.questions = answers
        self.token = token
        self.functions: list[Callable[..., Any]] = []
        self.exceptions: dict[str, type[BaseException]] = {}

    def send(self, said: Any) -> None:
        data = json.dumps(said).encode() + b"\n"
        while data:
            data = data[os.write(self.questions, data) :]

    def ask(self, **request: Any) -> Any:
        """What comes of it, as a value; raises what the code raised."""
        return self.value_of(self.raw(**request))

    def raw(self, **request: Any) -> Any:
        args = request.pop("args", ())
        kwargs = request.pop("kwargs", {})
        told = {name: self.told(value) for name, value in kwargs.items()}
        self.send({**request, "args": [self.told(a) for a in args], "kwargs": told})
        while True:
            line = self.replies.readline()
            if not line:
                raise SystemExit("the host is gone")
            answer = json.loads(line)
            if "call_back" not in answer:
                return answer
            self.called_back(answer)

    def value_of(self, answer: Any) -> Any:
        if "lost" in answer:
            raise CodeGone(answer["lost"])
        if "raised" in answer:
            raise self.exception(answer["raised"])
        return self.value(answer["returned"])

    def value(self, told: Any) -> Any:
        try:
            return decode(told, self.remote)
        except ValueError as error:
            raise CodeGone(str(error)) from None

    def remote(self, told: Any) -> Any:
        if "exception" in told:
            return self.exception_class(told["exception"])
        return Remote(self, {"id": told.get("id", 0)}, str(told.get("type")), told.get("class"))

    def told(self, value: Any) -> Any:
        return encode(value, self.other)

    def other(self, value: Any) -> Any:
        if isinstance(value, Remote):
            where = object.__getattribute__(value, "_where")
            return {"t": "kept", **where} if "id" in where else {"t": "of", **where}
        if isinstance(value, type) and issubclass(value, BaseException):
            name = getattr(value, "remote_name", None)
            module, _, attribute = (name or f"builtins.{value.__name__}").rpartition(".")
            return {"t": "of", "module": module, "path": [attribute]}
        if callable(value):
            self.functions.append(value)
            return {"t": "call_back", "id": len(self.functions) - 1}
        raise TypeError(f"{type(value).__name__} cannot be handed to the code: plain data and functions can")

    def called_back(self, answer: Any) -> None:
        try:
            function = self.functions[answer["call_back"]]
            args = [self.value(a) for a in answer["args"]]
            kwargs = {str(k): self.value(v) for k, v in answer["kwargs"].items()}
            said: dict[str, Any] = {"back": self.told(function(*args, **kwargs))}
        except Exception as error:
            said = {"back": None, "raised": {"type": type(error).__name__, "text": str(error)}}
        self.send(said)

    def exception(self, raised: Any) -> BaseException:
        kind = self.exception_class(raised["line"])
        try:
            args = self.value(raised.get("args", []))
            return kind(*args) if isinstance(args, list) else kind(raised["text"])
        except Exception:
            made = kind.__new__(kind)
            made.args = (str(raised.get("text")),)
            return made

    def exception_class(self, line: Sequence[str]) -> type[BaseException]:
        """The class of that name, made here after its line of ancestors; never one that would end the tests."""
        name = str(line[0])
        known = getattr(builtins, name, None)
        if isinstance(known, type) and issubclass(known, Exception):
            return known
        if name not in self.exceptions:
            base = self.exception_class(line[1:]) if len(line) > 1 else CodeError
            inner = name.rpartition(".")[2]
            self.exceptions[name] = type(inner, (base,), {"remote_name": name, "__init__": _init})
        return self.exceptions[name]


def _init(self: BaseException, *args: Any, **_: Any) -> None:
    self.args = args


class Remote:
    """Something in the other sandbox."""

    __slots__ = ("_class", "_link", "_type", "_where")

    def __init__(
        self, link: _Link, where: dict[str, Any], type_name: str, class_name: str | None = None
    ) -> None:
        object.__setattr__(self, "_link", link)
        object.__setattr__(self, "_where", where)
        object.__setattr__(self, "_type", type_name)
        object.__setattr__(self, "_class", class_name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in (
            "__name__",
            "__doc__",
            "__qualname__",
            "__dict__",
            "__wrapped__",
        ):
            raise AttributeError(name)
        where = object.__getattribute__(self, "_where")
        path = [*where.get("path", ()), name]
        return self._ask(op="get", **{**where, "path": path})

    def __setattr__(self, name: str, value: Any) -> None:
        self._operate("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        self._operate("delattr", self, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it there."""
        return self._ask(op="call", args=args, kwargs=kwargs, **object.__getattribute__(self, "_where"))

    def _ask(self, **request: Any) -> Any:
        return object.__getattribute__(self, "_link").ask(**request)

    def _operate(self, function: str, *args: Any) -> Any:
        return self._ask(op="function", function=function, args=args)

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, Remote):
            return False  # an object that calls itself equal to everything is not
        return self._operate("eq", self, other) is True

    def __ne__(self, other: object) -> Any:
        return not self == other

    def __hash__(self) -> int:
        return int(self._operate("hash", self))

    def __repr__(self) -> str:
        return f"<{object.__getattribute__(self, '_type')}>"

    def __str__(self) -> str:
        return str(self._operate("str", self))

    def __bool__(self) -> bool:
        return self._operate("bool", self) is True

    def __iter__(self) -> Iterator[Any]:
        found = self._operate("take", self, _MOST)
        if not isinstance(found, list) or len(found) > _MOST:
            raise CodeGone("it has too many elements")
        return iter(found)

    def __next__(self) -> Any:
        found = self._operate("next", self)
        if found == "\0end":
            raise StopIteration
        return found

    def __contains__(self, item: Any) -> bool:
        return self._operate("contains", self, item) is True

    def __instancecheck__(self, instance: Any) -> bool:
        if not isinstance(type(instance), type) or not issubclass(type(instance), Remote):
            return False
        return self._operate("isinstance", instance, self) is True

    def __enter__(self) -> Any:
        return self.__getattr_special__("__enter__")()

    def __exit__(self, *_: Any) -> Any:
        return self.__getattr_special__("__exit__")(None, None, None)

    def __getattr_special__(self, name: str) -> Callable[..., Any]:
        where = object.__getattribute__(self, "_where")
        found = self._ask(op="get", **{**where, "path": [*where.get("path", ()), name]})
        made: Callable[..., Any] = found
        return made


def _operator(name: str, *, swapped: bool = False) -> Callable[..., Any]:
    def operate(self: Remote, *others: Any) -> Any:
        return self._operate(name, *((*others, self) if swapped else (self, *others)))

    return operate


for _special in ("len", "abs", "int", "float", "round", "reversed", "format", "dir"):
    setattr(Remote, f"__{_special}__", _operator(_special))
for _special in ("getitem", "setitem", "delitem", "lt", "le", "gt", "ge", "neg", "pos", "invert"):
    setattr(Remote, f"__{_special}__", _operator(_special))
for _special in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift", "rshift"):
    setattr(Remote, f"__{_special}__", _operator(_special))
    setattr(Remote, f"__r{_special}__", _operator(_special, swapped=True))
for _special, _name in (("and", "and_"), ("or", "or_"), ("xor", "xor")):
    setattr(Remote, f"__{_special}__", _operator(_name))
    setattr(Remote, f"__r{_special}__", _operator(_name, swapped=True))


class RemoteModule(types.ModuleType):
    """A module of the code's."""

    def __init__(self, link: _Link, name: str) -> None:
        super().__init__(name)
        _own(self)["_link"] = link

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return _Names(self, found) if name == "__dict__" else found

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        link = _own(self)["_link"]
        answer = link.raw(op="get", module=self.__name__, path=[name])
        told = answer.get("returned")
        if isinstance(told, dict) and told.get("t") == "object" and told.get("type") == "module":
            raise AttributeError(name)  # so that `from package import module` imports it
        value = link.value_of(answer)
        if isinstance(value, Remote) and told.get("callable"):  # by name, so that it outlives a restart
            return Remote(link, {"module": self.__name__, "path": [name]}, told["type"], told.get("class"))
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("__") or isinstance(value, RemoteModule):
            _own(self)[name] = value
        else:
            _own(self)["_link"].ask(
                op="function", function="setattr", args=(Remote(*_module(self)), name, value)
            )

    def __delattr__(self, name: str) -> None:
        _own(self)["_link"].ask(op="function", function="delattr", args=(Remote(*_module(self)), name))


class _Names(Mapping[str, Any]):
    """What a module's `__dict__` shows: pytest's `monkeypatch` looks there for what it has to put back."""

    def __init__(self, module: RemoteModule, own: dict[str, Any]) -> None:
        self.module = module
        self.own = own

    def __getitem__(self, name: str) -> Any:
        if name in self.own or name.startswith("__"):
            return self.own[name]
        answer = self.own["_link"].raw(op="get", module=self.own["__name__"], path=[name])
        if "returned" not in answer:
            raise KeyError(name)
        return self.own["_link"].value_of(answer)

    def __iter__(self) -> Iterator[str]:
        return iter(self.own)

    def __len__(self) -> int:
        return len(self.own)


def _own(module: types.ModuleType) -> dict[str, Any]:
    found: dict[str, Any] = types.ModuleType.__getattribute__(module, "__dict__")
    return found


def _module(module: RemoteModule) -> tuple[_Link, dict[str, Any], str]:
    return _own(module)["_link"], {"module": module.__name__, "path": []}, "module"


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the code's modules: the named ones and what is in them."""

    def __init__(self, link: _Link, modules: Sequence[str]) -> None:
        self.link = link
        self.modules = modules

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:  # noqa: ARG002
        if not any(name == m or name.startswith(m + ".") for m in self.modules):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> RemoteModule:
        return RemoteModule(self.link, spec.name)

    def exec_module(self, module: Any) -> None:
        answer = self.link.raw(op="get", module=module.__name__, path=[])
        raised = answer.get("raised") if isinstance(answer, dict) else None
        if raised and raised.get("type") == "ModuleNotFoundError":
            raise ModuleNotFoundError(f"No module named {module.__name__!r}", name=module.__name__)
        self.link.value_of(answer)


class Code:
    """What tests may ask for beside what they import: `from fieldmark_code import code`."""

    def __init__(self, link: _Link) -> None:
        self._link = link

    def keep(self, value: Any) -> Any:
        """Plain data that stays there, so that the code can change it and the test sees that."""
        kind = type(value).__name__
        if kind not in ("list", "dict", "set"):
            raise TypeError(f"a {kind} cannot be kept: a list, a dict or a set can")
        told = self._link.raw(op="kept", keep=True, function=kind, args=(value,))
        return self._link.value_of(told)

    def output(self, function: Any, *args: Any, **kwargs: Any) -> str:
        """What a function of the code prints."""
        where = object.__getattribute__(function, "_where")
        answer = self._link.raw(op="call", output=True, args=args, kwargs=kwargs, **where)
        self._link.value_of(answer)
        return str(answer["output"])

    def write(self, path: str, content: str | bytes) -> None:
        """Put a file where the code runs; the path is relative to its working folder."""
        data = content.encode() if isinstance(content, str) else content
        self._link.value_of(self._link.raw(op="write", name=path, args=(data,)))

    def read(self, path: str) -> bytes:
        """A file from where the code runs."""
        found = self._link.value_of(self._link.raw(op="read", name=path))
        assert isinstance(found, bytes)
        return found

    def import_module(self, name: str) -> Any:
        """A module of the code's."""
        return importlib.import_module(name)


class _Recorder:
    """Counts results; a plugin of pytest."""

    def __init__(self) -> None:
        self.results: dict[str, str] = {}
        self.collected: list[str] = []
        self.broken: list[str] = []

    def pytest_collection_modifyitems(self, items: Sequence[Any]) -> None:
        self.collected = [item.nodeid for item in items]

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.broken.append(report.nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        worse = {"passed": 1, "skipped": 2, "failed": 3}
        before = self.results.get(report.nodeid, "passed")
        self.results[report.nodeid] = max(before, report.outcome, key=worse.__getitem__)


def main() -> None:
    """Run the tests that the host names, and tell it how they ended."""
    replies = os.fdopen(os.dup(0), "r", encoding="utf-8")
    questions = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    asked = json.loads(replies.readline())
    link = _Link(replies, questions, asked["token"])
    sys.dont_write_bytecode = True
    module = types.ModuleType("fieldmark_code")
    module.__dict__.update(code=Code(link), Remote=Remote, CodeGone=CodeGone)
    sys.modules["fieldmark_code"] = module
    sys.meta_path.insert(0, _Finder(link, asked["modules"]))
    import pytest

    recorder = _Recorder()
    folders = [folder for folder in asked["folders"] if os.path.isdir(folder)]
    sys.path[:0] = _beside_tests(folders)
    pytest.main([*asked["arguments"], "--continue-on-collection-errors", *folders], plugins=[recorder])
    said = {"token": asked["token"], "collected": recorder.collected}
    link.send({**said, "results": recorder.results, "broken": recorder.broken})


def _beside_tests(folders: Sequence[str]) -> list[str]:
    """Where tests find what stands beside them: each folder of tests, and those in it that are no packages."""
    found = [os.path.abspath(folder) for folder in folders]
    for folder in folders:
        for place, inner, files in os.walk(folder):
            inner.sort()
            if "__init__.py" not in files and any(name.endswith(".py") for name in files):
                found.append(os.path.abspath(place))
    return list(dict.fromkeys(found))
