"""What stands in `scorecard.toml` and `task.toml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fieldmark.scorecards._task import Budget

Name = Annotated[str, Field(pattern=r"\S")]
Uses = Literal["sandbox", "browser"]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class BudgetTable(_Table):
    """`[budget]`: what one attempt may use. What is not set is as in the set's defaults, or as in the product's."""

    steps: Annotated[int, Field(ge=1)] | None = None
    """Turns of the contender."""
    tokens: Annotated[int, Field(ge=1)] | None = None
    """Prompt and answer tokens, all turns together."""
    seconds: Annotated[float, Field(gt=0)] | None = None
    """Wall-clock time."""
    cost: Annotated[float, Field(gt=0)] | None = None
    """Currency units, where the contender has a price."""

    def over(self, budget: Budget) -> Budget:
        """`budget` with what is set here put in."""
        said = self.model_dump(exclude_none=True)
        return Budget(**{**budget.__dict__, **said})


class DefaultsTable(_Table):
    """`[defaults]` of a set: for tasks in folders that do not say otherwise."""

    uses: Sequence[Uses] = ()
    """`sandbox`: shell and files as tools. `browser`: a page by keyboard, mouse and screen."""
    artifacts: Sequence[str] = ()
    """Patterns of files that are taken out and judged."""
    budget: BudgetTable = BudgetTable()
    """What one attempt may use."""
    cross: bool = False
    """Whether another task's right answer is wrong here: they then count as wrong solutions in the check."""
    checks_seconds: Annotated[float, Field(gt=0)] = 300.0
    """Time that judging one attempt may take."""


class SetFile(_Table):
    """`scorecard.toml`."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")] | None = None
    """As people call it; the folder's name when left out."""
    title: Name | None = None
    """A line for people."""
    version: Name = "1"
    """As its author counts."""
    description: str = ""
    """What it measures and what it does not."""
    licence: str = ""
    """SPDX name, such as `Apache-2.0`."""
    defaults: DefaultsTable = DefaultsTable()
    """For every task in a folder."""


class VariantTable(_Table):
    """`[variants.ID]` of a task."""

    kind: Literal["paraphrase", "perturbation"]
    """`paraphrase`: said otherwise. `perturbation`: files, names or formatting differ harmlessly."""


class McpTable(_Table):
    """`[mcp]` of a task: an MCP server whose tools the contender is given, started anew for each trial."""

    command: Annotated[Sequence[str], Field(min_length=1)]
    """Program and arguments, run in the task's sandbox, in its working folder."""
    trusted: bool = False
    """Run it beside Fieldmark, as its user, and not in the sandbox."""
    only: Sequence[str] | None = None
    """Names of the tools wanted; all when left out."""


class TaskFile(_Table):
    """`task.toml`."""

    title: str = ""
    """A line for people."""
    kind: str = ""
    """Tasks of one kind can stand for each other: sealed ones are compared with open ones of their kind."""
    tags: Sequence[str] = ()
    """Words to find it by."""
    system: str = ""
    """System prompt, before the instruction."""
    uses: Sequence[Uses] | None = None
    """`sandbox`: shell and files as tools. `browser`: a page by keyboard, mouse and screen."""
    artifacts: Sequence[str] | None = None
    """Patterns of files that are taken out and judged."""
    budget: BudgetTable = BudgetTable()
    """What one attempt may use."""
    mcp: McpTable | None = None
    """An MCP server that gives the task its tools."""
    checks: Sequence[Mapping[str, Any]] = ()
    """`[[checks]]`: each with `kind` and its settings. Several have to pass all."""
    checks_seconds: Annotated[float, Field(gt=0)] | None = None
    """Time that judging one attempt may take."""
    variants: Mapping[str, VariantTable] = {}
    """What kind the variants in `variants/` are."""
    sealed: bool = False
    """Nobody outside may see it; tasks in `sealed/` are so by themselves."""
