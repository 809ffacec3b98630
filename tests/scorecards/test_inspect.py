"""Inspect both ways: its task as a task set, its logs out and in, and our sandbox under its hood."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path
from textwrap import dedent

import pytest

pytest.importorskip("inspect_ai", reason="the extra `inspect` is not installed")
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Inspect's own streams
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

from inspect_ai.log import read_eval_log, write_eval_log  # noqa: E402

from fieldmark.errors import Conflict, InputError, NotFound  # noqa: E402
from fieldmark.ledger import Ledger, every_projection  # noqa: E402
from fieldmark.ledger.evidence import RunEnded, RunStarted, TrialEnded, VerdictGiven  # noqa: E402
from fieldmark.sandbox import SANDBOXES  # noqa: E402
from fieldmark.scorecards import (  # noqa: E402
    Bench,
    Played,
    Solution,
    Task,
    TaskSet,
    TrialKey,
    Variant,
    play,
)
from fieldmark.scorecards._records import end_run, seen_of, start_run, write_trial  # noqa: E402
from fieldmark.scorecards.agents import Scripted  # noqa: E402
from fieldmark.scorecards.inspect import export_logs, import_log, inspect_set  # noqa: E402
from fieldmark.scorecards.verifiers import make  # noqa: E402

SUMS = dedent('''
    from inspect_ai import Task, task
    from inspect_ai.dataset import Sample
    from inspect_ai.scorer import includes
    from inspect_ai.solver import generate, system_message, use_tools
    from inspect_ai.tool import tool

    @tool
    def add():
        async def execute(x: int, y: int):
            """Add two numbers.

            Args:
                x: The first.
                y: The second.
            """
            return str(x + y)
        return execute

    @task
    def sums():
        dataset = [Sample(id="small", input="What is 2 + 3?", target="5"), Sample(input="What is 40 + 4?", target="44")]
        return Task(dataset=dataset, solver=[system_message("Be brief."), use_tools(add()), generate()],
                    scorer=includes(), version="3")

    @task
    def other():
        return Task(dataset=[Sample(input="Hi", target="Hi")], scorer=includes())
''')
BOXED = dedent("""
    from inspect_ai import Task, task
    from inspect_ai.dataset import Sample
    from inspect_ai.scorer import Score, accuracy, scorer
    from inspect_ai.util import sandbox

    @scorer(metrics=[accuracy()])
    def written():
        async def score(state, target):
            await sandbox().write_file("notes/answer.txt", state.output.completion)
            seen = await sandbox().exec(["cat", "notes/answer.txt"])
            ask = "import socket; socket.create_connection(('192.0.2.1', 9), 1)"
            net = await sandbox().exec(["python3", "-c", ask])
            read = await sandbox().read_file("notes/answer.txt")
            good = seen.stdout == read == target.text and not net.success
            return Score(value="C" if good else "I", explanation=seen.stdout + net.stderr[-200:])
        return score

    @task
    def boxed():
        return Task(dataset=[Sample(input="Say yes", target="yes")], scorer=written(), sandbox="fieldmark")
""")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sums.py"
    path.write_text(SUMS)
    return path


def taken(place: str, *solutions: Solution | None) -> list[Played]:
    found = inspect_set(place)

    async def all_() -> list[Played]:
        return [await play(t, Scripted(s), Bench()) for t in found.tasks for s in solutions]

    return asyncio.run(all_())


def test_an_inspect_task_is_a_task_set(file: Path) -> None:
    found = inspect_set(f"{file}@sums")
    assert (found.name, found.version, [t.id for t in found.tasks]) == ("sums", "3", ["small", "sample-2"])
    called = Solution("It is 5", calls=[("add", {"x": 2, "y": 3})])
    small, wrong, *_ = taken(f"{file}@sums", called, None)
    assert small.verdict.result == "pass"
    assert small.attempt.calls[0].result == "5"
    assert "Be brief." in small.attempt.events[0].data["text"]
    assert (wrong.verdict.result, wrong.verdict.score) == ("fail", 0.0)


def test_oracles_pass_since_targets_are_known(file: Path) -> None:
    tasks = inspect_set(f"{file}@sums").tasks
    played = [asyncio.run(play(t, Scripted(t.oracle), Bench())) for t in tasks]
    assert [p.verdict.result for p in played] == ["pass", "pass"]


def test_the_digest_follows_the_file(file: Path) -> None:
    before = inspect_set(f"{file}@sums").digest
    assert inspect_set(f"{file}@sums").digest == before
    file.write_text(SUMS.replace("Be brief.", "Be quick."))
    assert inspect_set(f"{file}@sums").digest != before


def test_what_cannot_be_loaded_is_said(file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        inspect_set(str(file))
    assert "sums" in caught.value.hint
    with pytest.raises(NotFound):
        inspect_set(str(tmp_path / "none.py"))
    (tmp_path / "broken.py").write_text(f"{SUMS}\n1 / 0\n")
    with pytest.raises(InputError):
        inspect_set(f"{tmp_path}/broken.py@sums")


def test_our_sandbox_serves_inspect(tmp_path: Path) -> None:
    if trouble := SANDBOXES.get("bubblewrap").trouble():
        pytest.skip(trouble)
    path = tmp_path / "boxed.py"
    path.write_text(BOXED)
    (played,) = taken(str(path), Solution("yes"))
    assert played.verdict.result == "pass", played.verdict.explanation


def test_logs_go_out_and_come_in(file: Path, tmp_path: Path) -> None:
    found = inspect_set(f"{file}@sums")
    with Ledger.open(tmp_path / "one.db", field="f", projections=every_projection()) as ledger:
        digest, twin = "a" * 64, "b" * 64
        ids = tuple(t.id for t in found.tasks)
        started = RunStarted(
            task_set=found.name, digest=found.digest, contenders=(digest, twin),
            labels={digest: "ann/1", twin: "ann 1"}, tasks=ids,
            variants=False, trials=2, seed=1, sandbox="none", planned=8,
        )  # fmt: skip
        run = start_run(ledger, seen_of(found, checked=False), started)
        solution = Solution("It is\u2028\x855", calls=[("add", {"x": 2, "y": 3})])
        for task in found.tasks:
            for number in (1, 2):
                played = asyncio.run(play(task, Scripted(solution if number == 1 else None), Bench()))
                for contender in (digest, twin):
                    key = TrialKey(run, task.id, "", contender, number)
                    ledger.write(lambda now, k=key, t=task, p=played: write_trial(now, k, t, p, 7))  # type: ignore[misc]
        with ledger.read() as snapshot:
            assert read_eval_log(str(export_logs(snapshot, run, tmp_path / "early")[0])).status == "started"
        ledger.write(lambda now: end_run(now, run, RunEnded(reason="complete")))
        with ledger.read() as snapshot:
            path, other = export_logs(snapshot, run, tmp_path / "logs")
    assert path != other
    assert zipfile.is_zipfile(path)
    log = read_eval_log(str(path))
    assert log.status == "success"
    assert log.eval.model == "fieldmark/ann/1"
    assert log.results is not None
    assert log.results.scores[0].metrics["accuracy"].value == 0.25
    samples = sorted(log.samples or [], key=lambda s: (s.id != "small", s.epoch))
    assert [(str(s.id), s.epoch) for s in samples] == [
        ("small", 1),
        ("small", 2),
        ("sample-2", 1),
        ("sample-2", 2),
    ]
    assert [m.role for m in samples[0].messages] == ["user", "assistant", "tool", "assistant"]
    with Ledger.open(tmp_path / "two.db", field="g", projections=every_projection()) as ledger:
        run = import_log(ledger, path)
        with ledger.read() as snapshot:
            trials = [e.record.body for e in snapshot.entries() if isinstance(e.record.body, TrialEnded)]
            verdicts = [e.record.body for e in snapshot.entries() if isinstance(e.record.body, VerdictGiven)]
        assert sorted(v.result for v in verdicts) == ["fail", "fail", "fail", "pass"]
        assert sorted(t.steps for t in trials) == [1, 1, 2, 2]
        with pytest.raises(Conflict):
            import_log(ledger, path)
        ledger.verify()
    bad = tmp_path / "bad.eval"
    bad.write_bytes(b"no log")
    with (
        Ledger.open(tmp_path / "two.db", field="g", projections=every_projection()) as ledger,
        pytest.raises(InputError),
    ):
        import_log(ledger, bad)


def test_wordings_and_setups_keep_their_identity(tmp_path: Path) -> None:
    verifier = make("exact", {"equals": "4"})
    task = Task("sum", "2 + 2?", verifier, variants=[Variant("said", "paraphrase", "two and two?")])
    found = TaskSet("sums", [task])
    with Ledger.open(tmp_path / "one.db", field="f", projections=every_projection()) as ledger:
        started = RunStarted(
            task_set="sums", digest=found.digest, contenders=("a" * 64,), labels={"a" * 64: "ann"},
            tasks=("sum",), variants=True, trials=1, seed=1, sandbox="none", planned=2,
        )  # fmt: skip
        run = start_run(ledger, seen_of(found, checked=False), started)
        for variant in (None, *task.variants):
            played = asyncio.run(play(task, Scripted(Solution("4")), Bench(), variant=variant))
            key = TrialKey(run, "sum", variant.id if variant else "", "a" * 64, 1)
            ledger.write(lambda now, k=key, p=played: write_trial(now, k, task, p, 7))  # type: ignore[misc]
        with ledger.read() as snapshot:
            (path,) = export_logs(snapshot, run, tmp_path / "logs")
    log = read_eval_log(str(path))
    log.eval.eval_id, log.eval.run_id = "another", "another"
    log.eval.model_generate_config.temperature = 1.5
    write_eval_log(log, str(tmp_path / "warm.eval"))
    with Ledger.open(tmp_path / "two.db", field="g", projections=every_projection()) as ledger:
        for each in (path, tmp_path / "warm.eval"):
            import_log(ledger, each)
        with ledger.read() as snapshot:
            trials = [e.record.body for e in snapshot.entries(types=[TrialEnded])]
    assert [(t.task, t.variant) for t in trials if isinstance(t, TrialEnded)] == [
        ("sum", ""),
        ("sum", "said"),
    ] * 2
    assert len({t.contender for t in trials if isinstance(t, TrialEnded)}) == 2
