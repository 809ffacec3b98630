"""Trials of a run as `.eval` logs, which Inspect reads and views: one log for each contender."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalError,
    EvalLog,
    EvalMetric,
    EvalPlan,
    EvalPlanStep,
    EvalResults,
    EvalSample,
    EvalScore,
    EvalSpec,
    EvalStats,
    write_eval_log,
)
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    ChatMessageUser,
    ModelOutput,
    ModelUsage,
)
from inspect_ai.scorer import CORRECT, INCORRECT, Score
from inspect_ai.tool import ToolCall, ToolCallError
from sqlalchemy import Row

import fieldmark
from fieldmark.errors import NotFound
from fieldmark.ledger import Snapshot
from fieldmark.ledger.evidence import RunStarted
from fieldmark.scorecards._query import KeptTrial, kept_of_run, run_row
from fieldmark.scorecards._records import read_run
from fieldmark.scorecards.views import TrialEvent

SCORER = "fieldmark"


def export_logs(snapshot: Snapshot, run: str, folder: Path) -> list[Path]:
    """Write the trials of a run into `folder`, one `.eval` file for each contender; their paths.

    Sealed trials are told without their text. A void is an error of its sample, and has no score. A log is a `success`
    only when its run has all its verdicts or was precise enough; else it is `started` (it may go on) or `cancelled`.

    Raises:
        NotFound: there is no such run, or it has no trials yet.
    """
    started = read_run(snapshot, run)
    told: dict[str, list[KeptTrial]] = defaultdict(list)
    for each in kept_of_run(snapshot, run):
        told[each.row.contender].append(each)
    if not told:
        raise NotFound(f"the run {run} has no trials yet")
    folder.mkdir(parents=True, exist_ok=True)
    begun, status = snapshot.entry(run).record.at, _status(run_row(snapshot, run))
    return [
        _write(folder, run, begun, started, digest, trials, status) for digest, trials in sorted(told.items())
    ]


def _status(row: Row[Any]) -> Literal["started", "success", "cancelled"]:
    if row.ended is None:
        return "started"
    return "success" if row.ended == "precise" or row.done >= row.planned else "cancelled"


def _write(
    folder: Path,
    run: str,
    begun: str,
    started: RunStarted,
    digest: str,
    told: Sequence[KeptTrial],
    status: Literal["started", "success", "cancelled"],
) -> Path:
    name = started.labels.get(digest, digest[:8])
    model = f"fieldmark/{name}"
    samples = [_sample(each, model) for each in told]
    stamp = begun[:19].replace(":", "-")
    spec = EvalSpec(
        created=begun,
        run_id=run,
        eval_id=f"{run}-{digest[:8]}",
        task=started.task_set,
        task_id=f"{started.task_set}-{digest[:8]}",
        task_version=started.digest[:12],
        dataset=EvalDataset(
            name=started.task_set,
            samples=len({s.id for s in samples}),
            sample_ids=sorted({str(s.id) for s in samples}),
        ),
        model=model,
        config=EvalConfig(epochs=started.trials),
        packages={"fieldmark": fieldmark.__version__},
        metadata={"run": run, "contender": digest, "task_set": started.digest, "seed": started.seed},
    )
    scored = [s for s in samples if s.scores]
    log = EvalLog(
        status=status,
        eval=spec,
        plan=EvalPlan(steps=[EvalPlanStep(solver="fieldmark")]),
        results=_results(samples, scored),
        stats=EvalStats(
            started_at=begun, completed_at=told[-1].entry.record.at, model_usage=_usage(told, model)
        ),
        samples=samples,
    )
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
    path = folder / f"{stamp}_{started.task_set}_{safe}_{spec.eval_id}.eval"
    write_eval_log(log, str(path), format="eval")
    return path


def _results(samples: Sequence[EvalSample], scored: Sequence[EvalSample]) -> EvalResults:
    by_task: dict[str, list[float]] = defaultdict(list)
    for sample in scored:
        assert sample.scores is not None
        by_task[str(sample.id)].append(float(sample.scores[SCORER].value == CORRECT))
    rates = [sum(passed) / len(passed) for passed in by_task.values()]
    metrics = {"accuracy": EvalMetric(name="accuracy", value=sum(rates) / len(rates))} if rates else {}
    score = EvalScore(
        name=SCORER,
        scorer=SCORER,
        scored_samples=len(scored),
        unscored_samples=len(samples) - len(scored),
        metrics=metrics,
    )
    return EvalResults(total_samples=len(samples), completed_samples=len(scored), scores=[score])


def _usage(told: Iterable[KeptTrial], model: str) -> dict[str, ModelUsage]:
    asked = answered = 0
    for each in told:
        asked += each.trial.prompt_tokens or 0
        answered += each.trial.answer_tokens or 0
    if not asked and not answered:
        return {}
    return {model: ModelUsage(input_tokens=asked, output_tokens=answered, total_tokens=asked + answered)}


def _sample(told: KeptTrial, model: str) -> EvalSample:
    trial, verdict = told.trial, told.verdict
    messages = list(_messages(told.events))
    first = next((m.text for m in messages if m.role == "user"), "(sealed)" if trial.sealed else "")
    answer = next((m.text for m in reversed(messages) if m.role == "assistant"), "")
    sample = EvalSample(
        id=f"{trial.task}/{trial.variant}" if trial.variant else trial.task,
        epoch=trial.trial,
        input=first,
        target="",
        messages=messages,
        output=ModelOutput.from_content(model, answer),
        metadata={
            "ended": trial.ended,
            "attempt": trial.attempt,
            "seed": trial.seed,
            "record": told.entry.record.id,
        },
        started_at=None,
        completed_at=told.entry.record.at,
        total_time=trial.ms / 1000,
        working_time=trial.ms / 1000,
    )
    if verdict is None or verdict.result == "void":
        why = f"void ({verdict.void}): {told.explanation}" if verdict else "no verdict"
        sample.error = EvalError(message=why, traceback="", traceback_ansi="")
        return sample
    value = CORRECT if verdict.result == "pass" else INCORRECT
    score = Score(value=value, answer=answer, explanation=told.explanation, metadata={"score": verdict.score})
    sample.scores = {SCORER: score}
    return sample


def _messages(events: Sequence[TrialEvent]) -> Iterator[ChatMessage]:
    waiting: list[str] = []
    for number, event in enumerate(events):
        data = event.data
        match event.kind:
            case "told":
                yield ChatMessageUser(content=data.get("text", ""))
            case "said":
                yield ChatMessageAssistant(content=data.get("text", ""))
            case "call":
                waiting.append(f"call-{number}")
                call = ToolCall(id=waiting[-1], function=data["name"], arguments=dict(data["arguments"]))
                yield ChatMessageAssistant(content="", tool_calls=[call])
            case "result" if waiting:
                error = ToolCallError("unknown", data["text"]) if data.get("error") else None
                yield ChatMessageTool(
                    content=data["text"], tool_call_id=waiting.pop(0), function=data["name"], error=error
                )
            case _:
                pass
