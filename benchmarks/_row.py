"""What a benchmark is and what it gives.

A file of this package whose name has no leading underscore is a benchmark, named as the file. It holds

    @benchmark("what it measures, in one line")
    def run(fault: bool) -> Iterator[Row]:
        yield at_most("name of the figure", value, "ms", 20)

and imports anything heavy inside. With `fault` it makes a deliberate mistake that turns `met` of every
bounded row false: a benchmark that cannot fail shows nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

Run = Callable[[bool], Iterable["Row"]]


@dataclass(frozen=True)
class Row:
    """One figure. `met` is None where nothing is promised (a peer) or measured; `note` says which."""

    name: str
    value: float | None
    unit: str
    bound: str | None
    met: bool | None
    note: str = ""


def at_most(name: str, value: float, unit: str, bound: float, note: str = "") -> Row:
    """A figure that must not be above `bound`; NaN never meets it."""
    return Row(name, value, unit, f"<= {bound:g}", bool(value <= bound), note)


def at_least(name: str, value: float, unit: str, bound: float, note: str = "") -> Row:
    """A figure that must not be below `bound`; NaN never meets it."""
    return Row(name, value, unit, f">= {bound:g}", bool(value >= bound), note)


def unbounded(name: str, value: float, unit: str, note: str = "") -> Row:
    """A figure for comparison, such as a peer's."""
    return Row(name, value, unit, None, None, note)


def not_measured(name: str, why: str, bound: str | None = None, unit: str = "") -> Row:
    """A figure that could not be measured here, and what it would take."""
    return Row(name, None, unit, bound, None, f"not measured: {why}")


@dataclass(frozen=True)
class Benchmark:
    """A named way to get rows."""

    name: str
    about: str
    run: Run


def benchmark(about: str) -> Callable[[Run], Benchmark]:
    """Make a function of `fault` the benchmark of its file; `about` is its line in the list."""

    def of(run: Run) -> Benchmark:
        return Benchmark(run.__module__.rpartition(".")[2], about, run)

    return of


def names() -> list[str]:
    """The benchmarks of this package, sorted."""
    package = importlib.import_module("benchmarks")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.name[0] != "_")


def find(name: str) -> Benchmark:
    """The benchmark in file `name`."""
    module = importlib.import_module(f"benchmarks.{name}")
    return next(thing for thing in vars(module).values() if isinstance(thing, Benchmark))


def measure(name: str, *, fault: bool = False) -> Iterator[Row]:
    """Run one; a crash is a row that did not meet its bound."""
    try:
        yield from find(name).run(fault)
    except Exception as error:  # a benchmark that breaks must fail loudly but not hide the others
        yield Row(name, None, "", "runs", False, f"{type(error).__name__}: {error}")
