"""What a field is: the tables of `field.toml` and `prompts.toml`, and the `Field` made of both."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from pydantic import Field as Key

from fieldmark.contenders import ContenderSpec
from fieldmark.errors import Problem
from fieldmark.fields._access import Access
from fieldmark.fields._drift import Drift
from fieldmark.fields._gateway import Gateway, Monitor
from fieldmark.fields._scorecards import Scorecards
from fieldmark.fields._witnesses import Witness

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def _id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError(
            "lower-case letters, digits and '-', beginning with a letter or digit, at most 64 of them"
        )
    return value


def _language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise ValueError("a language tag, such as 'en', 'de' or 'pt-BR'")
    return value


Id = Annotated[str, AfterValidator(_id)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"\S")]
Language = Annotated[str, AfterValidator(_language)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Category(_Table):
    """One sort of work in the field, with a leaderboard of its own."""

    id: Id
    """How prompts and records name it."""
    name: Text
    """What people read."""
    description: str = ""
    """When a prompt belongs here."""


class Prompt(_Table):
    """One prompt of the field's own, offered to voters."""

    text: Text
    """What the contenders are asked."""
    category: str | None = None
    """Id of a category of `field.toml`."""
    language: Language | None = None
    """Language tag, if it is not the field's."""


class ReasonTags(_Table):
    """What a voter may tick about a side after the vote."""

    positive: tuple[Text, ...] = ("useful", "complete", "correct", "clear")
    """Why an answer was good."""
    negative: tuple[Text, ...] = ("incorrect", "superficial", "instructions not followed", "unsafe")
    """Why an answer was bad."""


class RubricQuestion(_Table):
    """A question each side is graded on after the vote."""

    id: Id
    """How records name it."""
    question: Text
    """What the voter reads."""
    scale: Annotated[int, Key(ge=2, le=10)] = 5
    """Number of grades, from 1 (worst) to this (best)."""


class Policy(_Table):
    """The field's rules."""

    own_prompts: bool = True
    """Voters may write prompts; otherwise only the field's own are asked."""
    max_turns: Annotated[int, Key(ge=1, le=100)] = 8
    """Most turns of one battle's conversation."""
    max_prompt_characters: Annotated[int, Key(ge=1, le=1_000_000)] = 8_000
    """Longest prompt of one turn."""
    max_tokens: Annotated[int, Key(ge=1, le=1_000_000)] = 512
    """Longest answer, for a contender whose sampler does not say."""
    undo_seconds: Annotated[float, Key(ge=0, le=60)] = 5.0
    """How long a vote can be taken back before the names are shown."""
    hang_seconds: Annotated[float, Key(gt=0, le=600)] = 8.0
    """Seconds behind the other side after which the round says that a side hangs and stops waiting for it."""
    battle_expiry_hours: Annotated[float, Key(gt=0, le=8760)] = 24.0
    """Age at which a battle without a vote counts as abandoned."""
    minimum_exposure: Annotated[int, Key(ge=0)] = 30
    """Votes under which a contender is drawn more often."""
    count_leaked: bool = False
    """Votes on answers that gave away who wrote them count for the board."""
    count_failed_side: bool = False
    """Votes on battles in which a side failed count for the board."""
    count_revised: bool = False
    """Votes in rounds that had a vote before, undone, count for the board. Whoever watched the board in between could
    tell who answered."""
    confidence: Annotated[float, Key(gt=0.5, lt=1)] = 0.95
    """Coverage of every interval shown."""


class FieldContender(ContenderSpec):
    """A contender as a field lists it."""

    when: Literal["always", "present"] = "always"
    """Weights that are not on this machine's shelf wait for them either way. `always`: `fieldmark up` fetches them, if
    that needs no licence accepted; `present`: it does not."""


class FieldFile(_Table):
    """What `field.toml` may say."""

    name: Text
    """What people call the field."""
    id: Id | None = None
    """How records name the field; made from the name if absent. It must not change once votes exist."""
    description: str = ""
    """One or two sentences: whose work, and what is asked."""
    language: Language = "en"
    """Language tag of the field's work."""
    guidelines: str = "guidelines.md"
    """File beside `field.toml` (Markdown) that tells voters how to judge."""
    prompts: str = "prompts.toml"
    """File beside `field.toml` with a `[[prompts]]` table for each of the field's own prompts."""
    categories: tuple[Category, ...] = ()
    """Sorts of work, each with a leaderboard of its own."""
    contenders: tuple[FieldContender, ...] = ()
    """What is compared; more may lie in `contenders/NAME.toml`."""
    reason_tags: ReasonTags = ReasonTags()
    """What a voter may tick about a side."""
    rubric: tuple[RubricQuestion, ...] = ()
    """Questions each side is graded on."""
    policy: Policy = Policy()
    """The field's rules."""
    access: Access = Access()
    """Who may look and act once there is an account."""
    gateway: Gateway = Gateway()
    """Who answers real cases through `/v1`, and what is kept of them."""
    monitors: tuple[Monitor, ...] = ()
    """Checks that look at every recorded answer."""
    drift: Drift = Drift()
    """Fixed questions that show when a contender no longer answers as it did."""
    scorecards: Scorecards = Scorecards()
    """Where trials of task sets are played, and who may be given sealed tasks."""
    witnesses: tuple[Witness, ...] = ()
    """Who keeps the ledger's signed heads."""


class PromptsFile(_Table):
    """What `prompts.toml` may say."""

    prompts: tuple[Prompt, ...] = ()
    """The field's own prompts."""


class Field(BaseModel):
    """One field, read from its folder and checked. Equal if everything in it is."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, arbitrary_types_allowed=True)

    folder: Path
    """Where it lies, absolute."""
    id: str
    """How records name it."""
    name: str
    """What people call it."""
    description: str
    """One or two sentences."""
    language: str
    """Language tag."""
    guidelines: str
    """Markdown; empty if there are none."""
    categories: tuple[Category, ...]
    """Sorts of work."""
    prompts: tuple[Prompt, ...]
    """The field's own prompts, each with its language filled in."""
    contenders: tuple[FieldContender, ...]
    """Those of `field.toml`, then those of `contenders/` by name."""
    reason_tags: ReasonTags
    """What a voter may tick about a side."""
    rubric: tuple[RubricQuestion, ...]
    """Questions each side is graded on."""
    policy: Policy
    """The field's rules."""
    access: Access = Access()
    """Who may look and act once there is an account."""
    gateway: Gateway = Gateway()
    """Who answers real cases, and what is kept of them."""
    monitors: tuple[Monitor, ...] = ()
    """Checks of recorded answers."""
    drift: Drift = Drift()
    """Fixed questions that show when a contender no longer answers as it did."""
    scorecards: Scorecards = Scorecards()
    """Where trials of task sets are played, and who may be given sealed tasks."""
    witnesses: tuple[Witness, ...] = ()
    """Who keeps the ledger's signed heads."""
    notices: tuple[Problem, ...] = ()
    """What is allowed but may not be meant."""

    @property
    def state(self) -> Path:
        """The folder of the program's own files: ledger, keys, logs. It may not exist yet."""
        return self.folder / ".fieldmark"
