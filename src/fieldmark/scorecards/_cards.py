"""Scorecards as the page and the command line show them: the set, its numbers, its runs."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy import Integer, Row, cast, func, select

from fieldmark.errors import FieldmarkError
from fieldmark.fields import Field
from fieldmark.ledger import Ledger, Snapshot
from fieldmark.ledger.evidence import RunStarted
from fieldmark.sandbox import BROWSER, SANDBOXES
from fieldmark.scorecards import _tables as t
from fieldmark.scorecards._catalogue import Catalogue
from fieldmark.scorecards._check import CheckReport, load_check
from fieldmark.scorecards._compare import compare, named, told_apart
from fieldmark.scorecards._counts import (
    Cell,
    Counts,
    counts_of_run,
    counts_of_set,
    names_of,
    names_on,
)
from fieldmark.scorecards._numbers import score
from fieldmark.scorecards._plan import ATTEMPTS, wordings
from fieldmark.scorecards._query import (
    MOST,
    Filter,
    artifact,
    artifacts,
    beside,
    ever_run,
    kept_trial,
    line,
    newest_set,
    run_row,
    run_rows,
    seals_of,
    set_row,
    trial_page,
)
from fieldmark.scorecards._records import read_run
from fieldmark.scorecards._task import Task, TaskSet
from fieldmark.scorecards.views import (
    Comparison,
    ContenderScore,
    RunView,
    ScorecardLine,
    ScorecardView,
    Share,
    TaskLine,
    TrialLine,
    TrialOrder,
    TrialPage,
    TrialView,
    VerifierLine,
)
from fieldmark.statistics import clopper_pearson


@dataclass
class Cards:
    """Views of the scorecards of a field. Every view can be computed again from the ledger and the set's files."""

    ledger: Ledger
    catalogue: Catalogue
    confidence: float = 0.95
    sandbox: str = "bubblewrap"
    """Kind in which runs would play."""
    _scores: dict[tuple[str, str], tuple[Any, ContenderScore]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def follow(self, rules: Field) -> None:
        """Show as the field's rules say."""
        self.confidence, self.sandbox = rules.policy.confidence, rules.scorecards.sandbox

    def lines(self, runs: list[RunView]) -> list[ScorecardLine]:
        """Every set at hand, and those that were run once and are gone. `runs`: all runs, newest first."""
        with self.ledger.read() as snapshot:
            names = sorted({*self.catalogue.names(), *ever_run(snapshot)})
            return [self._line(snapshot, name, runs) for name in names]

    def card(self, name: str, runs: list[RunView]) -> ScorecardView:
        """One scorecard, of the set's version at hand. Raises NotFound."""
        with self.ledger.read() as snapshot:
            shown = self._line(snapshot, name, runs)
            task_set, row = self._set(name), set_row(snapshot, shown.digest)
            report = self._report(shown.digest)
            counts = counts_of_set(snapshot, shown.digest)
            return ScorecardView(
                line=shown,
                confidence=self.confidence,
                checked=_checked(row, report),
                verifiers=_verifiers(task_set, row, report),
                tasks=_tasks(task_set, counts),
                runs=[run for run in runs if run.scorecard == name],
                trials=sum(sum(each.totals()) for each in counts.values()),
                head=snapshot.head().size,
            )

    def trials(self, name: str, which: Filter, order: TrialOrder, after: str | None, limit: int) -> TrialPage:
        """Trials of the set's version at hand, or of one run, whatever its version. Raises NotFound, InputError."""
        with self.ledger.read() as snapshot:
            digest = run_row(snapshot, which.run).digest if which.run else self._known(snapshot, name).digest
            names = names_on(snapshot, digest)
            if which.contender is not None:
                which = replace(which, contender=named(names, which.contender))
            return trial_page(snapshot, digest, names, which, order=order, after=after, limit=limit)

    def every_trial(self, name: str, which: Filter) -> Iterator[TrialLine]:
        """All trials of what `trials` gives pages of, failing first. Raises NotFound, InputError."""
        after: str | None = None
        while True:
            page = self.trials(name, which, "failing", after, MOST)
            yield from page.trials
            if not page.more:
                return
            after = page.trials[-1].id

    def trial(self, trial: str) -> TrialView:
        """One trial with everything that is kept of it. Raises NotFound."""
        with self.ledger.read() as snapshot:
            kept = kept_trial(snapshot, trial)
            row = kept.row
            names = {d: label for d, (label, _) in names_of(snapshot, [row.contender]).items()}
            scorecard = run_row(snapshot, row.run).task_set
            task = self._task(scorecard, row.task, row.digest)
            before, after = beside(snapshot, row)
            said = next((e.data.get("text", "") for e in kept.events if e.kind == "told"), "")
            return TrialView(
                scorecard=scorecard,
                line=line(row, names, kept.explanation[:200]),
                sealed=kept.trial.sealed,
                task_title=task.title if task and not kept.trial.sealed else "",
                instruction=said,
                events=kept.events,
                answer=kept.answer,
                artifacts=artifacts(snapshot, kept),
                explanation="the texts of this trial were erased" if kept.erased else kept.explanation,
                verifier=kept.trial.verifier,
                judged_ms=kept.verdict.ms if kept.verdict else None,
                index=kept.entry.index,
                verdict_id=row.verdict,
                before=before,
                after=after,
            )

    def artifact(self, trial: str, path: str) -> bytes:
        """The content of a file that is kept of a trial. Raises NotFound."""
        with self.ledger.read() as snapshot:
            return artifact(snapshot, trial, path)

    def compare(self, name: str, a: str, b: str) -> Comparison:
        """Two contenders, by name or digest. Raises NotFound, InputError."""
        with self.ledger.read() as snapshot:
            digest = self._known(snapshot, name).digest
            counts = counts_of_set(snapshot, digest)
            scores = {s.digest: s for s in self._all_scores(snapshot, name, digest)}
            labels = {d: s.name for d, s in scores.items()}
            first, second = named(labels, a), named(labels, b)
            task_set = self._set(name)
            titles = {t.id: t.title for t in task_set.tasks if not t.sealed} if task_set else {}
            both = counts[first], counts[second]
            return compare(
                snapshot,
                name,
                digest,
                both,
                (scores[first], scores[second]),
                titles,
                confidence=self.confidence,
            )

    def of_run(self, run: str) -> list[ContenderScore]:
        """Scores of one run alone, in the order of its contenders. Raises NotFound."""
        with self.ledger.read() as snapshot:
            row = run_row(snapshot, run)
            counts = counts_of_run(snapshot, run)
            found = self._scores_of(snapshot, row.task_set, counts, [row])
        places = {label: place for place, label in enumerate(row.contenders)}
        return sorted(found, key=lambda s: places.get(s.name, len(places)))

    def undecided(self, run: str) -> dict[str, int]:
        """Contender digest to how many tasks a run tried without any verdict: all that came of them was void."""
        with self.ledger.read() as snapshot:
            counts = counts_of_run(snapshot, run)
        return {
            digest: len({task for task, _ in each.void} - set(each.tasks()))
            for digest, each in counts.items()
        }

    def lost(self, run: str) -> dict[str, int]:
        """Contender digest to how many of its trials stay void in a run after all their attempts."""
        found: Counter[str] = Counter()
        with self.ledger.read() as snapshot:
            for (contender, _), n in _given_up(snapshot, run).items():
                found[contender] += n
        return found

    def _line(self, snapshot: Snapshot, name: str, runs: list[RunView]) -> ScorecardLine:
        known = self._known(snapshot, name)
        task_set = known.task_set
        sealed = sum(task.sealed for task in task_set.tasks) if task_set else 0
        found = [
            told_apart(len(task_set.tasks) - sealed, 2**n, self.confidence) or 1.0 if task_set else 1.0
            for n in range(11)
        ]
        return ScorecardLine(
            name=name,
            title=(task_set.title if task_set else "") or name,
            description=task_set.description if task_set else "",
            version=known.version,
            digest=known.digest,
            tasks=len(task_set.tasks) if task_set else 0,
            sealed=sealed,
            origin=self.catalogue.origin(name),
            uses=_uses(task_set) if task_set else [],
            trouble=known.trouble or (self._trouble(task_set) if task_set else ""),
            detectable=found[0],
            detectable_by_trials=found,
            scores=self._all_scores(snapshot, name, known.digest),
            running=next((run.id for run in runs if run.scorecard == name and run.state == "running"), None),
        )

    def _trouble(self, task_set: TaskSet) -> str:
        """Why it cannot be run here."""
        if task_set.needs_browser and (why := BROWSER.trouble()):
            return why
        if not task_set.needs_sandbox:
            return ""
        try:
            return SANDBOXES.get(self.sandbox).trouble() or ""
        except (FieldmarkError, ImportError) as error:
            return str(error)

    def _known(self, snapshot: Snapshot, name: str) -> _Known:
        """The version at hand, or else the one that was last run. Raises NotFound."""
        try:
            task_set = self.catalogue.get(name)
        except FieldmarkError as error:
            past = newest_set(snapshot, name)
            if past is not None:
                return _Known(None, past.digest, past.version, error.message)
            if name not in self.catalogue.names():
                raise
            return _Known(None, "", "", error.message)
        return _Known(task_set, task_set.digest, task_set.version)

    def _report(self, digest: str) -> CheckReport | None:
        """What the field's last check found of exactly this version."""
        folder = self.catalogue.folder
        return load_check(digest, folder) if folder else None

    def _set(self, name: str) -> TaskSet | None:
        try:
            return self.catalogue.get(name)
        except FieldmarkError:
            return None

    def _task(self, name: str, task: str, digest: str) -> Task | None:
        task_set = self._set(name)
        if task_set is None or task_set.digest != digest:
            return None
        return next((each for each in task_set.tasks if each.id == task), None)

    def _kinds(self, name: str) -> dict[str, str]:
        task_set = self._set(name)
        return {task.id: task.kind for task in task_set.tasks} if task_set else {}

    def _all_scores(self, snapshot: Snapshot, name: str, digest: str) -> list[ContenderScore]:
        """Best first; each is kept until its contender has another trial."""
        counts = counts_of_set(snapshot, digest)
        rows = [row for row in run_rows(snapshot, name, limit=1000) if row.digest == digest]
        found = self._scores_of(snapshot, name, counts, rows, digest)
        return sorted(found, key=lambda s: (s.rate is None, -(s.rate.value if s.rate else 0), s.name))

    def _scores_of(
        self,
        snapshot: Snapshot,
        name: str,
        counts: Mapping[str, Counts],
        runs: Sequence[Row[Any]],
        keep: str = "",
    ) -> list[ContenderScore]:
        """`runs`: those that the counts come from, newest first; `keep`: under which name to keep what was computed."""
        known, kinds = names_of(snapshot, counts), self._kinds(name)
        tools: dict[str, Any] = {}
        orders: dict[str, tuple[str, ...]] = {}
        early: dict[str, dict[Cell, tuple[int, int]]] = {}
        task_set = self._set(name) if any(row.until is not None for row in runs) else None
        for row in reversed(runs):
            tools |= row.tools
            if row.until is not None:
                started = read_run(snapshot, row.id)
                orders |= dict.fromkeys(started.contenders, started.tasks)
                if row.ended != "complete":
                    taken = _early(snapshot, row.id, started, task_set, list(counts.values()))
                    for who, cell, (passed, failed) in taken:
                        so_far = early.setdefault(who, {}).get(cell, (0, 0))
                        early[who][cell] = so_far[0] + passed, so_far[1] + failed
        found = []
        for contender, each in counts.items():
            label, kind = known.get(contender, (contender[:8], "model"))
            settings: dict[str, Any] = {
                "confidence": self.confidence,
                "calling": tools.get(contender),
                "kinds": kinds if each.sealed else {},
                "order": orders.get(contender, ()),
                "early": early.get(contender, {}),
            }
            seen = label, each.totals(), each.ms, settings
            with self._lock:
                before = self._scores.get((keep, contender))
            if before is None or before[0] != seen:
                before = seen, score(each, label, kind, **settings)  # type: ignore[arg-type]
                if keep:
                    with self._lock:
                        self._scores[keep, contender] = before
            found.append(before[1])
        return found


@dataclass(frozen=True)
class _Known:
    """The version of a set that is shown."""

    task_set: TaskSet | None
    """None: it is not at hand."""
    digest: str
    version: str
    trouble: str = ""
    """Why it is not."""


def _early(
    snapshot: Snapshot, run: str, started: RunStarted, task_set: TaskSet | None, counts: Collection[Counts]
) -> Iterator[tuple[str, Cell, tuple[int, int]]]:
    """Contender, cell, its passes and fails in a run, of tasks that come after one that has trials to come."""
    sealed = {*seals_of(snapshot, started.task_set), *(task for each in counts for task in each.sealed)}
    sealed |= {task.id for task in (task_set.tasks if task_set else ()) if task.sealed}
    tried = _wordings(started, task_set, counts)
    c = t.counted.c
    key = c.contender, c.task, c.variant
    sums = select(*key, func.count(), func.sum(cast(c.passed, Integer))).where(c.run == run).group_by(*key)
    judged = {(who, (task, v)): (n, won) for who, task, v, n, won in snapshot.connection.execute(sums)}
    void = _given_up(snapshot, run)
    for who in started.contenders:
        met: set[bool] = set()  # sealed tasks, which stand in the gap, and open ones are two sequences
        for task in started.tasks:
            cells = [(who, (task, variant)) for variant in tried.get(task, {""})]
            if any(judged.get(cell, (0, 0))[0] + void[cell] < started.trials for cell in cells):
                met.add(task in sealed)
            if (task in sealed) in met:
                for cell in cells:
                    if found := judged.get(cell):
                        yield *cell, (found[1], found[0] - found[1])


def _wordings(
    started: RunStarted, task_set: TaskSet | None, counts: Collection[Counts]
) -> dict[str, set[str]]:
    """Those of each task that a run tries; where its version of the set is gone, those that anybody tried."""
    if task_set and task_set.digest == started.digest:
        return {task.id: set(wordings(task, variants=started.variants)) for task in task_set.tasks}
    found: dict[str, set[str]] = {}
    for task, variant in (cell for each in counts for cell in each.passed if started.variants):
        found.setdefault(task, {""}).add(variant)
    return found


def _given_up(snapshot: Snapshot, run: str) -> Counter[tuple[str, Cell]]:
    """How many trials of each contender and cell stay void."""
    c = t.trials.c
    key = c.contender, c.task, c.variant, c.trial
    often = select(*key).where(c.run == run).group_by(*key)
    often = often.having(
        func.count() >= ATTEMPTS, func.count() == func.sum(cast(c.result == "void", Integer))
    )
    return Counter((row.contender, (row.task, row.variant)) for row in snapshot.connection.execute(often))


def _uses(task_set: TaskSet) -> list[str]:
    found: set[str] = {name for task in task_set.tasks for name in task.uses}
    if any(task.tools for task in task_set.tasks):
        found.add("tools")
    if any(task.scene for task in task_set.tasks):
        found.add("dialogue")
    return [name for name in ("tools", "sandbox", "browser", "dialogue") if name in found]


def _checked(row: Row[Any] | None, report: CheckReport | None) -> Literal["passed", "failed", "unchecked"]:
    if report is not None and not report.ok:
        return "failed"
    return "passed" if report is not None or (row is not None and row.checked) else "unchecked"


def _verifiers(
    task_set: TaskSet | None, row: Row[Any] | None, report: CheckReport | None
) -> list[VerifierLine]:
    """As last measured here; else as the ledger has it."""
    measured = [each.model_dump() for each in report.verifiers] if report else row.verifiers if row else ()
    known = {each["name"]: each for each in measured}
    kinds = [task.verifier.kind for task in task_set.tasks] if task_set else list(known)
    found = []
    for kind in sorted(set(kinds) | known.keys()):
        wrong, passed = (int(known[kind][n]) if kind in known else 0 for n in ("wrong", "passed"))
        upper = clopper_pearson(passed, wrong, 0.90).upper if wrong else None  # one-sided 95%
        found.append(
            VerifierLine(kind=kind, tasks=kinds.count(kind), wrong=wrong, passed=passed, upper=upper)
        )
    return found


def _tasks(task_set: TaskSet | None, counts: Mapping[str, Counts]) -> list[TaskLine]:
    cells: dict[str, dict[str, Share]] = {}
    sealed: set[str] = set()
    for digest, each in counts.items():
        sealed |= each.sealed
        sums: dict[str, list[int]] = {}
        for cell in each.passed:
            total = sums.setdefault(cell[0], [0, 0, 0])
            for place, source in enumerate((each.passed, each.failed, each.void)):
                total[place] += source.get(cell, 0)
        for task, (passed, failed, void) in sums.items():
            cells.setdefault(task, {})[digest] = Share(passed=passed, failed=failed, void=void)
    tasks = {task.id: task for task in task_set.tasks} if task_set else {}
    return [
        TaskLine(
            id=name,
            title=_title(tasks.get(name)),
            tags=[]
            if _is_sealed(tasks.get(name), name in sealed)
            else list(tasks[name].tags if name in tasks else ()),
            sealed=_is_sealed(tasks.get(name), name in sealed),
            variants=len(tasks[name].variants) if name in tasks else 0,
            cells=cells.get(name, {}),
        )
        for name in (*tasks, *sorted(cells.keys() - tasks.keys()))
    ]


def _title(task: Task | None) -> str:
    return task.title if task and not task.sealed else ""


def _is_sealed(task: Task | None, was: bool) -> bool:
    return task.sealed if task else was
