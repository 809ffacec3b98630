"""Tasks and sets of them."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fieldmark.errors import InputError
from fieldmark.scorecards._function import ToolRefusal as ToolRefusal  # noqa: PLC0414 (its face)
from fieldmark.scorecards._function import of_function
from fieldmark.scorecards._verdict import Verifier

if TYPE_CHECKING:
    from fieldmark.scorecards._stage import Scene, Stage


@dataclass(frozen=True)
class Tool:
    """Something a contender may call."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema of the arguments, an object."""
    run: Callable[[Mapping[str, Any]], Awaitable[Any]]
    """Given the arguments, returns a text or JSON. Raises ToolRefusal with words for the contender."""

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Tool:
        """A Python function, async or not, as a tool: its name, docstring, and schema from its annotations.

        Arguments are checked and made what the annotations say (models, `Literal`, dates); `Annotated[int,
        Field(description=..., ge=0)]` says more of one. One that waits should be async: others wait for it.

        Raises:
            InputError: a parameter has no annotation, or takes any number of arguments.
        """
        return cls(function.__name__, inspect.getdoc(function) or "", *of_function(function))

    def as_openai(self) -> dict[str, Any]:
        """In the form that chat completions take."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


@dataclass(frozen=True)
class Budget:
    """What one attempt may use."""

    steps: int = 20
    """Turns of the contender."""
    tokens: int = 100_000
    """Prompt and answer tokens, all turns together; known only where the contender counts."""
    seconds: float = 300.0
    """Wall-clock time."""
    cost: float | None = None
    """Currency units, where the contender has a price."""


@dataclass(frozen=True)
class Variant:
    """The same task said or laid out otherwise: the right result is the same."""

    id: str
    kind: Literal["paraphrase", "perturbation"]
    instruction: str | None = None
    """None: as the task says it."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Files that differ from the task's."""


@dataclass(frozen=True)
class Solution:
    """A scripted way through a task: oracle, cheat, wrong solution. In order: `play`, files, calls, `says`, answer."""

    answer: str = ""
    """The last thing said."""
    says: Sequence[str] = ()
    """Said before it, one after another, where somebody answers."""
    calls: Sequence[tuple[str, Mapping[str, Any]]] = ()
    """Tools and arguments."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Files put into the working folder."""
    play: Callable[[Stage], Awaitable[str]] | None = None
    """For what depends on what happens: does everything itself through the stage and returns the answer."""


SceneMaker = Callable[["Task", "Variant | None", int], "Scene"]
"""Makes what surrounds the contender in one trial: given the task, the variant and the trial's seed."""


@dataclass(frozen=True)
class Task:
    """One item of a scorecard."""

    id: str
    """Letters, digits, `-`, `_`; unique in its set."""
    instruction: str
    verifier: Verifier
    title: str = ""
    system: str = ""
    """System prompt of the task, before the instruction; the contender's own comes before it."""
    tags: Sequence[str] = ()
    kind: str = ""
    """Tasks of one kind can stand for each other: sealed ones are compared with open ones of their kind."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Put into the working folder before the contender begins."""
    tools: Sequence[Tool] = ()
    scene: SceneMaker | None = None
    """None: tools and, where `uses` says so, a sandbox with the files."""
    uses: frozenset[Literal["sandbox", "browser"]] = frozenset()
    """`sandbox`: shell and files as tools. `browser`: a page by keyboard, mouse and screen."""
    artifacts: Sequence[str] = ()
    """Patterns of files that are taken out and judged."""
    budget: Budget = Budget()
    variants: Sequence[Variant] = ()
    oracle: Solution | None = None
    cheats: Mapping[str, Solution] = field(default_factory=dict)
    """What must not pass though it looks for a short cut."""
    wrong: Mapping[str, Solution] = field(default_factory=dict)
    """Distinct wrong solutions, honest mistakes: how often does the verifier let one pass?"""
    sealed: bool = False
    """Nobody outside may see it."""
    commitment: str = ""
    """Of a sealed task: its salted digest. In evidence it stands for the verifier's, which could be guessed at."""
    checks_seconds: float = 300.0
    """Time that judging one attempt may take."""

    def variant(self, name: str) -> Variant | None:
        """The variant of that id; None for the empty one. Raises InputError."""
        if not name:
            return None
        found = next((v for v in self.variants if v.id == name), None)
        if found is None:
            raise InputError(f"task '{self.id}' has no variant '{name}'")
        return found


@dataclass(frozen=True)
class TaskSet:
    """A scorecard's tasks, versioned by digest."""

    name: str
    tasks: Sequence[Task]
    version: str = "1"
    title: str = ""
    description: str = ""
    licence: str = ""
    digest: str = ""
    """SHA-256 (hex) over every file of its folder (or, of Python objects, over what they say)."""
    folder: Path | None = None
    cross: bool = False
    """Whether what is right in another task is wrong here: other tasks' oracles then count as wrong solutions."""
    trouble: Sequence[str] = ()
    """What of its folder cannot be used here, in words."""

    def __post_init__(self) -> None:
        if not self.digest:
            from fieldmark.scorecards._digest import tasks_digest

            object.__setattr__(self, "digest", tasks_digest(self.tasks))

    @property
    def needs_sandbox(self) -> bool:
        """Whether some task is taken or judged in one, or in a browser, which bubblewrap keeps in."""
        return any(task.uses or task.verifier.needs_sandbox for task in self.tasks)

    @property
    def needs_browser(self) -> bool:
        """Whether some task is taken or judged in one."""
        return any("browser" in task.uses or task.verifier.needs_browser for task in self.tasks)

    def task(self, name: str) -> Task:
        """The task of that id. Raises InputError."""
        found = next((t for t in self.tasks if t.id == name), None)
        if found is None:
            raise InputError(f"'{self.name}' has no task '{name}'")
        return found
