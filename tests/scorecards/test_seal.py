"""Sealed tasks: published as commitments only, given only to those who are trusted, and nowhere else to be found."""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fieldmark.cli import _score_junit, score
from fieldmark.contenders import ContenderSpec
from fieldmark.errors import InputError
from fieldmark.fields import Roster, load_field, open_ledger
from fieldmark.ledger.evidence import RunEnded, TasksSealed, TrialEnded, VerdictGiven
from fieldmark.scorecards import Cards as ScoreCards
from fieldmark.scorecards import Runs, Wanted, load_set, seal, sealed_for, write_bundle
from tests.house import Browser, Served, endpoint, write_field
from tests.scorecards.stub import Body, Said, refusal, stub
from tests.upstream import Upstream

NEEDLE = "quokka"
"""In everything of the sealed task that somebody could read: its folder, texts, answers, explanations."""
TRUSTED = 'trusted = ["alder"]'


def _task(folder: Path, name: str, question: str, answer: str) -> None:
    (folder / name / "variants").mkdir(parents=True)
    (folder / name / "oracle").mkdir()
    (folder / name / "cheat" / f"guess-{name}").mkdir(parents=True)
    (folder / name / "task.toml").write_text(
        f'title = "About {name}"\ntags = ["{name}"]\nkind = "riddle"\n'
        f'[[checks]]\nkind = "exact"\nequals = "{answer}"\n'
    )
    (folder / name / "instruction.md").write_text(question)
    (folder / name / "variants" / f"{name}-again.md").write_text(f"Once more: {question}")
    (folder / name / "oracle" / "answer.md").write_text(answer)
    (folder / name / "cheat" / f"guess-{name}" / "answer.md").write_text("a guess")


def make_field(folder: Path, url: str = "http://127.0.0.1:9/v1", rules: str = TRUSTED) -> Path:
    """A field with a set of its own: two open riddles and a sealed one."""
    contenders = endpoint("alder", url, "echo") + endpoint("birch", url, "echo", 'system = "Be brief."')
    write_field(folder, contenders, f"[scorecards]\n{rules}")
    riddles = folder / "scorecards" / "riddles"
    _task(riddles / "tasks", "river", "What runs but has no legs?", "a river")
    _task(riddles / "tasks", "towel", "What gets wetter as it dries?", "a towel")
    _task(riddles / "sealed", f"the-{NEEDLE}", f"Say {NEEDLE}, please.", f"{NEEDLE}!")
    (riddles / "scorecard.toml").write_text('name = "riddles"\ntitle = "Riddles"\nlicence = "CC0-1.0"\n')
    return folder


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Runs, None]:
    field = load_field(folder)
    with open_ledger(field) as ledger:
        roster = Roster(ledger)
        await roster.sync(field)
        runs = Runs(ledger, roster, field)
        try:
            yield runs
        finally:
            await runs.close()
            await roster.close()


async def finished(runs: Runs, wanted: Wanted) -> str:
    begun = await runs.start(wanted)
    stop = await runs.wait(begun.id)
    assert stop.reason == "complete", stop
    return begun.id


def bytes_of(folder: Path) -> bytes:
    """Every byte that the program keeps: ledger, its texts, logs, caches."""
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def test_a_needle_in_a_sealed_task_is_found_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Upstream() as upstream:
        folder = make_field(tmp_path / "field", upstream.url)
        async with opened(folder) as runs:
            seal(load_set("riddles", folder), folder, runs.ledger, actor="scorecards")
            names = ["alder", "birch", "oracle", "seeded:0.5"]
            await finished(runs, Wanted("riddles", names, trials=2, unchecked=True))
            cards = ScoreCards(runs.ledger, runs.catalogue)
            card = cards.card("riddles", runs.views())
            assert NEEDLE not in card.model_dump_json()
            gaps = {score.name: score.gap for score in card.line.scores}
            assert gaps["birch"] is None  # it was given open tasks only
            assert gaps["oracle"] is not None
            assert (gaps["oracle"].difference.value, gaps["oracle"].sealed.n) == (0, 1)
            write_bundle(cards, "riddles", runs.views("riddles"), tmp_path / "bundle.zip")
            with runs.ledger.read() as snapshot:
                entries = list(snapshot.entries())
                trials = [e.record.body for e in entries if isinstance(e.record.body, TrialEnded)]
                shown = [cards.trial(e.record.id) for e in entries if isinstance(e.record.body, TrialEnded)]
                given = [e for e in entries if isinstance(e.record.body, VerdictGiven | TrialEnded)]
            (tmp_path / "export").mkdir()
            runs.ledger.export(tmp_path / "export" / "records", texts=tmp_path / "export" / "texts")
        sealed = [trial for trial in trials if trial.sealed]
        # Two wordings, twice, by each that may; birch is not among them.
        assert len(sealed) == 3 * 4
        assert {trial.variant for trial in sealed} == {"", "v1"}
        assert all(trial.artifacts == () for trial in sealed)
        assert len({trial.contender for trial in sealed}) == 3
        opaque = {trial.task for trial in sealed}
        assert len(opaque) == 1
        assert not any(e.record.commitments for e in given if getattr(e.record.body, "sealed", False))
        assert not any(view.events or view.answer or view.explanation for view in shown if view.sealed)
        asked = [json.dumps(seen.body) for seen in upstream.seen]
        assert sum(NEEDLE in text for text in asked) == 4  # alder's own trials, nobody else's
    state = bytes_of(folder / ".fieldmark" / "sealed")
    assert NEEDLE.encode() in state  # which folder has which id: for the operator's eyes
    kept = bytes_of(folder / ".fieldmark").replace(state, b"")
    assert b"What runs but has no legs?" in kept  # an open task's text is there, where one would find it
    assert NEEDLE.encode() not in kept
    for path in (tmp_path / "export", tmp_path / "bundle.zip"):
        assert NEEDLE.encode() not in (bytes_of(path) if path.is_dir() else _unpacked(path))
    assert NEEDLE not in caplog.text


def _unpacked(path: Path) -> bytes:
    import zipfile

    with zipfile.ZipFile(path) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


async def test_an_endpoint_that_repeats_a_sealed_task_in_its_errors_tells_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Three refusals in a row make the run pause, with the words of the last."""

    def says(body: Body) -> Said:
        return refusal(400, f"I cannot answer: {body['messages'][-1]['content']}")

    caplog.set_level(logging.DEBUG)
    async with stub(says) as (url, seen), opened(make_field(tmp_path / "field", url)) as runs:
        (sealed,) = seal(
            load_set("riddles", runs.field.folder), runs.field.folder, runs.ledger, actor="me"
        ).values()
        wanted = Wanted("riddles", ["alder"], tasks=[sealed.id], trials=2, unchecked=True)
        run = (await runs.start(wanted, workers=1)).id
        stop = await runs.wait(run)
        assert (stop.reason, stop.detail) == (None, "refused (400) at a sealed task")
        view = runs.view(run)
        assert (view.state, view.detail, view.void) == ("paused", stop.detail, 3)
        cards = ScoreCards(runs.ledger, runs.catalogue)
        _score_junit.write(tmp_path / "junit.xml", cards, view, cards.of_run(run))
    asked = [json.dumps(body) for body in seen if NEEDLE in json.dumps(body)]
    assert len(asked) == 3
    assert f"run {run} pauses: refused (400) at a sealed task" in caplog.text
    assert NEEDLE not in caplog.text
    assert "record " in (tmp_path / "junit.xml").read_text()
    assert NEEDLE not in (tmp_path / "junit.xml").read_text()
    state = bytes_of(tmp_path / "field" / ".fieldmark" / "sealed")
    assert NEEDLE.encode() not in bytes_of(tmp_path / "field" / ".fieldmark").replace(state, b"")


async def test_the_page_tells_nothing_of_a_sealed_task(tmp_path: Path) -> None:
    folder = make_field(tmp_path / "field")
    with Served(folder) as served:
        browser = await Browser(served.url).begin()
        pages = [await browser.get("/api/v1/scorecards"), await browser.get("/api/v1/scorecards/riddles")]
        begun = await browser.post(
            "/api/v1/scorecards/riddles/runs", {"contenders": ["oracle"], "trials": 1, "unchecked": True}
        )
        assert begun.status in {400, 422}
        assert "never sealed" in begun.text
        broken = folder / "scorecards" / "riddles" / "sealed" / f"the-{NEEDLE}" / "task.toml"
        broken.write_text(f'{NEEDLE} = "no such key"\n')
        served.house.runs.catalogue._known.clear()
        pages += [
            begun,
            await browser.get("/api/v1/scorecards"),
            await browser.get("/api/v1/scorecards/riddles"),
        ]
        assert "a sealed task is wrong" in pages[-2].text
    for page in pages:
        assert NEEDLE not in page.text


async def test_no_run_before_a_seal_and_none_after_a_change(tmp_path: Path) -> None:
    folder = make_field(tmp_path / "field")
    wanted = Wanted("riddles", ["oracle"], trials=1, unchecked=True)
    async with opened(folder) as runs:
        with pytest.raises(InputError, match="never sealed"):
            await runs.start(wanted)
        await finished(runs, Wanted("riddles", ["oracle"], trials=1, tasks=["river"], unchecked=True))
        first = seal(load_set("riddles", folder), folder, runs.ledger, actor="scorecards")
        assert seal(load_set("riddles", folder), folder, runs.ledger, actor="scorecards") == first
        runs.catalogue._known.clear()
        await finished(runs, wanted)
        text = folder / "scorecards" / "riddles" / "sealed" / f"the-{NEEDLE}" / "instruction.md"
        before = runs.catalogue.get("riddles").digest
        text.write_text("Easier now.")
        runs.catalogue._known.clear()
        assert (
            runs.catalogue.get("riddles").digest == before
        )  # sealed tasks are not in it, nobody can guess at them
        with pytest.raises(InputError, match="no longer what was sealed"):
            await runs.start(wanted)
        second = seal(load_set("riddles", folder), folder, runs.ledger, actor="scorecards")
        name = f"the-{NEEDLE}"
        assert second[name].id != first[name].id  # another task: its results do not count with the old one's
        with runs.ledger.read() as snapshot:
            seals = [e.record.body for e in snapshot.entries(types=[TasksSealed])]
        assert [len(each.tasks) for each in seals if isinstance(each, TasksSealed)] == [1, 1]
    kept = json.loads((folder / ".fieldmark" / "sealed" / "riddles.json").read_text())
    assert [each["id"] for each in kept["former"]] == [first[name].id]


async def test_a_sealed_task_changed_in_mid_run_ends_it(tmp_path: Path) -> None:
    with Upstream() as upstream:
        folder = make_field(tmp_path / "field", upstream.url)
        text = folder / "field.toml"
        text.write_text(text.read_text().replace('model = "echo"', 'model = "gated"'))
        async with opened(folder) as runs:
            seal(load_set("riddles", folder), folder, runs.ledger, actor="scorecards")
            begun = await runs.start(Wanted("riddles", ["alder"], trials=1, unchecked=True))
            path = folder / "scorecards" / "riddles" / "sealed" / f"the-{NEEDLE}" / "instruction.md"
            path.write_text("Easier now.")
            runs.catalogue._known.clear()
            upstream.release()
            stop = await runs.wait(begun.id)
            assert (stop.reason, "no longer what was sealed" in stop.detail) == ("contender_changed", True)
            with runs.ledger.read() as snapshot:
                (end,) = [e.record.body for e in snapshot.entries(types=[RunEnded])]
            assert NEEDLE not in str(end)


async def test_a_commitment_can_be_checked_with_salt_and_folder_alone(tmp_path: Path) -> None:
    """The second way: as a stranger would, from the words of the docs."""
    import hashlib

    folder = make_field(tmp_path / "field")
    async with opened(folder) as runs:
        said = seal(load_set("riddles", folder), folder, runs.ledger, actor="scorecards")
    path = folder / ".fieldmark" / "sealed" / "riddles.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    name = f"the-{NEEDLE}"
    salt = bytes.fromhex(json.loads(path.read_text())["tasks"][name]["salt"])
    assert len(salt) == 32
    place = folder / "scorecards" / "riddles" / "sealed" / name
    lines = [
        f'"{file.relative_to(place).as_posix()}" {hashlib.sha256(file.read_bytes()).hexdigest()}\n'
        for file in sorted(place.rglob("*"), key=lambda f: f.relative_to(place).as_posix())
        if file.is_file()
    ]
    assert hashlib.sha256(salt + "".join(lines).encode()).hexdigest() == said[name].commitment


async def test_what_its_own_checks_find_is_not_told_either(tmp_path: Path) -> None:
    folder = make_field(tmp_path / "field")
    sealed = folder / "scorecards" / "riddles" / "sealed" / f"the-{NEEDLE}"
    (sealed / "oracle" / "answer.md").write_text(f"{NEEDLE}?")
    async with opened(folder) as runs:
        seal(load_set("riddles", folder), folder, runs.ledger, actor="scorecards")
        begun = await runs.start(Wanted("riddles", ["oracle"], trials=1))
        stop = await runs.wait(begun.id)
        assert stop.reason == "failed"
        assert stop.detail == "a sealed task fails its own checks; `fieldmark score check` says how"
    kept = [
        path for path in (folder / ".fieldmark").rglob("*") if path.is_file() and path.parent.name != "sealed"
    ]
    assert not [path for path in kept if NEEDLE.encode() in path.read_bytes()]


def test_who_may_be_given_sealed_tasks() -> None:
    weights = ContenderSpec(name="birch", kind="weights", model="smollm2-135m")
    here = ContenderSpec(name="alder", kind="endpoint", url="http://127.0.0.1:8080/v1", model="m")
    assert sealed_for("birch", weights, [])
    assert sealed_for("oracle", None, [])
    assert not sealed_for("alder", here, ["birch"])  # whatever listens there may pass it on
    assert sealed_for("alder", here, ["alder"])


async def test_a_task_among_the_open_ones_cannot_be_sealed(tmp_path: Path) -> None:
    folder = make_field(tmp_path / "field")
    river = folder / "scorecards" / "riddles" / "tasks" / "river" / "task.toml"
    river.write_text("sealed = true\n" + river.read_text())
    async with opened(folder) as runs:
        with pytest.raises(InputError, match="stands among the open ones"):
            seal(load_set("riddles", folder), folder, runs.ledger, actor="scorecards")
        with pytest.raises(InputError, match="never sealed"):
            await runs.start(Wanted("riddles", ["oracle"], trials=1, unchecked=True))
        with pytest.raises(InputError, match="has no sealed tasks"):
            seal(load_set("clock"), folder, runs.ledger, actor="scorecards")


async def test_a_judge_that_nobody_trusts_is_not_shown_a_sealed_task(tmp_path: Path) -> None:
    folder = make_field(tmp_path / "field")
    place = folder / "scorecards" / "riddles" / "sealed" / f"the-{NEEDLE}" / "task.toml"
    judge = 'contender = { kind = "endpoint", url = "http://127.0.0.1:9/v1", model = "m" }'
    place.write_text(f'[[checks]]\nkind = "model_judge"\nquestion = "Is it right?"\n{judge}\n')
    async with opened(folder) as runs:
        seal(load_set("riddles", folder), folder, runs.ledger, actor="scorecards")
        with pytest.raises(InputError, match="judged by a model that may not see it"):
            await runs.start(Wanted("riddles", ["oracle"], trials=1, unchecked=True))


def test_sealing_on_the_command_line(tmp_path: Path) -> None:
    folder = make_field(tmp_path / "field")
    app = typer.Typer()
    score.add_to(app)
    result = CliRunner().invoke(app, ["score", "seal", "riddles", "--field", str(folder)])
    assert result.exit_code == 0, result.output
    assert "1 sealed" in result.output
    assert f"the-{NEEDLE}" in result.output


async def test_a_sealed_file_that_cannot_be_read_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How a run ends stands in the ledger for ever; the words of the system name the file."""
    async with opened(make_field(tmp_path / "field")) as runs:
        seal(load_set("riddles", runs.field.folder), runs.field.folder, runs.ledger, actor="me")

        def broken(name: str) -> str:
            raise PermissionError(13, "Permission denied", f"sealed/the-{NEEDLE}/task.toml")

        monkeypatch.setattr(runs.catalogue, "digest", broken)
        run = (await runs.start(Wanted("riddles", ["oracle"], trials=1, unchecked=True))).id
        stop = await runs.wait(run)
        assert (stop.reason, NEEDLE in stop.detail) == ("contender_changed", False), stop
        assert "Permission denied" in stop.detail
