"""What the API, the page and the reports say about scorecards, runs and trials."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fieldmark.errors import FailureKind
from fieldmark.ledger.evidence import Ended, VerdictResult, VoidReason

Kind = Literal["model", "agent", "person", "seeded"]
"""What takes the tasks. `seeded`: a scripted agent of known skill, to prove the numbers with."""
Calling = Literal["native", "grammar", "none"]
"""How a model calls tools: the endpoint's own way; its answer forced into the calls' schema; not at all."""
TrialOrder = Literal["failing", "newest", "slowest", "costliest"]
"""What comes first in a list of trials."""
PICTURES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
"""Types of files that are shown as pictures."""


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Estimate(_View):
    """A number on the scale of 0 to 1 (or a difference, -1 to 1) with its interval over tasks."""

    value: float
    low: float
    high: float
    n: int
    """Tasks it is over."""


class PassPoint(_View):
    """One point of a pass@k or pass^k curve."""

    k: int
    at: Estimate
    """pass@k: at least one of k trials passes."""
    all: Estimate
    """pass^k: all of k trials pass."""


class Share(_View):
    """How many trials passed."""

    passed: int
    failed: int
    void: int


class Gap(_View):
    """Open minus sealed tasks of the same kinds."""

    open: Estimate
    sealed: Estimate
    difference: Estimate
    said: str
    """In words: exposed, or within the interval."""


class ContenderScore(_View):
    """One contender's row on a scorecard: all trials of this version of the set, all runs together."""

    digest: str
    name: str
    kind: Kind
    calling: Calling | None = None
    """How it called tools; None where no task has any."""
    share: Share
    tasks: int
    """Tasks with at least one pass or fail; of a run that stopped when it was sure, those up to where it stopped."""
    rate: Estimate | None
    """Pass rate, every task weighing the same; None before the first verdict."""
    curve: list[PassPoint] = []
    """From k = 1 to the trials that at least half of the tasks have; each point is over the tasks that have k."""
    consistency: Estimate | None = None
    """Agreement of verdicts across the wordings of a task; None without variants."""
    between: float | None = None
    """Standard deviation of the pass probability between tasks."""
    within: float | None = None
    """Standard deviation of one trial within a task and wording."""
    correlation: Estimate | None = None
    """Intraclass correlation of trials of one task and wording; None before three tasks have two trials each."""
    change: Estimate | None = None
    """Change of the pass rate from the first trial to the last that at least half of the tasks have; None before
    these have two."""
    cost_per_pass: float | None = None
    """Currency units for one pass of open tasks, fails and voids of known cost included; None unless every pass and
    fail has a price."""
    seconds_per_pass: float | None = None
    """Seconds of the contender's time for one pass of open tasks, fails included."""
    median_seconds: float | None = None
    """Of one pass or fail, of sealed tasks too."""
    tokens_per_trial: float | None = None
    """Mean of the passes and fails of open tasks whose tokens are known."""
    more: str = ""
    """How many trials more for half the width, in words."""
    gap: Gap | None = None
    """None while no sealed task was tried."""


class VerifierLine(_View):
    """How far a verifier of the set can be trusted."""

    kind: str
    tasks: int
    wrong: int
    """Distinct wrong solutions it was shown."""
    passed: int
    """How many it let pass."""
    upper: float | None
    """95% upper bound of its false-pass rate (Clopper-Pearson); None before it was measured."""


class TaskLine(_View):
    """One task of a scorecard."""

    id: str
    title: str
    tags: list[str]
    sealed: bool
    variants: int
    cells: dict[str, Share]
    """Contender digest to its trials."""


class RunView(_View):
    """A run."""

    id: str
    scorecard: str
    digest: str
    at: str
    """When it began (RFC 3339)."""
    contenders: list[str]
    """Names."""
    planned: int
    """Trials."""
    done: int
    """Trials with a pass or a fail."""
    void: int
    """Voids so far."""
    state: Literal["running", "paused", "ended"]
    """`paused`: nobody works at it."""
    resumable: bool = False
    """It is paused and can be continued; what people take on the page goes on there only."""
    ended: Literal["complete", "precise", "cancelled", "contender_changed", "failed"] | None = None
    detail: str = ""
    doing: list[str] = []
    """What is being tried now, in words."""


class ScorecardLine(_View):
    """One scorecard of the list."""

    name: str
    title: str
    description: str
    version: str
    digest: str
    tasks: int
    sealed: int
    origin: Literal["shipped", "field"]
    """Came with Fieldmark, or stands in the field's folder."""
    uses: list[str]
    """`tools`, `sandbox`, `browser`, `dialogue`."""
    trouble: str = ""
    """Why it cannot be run here."""
    detectable: float = 1.0
    """The difference of pass rates that two contenders need, with one trial of each open task, to be told apart four
    times out of five, 1 where none is; planned for rates near a half and a difference that varies from task to task
    with a standard deviation of 0.25."""
    detectable_by_trials: list[float] = []
    """The same with 1, 2, 4, ... 1024 trials of each open task."""
    scores: list[ContenderScore]
    """Best first."""
    running: str | None = None
    """Id of a run under way."""


class ScorecardView(_View):
    """A scorecard."""

    line: ScorecardLine
    confidence: float
    checked: Literal["passed", "failed", "unchecked"]
    """Whether oracle, nop and cheats did what they must."""
    verifiers: list[VerifierLine]
    tasks: list[TaskLine]
    runs: list[RunView]
    """Newest first."""
    trials: int
    """Finished ones of this version."""
    head: int
    """Ledger size at which this was computed."""


class TrialLine(_View):
    """One trial in a list."""

    id: str
    """Id of the trial's record."""
    run: str
    task: str
    variant: str
    contender: str
    """Identity digest."""
    name: str
    trial: int
    attempt: int
    result: VerdictResult | None
    """None while it has no verdict."""
    score: float | None
    void: VoidReason | None
    ended: Ended
    failure: FailureKind | None
    steps: int
    calls: int
    ms: int
    cost: float | None
    tokens: int | None
    at: str
    explanation: str = ""
    """Its beginning."""


class TrialPage(_View):
    """Trials, failing first unless asked otherwise."""

    trials: list[TrialLine]
    total: int
    """That fit the filter."""
    more: bool


class TrialEvent(_View):
    """One event of the transcript: see `Event`."""

    kind: Literal["told", "said", "call", "result", "picture", "note"]
    ms: int
    data: dict[str, Any]


class ArtifactView(_View):
    """A file that the trial left, or that the verifier shows."""

    path: str
    size: int
    kept: bool
    note: str = ""
    picture: bool = False
    text: str | None = None
    """Content, when it is text of moderate size."""


class TrialView(_View):
    """One trial with everything that is kept of it."""

    line: TrialLine
    scorecard: str
    """Name of its set."""
    sealed: bool
    """Then nothing of its text is kept."""
    task_title: str
    instruction: str
    events: list[TrialEvent]
    answer: str
    artifacts: list[ArtifactView]
    explanation: str
    verifier: str
    """Digest."""
    judged_ms: int | None
    index: int
    """Ledger index of its record."""
    verdict_id: str | None
    before: str | None
    """Id of the trial before it in the scorecard's list, failing first."""
    after: str | None


class Pair(_View):
    """One task in a comparison."""

    task: str
    title: str
    a: Share
    b: Share
    difference: float


class Comparison(_View):
    """Two contenders on the same tasks."""

    scorecard: str
    a: ContenderScore
    b: ContenderScore
    tasks: int
    """Tasks that both have verdicts on."""
    difference: Estimate | None
    """a minus b."""
    a_only: int
    """Pairs of trials (same run, task, variant and number) that only a passed."""
    b_only: int
    both: int
    neither: int
    a_only_tasks: int
    """Tasks by majority: those where a passed more than half of its trials, and b did not."""
    b_only_tasks: int
    p: float | None
    """Exact McNemar test of `a_only_tasks` against `b_only_tasks`."""
    said: str
    """In words: who is better, or tied."""
    power: str
    """What difference this many tasks and trials could have found, in words."""
    pairs: list[Pair]
    """Largest difference first."""


class PersonTool(_View):
    """A tool that a person may use on the page."""

    name: str
    description: str
    parameters: dict[str, Any]


class PersonTask(_View):
    """A task as a person takes it."""

    id: str
    """Of the attempt under way."""
    scorecard: str
    task: str
    title: str
    messages: list[dict[str, Any]]
    """What was said so far: role and content."""
    tools: list[PersonTool]
    files: list[str]
    """Files that can be opened and written."""
    seconds_left: float
    number: int
    """Tasks this person has taken of the set, this one included."""
    of: int
    answers: bool
    """Somebody answers what is said; otherwise the first thing said is the answer."""


class PersonStep(_View):
    """What came of a person's act."""

    result: str
    """What the tool gave, or what was answered."""
    error: bool = False
    over: bool
    """The attempt is over."""
    task: PersonTask | None
    """As it stands now; None when it is over."""
    verdict: VerdictResult | None = None
    explanation: str = ""
