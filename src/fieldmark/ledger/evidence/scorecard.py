"""`task_set`, `seal`, `run`, `trial`, `verdict`, `run_end`: an agent did a job again and again, tests said how well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from fieldmark.errors import FailureKind
from fieldmark.ledger.evidence._base import Evidence, Part

VerdictResult = Literal["pass", "fail", "void"]
"""`void`: the infrastructure failed, not the contender. Always shown, never a fail, never dropped."""
VoidReason = Literal["sandbox", "verifier", "endpoint", "script", "cancelled", "other"]
"""What failed in a void: the sandbox; the verifier threw or hung; the contender's endpoint (gone, at its limit, out of
credit); the scripted other side of a dialogue; somebody stopped it; anything else."""
Ended = Literal["answered", "steps", "tokens", "seconds", "cost", "failed", "gave_up", "cancelled"]
"""Why an attempt was over: it said so; a budget was used up; the contender failed; a person gave up; stopped."""


class VerifierMeasured(Part):
    """How often a verifier of the set let a wrong solution pass."""

    name: str
    """Kind of the verifier, such as `json_schema`."""
    wrong: int
    """Distinct wrong solutions it was shown."""
    passed: int
    """How many of them it let pass."""


class TaskSetSeen(Evidence):
    """A version of a task set, written before its first run. No text: tasks are the set's own."""

    type: ClassVar[str] = "task_set"

    name: str
    """Label."""
    version: str
    """As its author says it."""
    digest: str
    """SHA-256 (hex) over every file of the set."""
    open: int
    """Tasks that everybody may see."""
    sealed: int
    """Tasks that nobody outside may see."""
    checked: bool
    """Oracle passed, nop and cheats failed, on every task."""
    verifiers: tuple[VerifierMeasured, ...] = ()
    """False-pass counts."""
    kinds: Mapping[str, int] = {}
    """Task id to the number of its kind, where tasks are sealed: these are compared with open ones of their kind."""


class SealedTask(Part):
    """The commitment to one sealed task."""

    id: str
    """Opaque id under which verdicts name it."""
    commitment: str
    """SHA-256 (hex) of salt and the task's canonical content; salt and content stay with the field's operator."""


class TasksSealed(Evidence):
    """Tasks fixed before any contender met them. Nothing of their text is in the ledger."""

    type: ClassVar[str] = "seal"

    task_set: str
    """Name of the set."""
    tasks: tuple[SealedTask, ...]
    """The sealed ones."""


class RunStarted(Evidence):
    """A run of a task set by contenders. Written before the first trial; what is planned can be recomputed from it."""

    type: ClassVar[str] = "run"

    task_set: str
    """Name of the set."""
    digest: str
    """Digest of the set."""
    contenders: tuple[str, ...]
    """Identity digests."""
    labels: Mapping[str, str]
    """Identity digest to the name at that time."""
    kinds: Mapping[str, str] = {}
    """Identity digest to `model`, `agent`, `person` or `seeded`."""
    tasks: tuple[str, ...]
    """Task ids, in the order (random, by the seed) in which they are taken."""
    variants: bool
    """Whether paraphrases and perturbations are tried too."""
    trials: int
    """Trials of each contender on each task and variant; the most, when the run may stop early."""
    until: float | None = None
    """Half-width of the interval at which the run may stop, on the scale of 0 to 1; None: all trials."""
    confidence: float = 0.95
    """Of that interval."""
    seed: int
    """Every trial's seed is derived from it."""
    sandbox: str
    """Kind of sandbox; `none` when no task needs one."""
    source: str = ""
    """Where it was played, when not here: `inspect:ID` of an imported log."""
    tools: Mapping[str, str] = {}
    """Contender digest to how it calls tools: `native` or `grammar`."""
    planned: int = 0
    """Trials of all contenders together; 0 when nobody can know, as when people take tasks."""


class KeptArtifact(Part):
    """A file that a trial left."""

    path: str
    """Relative to the working folder, with `/`."""
    size: int
    """Bytes."""
    text: str | None = None
    """Name among the record's texts; None when it was too big to keep. A text begins with `data:` when it is binary."""
    note: str = ""
    """Why it was not kept."""


class TrialEnded(Evidence):
    """One attempt at a task. Refs: `run`. Texts: `transcript` (JSON lines), `answer`, and the kept artifacts.

    (run, task, variant, contender, verifier, trial) names the trial; a void earns a new attempt. Texts of sealed tasks
    are not stored.
    """

    type: ClassVar[str] = "trial"

    task: str
    """Task id; of a sealed task, its opaque id."""
    variant: str = ""
    """Variant id; empty for the task as it stands."""
    contender: str
    """Identity digest."""
    verifier: str
    """Digest of the verifier that judges it."""
    trial: int
    """1 for the first."""
    attempt: int = 1
    """2 after a void."""
    seed: int
    """What the contender and the scene drew from."""
    ended: Ended
    """Why it was over."""
    failure: FailureKind | None = None
    """Set when the contender failed."""
    steps: int
    """Turns of the contender."""
    calls: int
    """Calls of tools."""
    ms: int
    """Milliseconds from its first turn to its last."""
    prompt_tokens: int | None = None
    """As the contender counts them, all turns together."""
    answer_tokens: int | None = None
    """As the contender counts them, all turns together."""
    cost: float | None = None
    """Currency units, when the contender has a price."""
    artifacts: tuple[KeptArtifact, ...] = ()
    """Files it left that the task declares."""
    person: bool = False
    """A person did it, on the page."""
    sealed: bool = False
    """The task is a sealed one."""


class VerdictGiven(Evidence):
    """What the verifier said of a trial. Refs: `run`, `trial`. Texts: `explanation` and the kept files that show it,
    unless the task is sealed.
    """

    type: ClassVar[str] = "verdict"

    result: VerdictResult
    """Pass, fail, or void."""
    score: float | None = None
    """0 (worst) to 1 (best); None for a void."""
    verifier: str
    """Digest of the verifier."""
    void: VoidReason | None = None
    """Set when the result is `void`."""
    ms: int
    """Milliseconds that judging took."""
    evidence: tuple[KeptArtifact, ...] = ()
    """Files that show it, such as screenshots."""


class RunEnded(Evidence):
    """A run is over. Refs: `run`."""

    type: ClassVar[str] = "run_end"

    reason: Literal["complete", "precise", "cancelled", "contender_changed", "failed"]
    """`precise`: the interval was narrow enough; `contender_changed`: an identity digest is no longer what it was."""
    detail: str = ""
    """In words."""
