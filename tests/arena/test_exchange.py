"""Votes out of a field and into it: every format, what is refused and where, and that nothing is counted twice."""

from __future__ import annotations

import csv
import json
import string
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fieldmark.arena import (
    FORMATS,
    ArenaProjection,
    BallotFile,
    Format,
    Wanted,
    export_votes,
    import_votes,
    imported_digest,
    read_votes,
)
from fieldmark.errors import Conflict, InputError, VotesFileError
from fieldmark.fields import RosterProjection, known_contenders
from fieldmark.ledger import Ledger
from fieldmark.ledger.evidence import (
    AdminAct,
    AnswerEnded,
    BattleStarted,
    ContenderSeen,
    Evidence,
    TurnStarted,
    VoteCast,
)
from tests.arena.ledgers import DIGEST, Ballot, cast, open_ledger, recount, retract, stored_counts, trees

IMPORTED = Wanted(("imported",))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with trees(tmp_path) as ledger:
        yield ledger


def fresh(folder: Path) -> Ledger:
    folder.mkdir()
    return Ledger.open(
        folder / "ledger.db", field="trees", projections=[RosterProjection(), ArenaProjection()]
    )


def counts(ledger: Ledger) -> Counter[tuple[str, str, str, str]]:
    """Counts by names instead of digests: category, winner or kind, the pair."""
    with ledger.read() as snapshot:
        names = {digest: each.name for digest, each in known_contenders(snapshot).items()}
        found: Counter[tuple[str, str, str, str]] = Counter()
        for (category, first, second, column), n in stored_counts(snapshot).items():
            assert stored_counts(snapshot) == recount(snapshot)
            won = {"wins_first": names[first], "wins_second": names[second]}.get(column, column)
            one, two = sorted((names[first], names[second]))
            found[category, won, one, two] += n
        return found


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def export(ledger: Ledger, path: Path, form: Format, wanted: Wanted | None = None) -> list[dict[str, Any]]:
    with ledger.read() as snapshot:
        done = export_votes(snapshot, path, form, wanted)
    if form in {"csv", "parquet"}:
        return []
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == done.votes
    return rows


BALLOTS = (
    Ballot("alder", "birch", "a", category="letters"),
    Ballot("birch", "alder", "a", voter="p_two"),
    Ballot("alder", "cedar", "tie", voter="p_two", category="notes"),
    Ballot("cedar", "birch", "both_bad"),
    Ballot("alder", "birch", "b", not_counted="leak"),
)


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "arena"])
def test_what_was_exported_counts_the_same_where_it_is_imported(
    ledger: Ledger, tmp_path: Path, form: Format
) -> None:
    cast(ledger, *BALLOTS)
    taken_back = cast(ledger, Ballot("alder", "birch", "a"))
    retract(ledger, *taken_back[0])
    path = tmp_path / f"votes.{form}"
    export(ledger, path, form)
    with fresh(tmp_path / "other") as other:
        done = import_votes(other, path)
        assert (done.votes, done.contenders, done.voters) == (4, 3, 2)
        assert counts(other) == counts(ledger)
        assert other.verify().types["vote"] == 4
        again = tmp_path / f"again.{form}"
        export(other, again, form, IMPORTED)
        with fresh(tmp_path / "third") as third:
            import_votes(third, again)
            assert counts(third) == counts(ledger)


def test_the_csv_is_one_that_rank_reads(ledger: Ledger, tmp_path: Path) -> None:
    cast(ledger, *BALLOTS)
    export(ledger, tmp_path / "votes.csv", "csv")
    file = read_votes(tmp_path / "votes.csv", cluster="voter_id")
    assert file.names == ("alder", "birch", "cedar")
    assert file.counts().votes == 4


def test_strata_and_categories_are_chosen(ledger: Ledger, tmp_path: Path) -> None:
    cast(ledger, *BALLOTS)
    import_votes(ledger, write(tmp_path / "in.csv", "model_a,model_b,winner\nalder,birch,a\n"))
    assert len(export(ledger, tmp_path / "a", "jsonl")) == 4
    assert [row["stratum"] for row in export(ledger, tmp_path / "b", "jsonl", IMPORTED)] == ["imported"]
    assert len(export(ledger, tmp_path / "c", "jsonl", Wanted(("live", "imported")))) == 5
    letters = export(ledger, tmp_path / "d", "jsonl", Wanted(category="letters"))
    assert [row["category"] for row in letters] == ["letters"]


def test_names_of_two_identities_are_told_apart(ledger: Ledger, tmp_path: Path) -> None:
    cast(ledger, *BALLOTS)
    import_votes(ledger, write(tmp_path / "in.csv", "model_a,model_b,winner\nalder,zelkova,a\n"))
    names = {
        row["model_a"] for row in export(ledger, tmp_path / "out", "jsonl", Wanted(("live", "imported")))
    }
    assert f"alder@{DIGEST['alder'][:8]}" in names
    assert f"alder@{imported_digest('alder')[:8]}" in names


# -- importing -------------------------------------------------------------------------------------------------------


def test_an_import_is_a_stratum_of_its_own_with_its_record(ledger: Ledger, tmp_path: Path) -> None:
    cast(ledger, *BALLOTS)
    live = counts(ledger)
    path = write(
        tmp_path / "in.csv",
        "model_a,model_b,winner,judge,category,tstamp\nalder,birch,model_a,ann,notes,2026-01-02\n"
        "birch,alder,tie (bothbad),ann,,2026-01-01\nalder,birch,b,bob,,\n",
    )
    done = import_votes(ledger, path)
    assert (done.kind, done.votes, done.contenders, done.voters) == ("csv", 3, 2, 2)
    with ledger.read() as snapshot:
        votes = [e.record for e in snapshot.entries(types=[VoteCast]) if e.record.refs.get("import")]
        acts = [e.record for e in snapshot.entries(types=[AdminAct])]
        known = known_contenders(snapshot)
    assert {vote.body.source for vote in votes if isinstance(vote.body, VoteCast)} == {"imported"}
    assert len({vote.actor for vote in votes}) == 2
    assert all(vote.actor.startswith("p_") and len(vote.actor) == 28 for vote in votes)
    act = acts[0].body
    assert isinstance(act, AdminAct)
    assert (act.act, act.details["votes"]) == ("imported", "3")
    assert (act.details["first"], act.details["last"]) == ("2026-01-01", "2026-01-02")
    assert {vote.refs["import"] for vote in votes} == {acts[0].id}
    assert known[imported_digest("alder")].status == "imported"
    assert known[DIGEST["alder"]].status == "active"
    assert sum(counts(ledger).values()) == sum(live.values()) + 4
    assert "arena" in ledger.verify().projections


def test_the_same_file_is_recognised(ledger: Ledger, tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "model_a,model_b,winner\nx,y,a\n")
    import_votes(ledger, path)
    with ledger.read() as snapshot:
        head = snapshot.head()
    again = import_votes(ledger, path)
    assert (again.again, again.votes) == (True, 0)
    with ledger.read() as snapshot:
        assert snapshot.head() == head
    import_votes(ledger, write(tmp_path / "more.csv", "model_a,model_b,winner\nx,z,a\n"))
    with ledger.read() as snapshot:
        seen = [e.record.body for e in snapshot.entries(types=[ContenderSeen])]
    assert Counter(s.name for s in seen if isinstance(s, ContenderSeen) and s.kind == "imported") == Counter(
        "xyz"
    )


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "arena"])
def test_votes_of_this_very_ledger_are_refused(ledger: Ledger, tmp_path: Path, form: Format) -> None:
    cast(ledger, *BALLOTS)
    export(ledger, tmp_path / "out", form)
    with pytest.raises(Conflict, match="in this ledger already"):
        import_votes(ledger, tmp_path / "out")


def test_counts_of_pairs_become_that_many_votes(ledger: Ledger, tmp_path: Path) -> None:
    path = write(
        tmp_path / "in.csv", "model_a,model_b,wins_a,wins_b,ties,both_bad\nx,y,3,0,2,1\nz,x,1,1,0,0\n"
    )
    assert (import_votes(ledger, path).kind, BallotFile.open(path).kind) == ("counts", "counts")
    found = counts(ledger)
    assert (found["", "x", "x", "y"], found["", "ties", "x", "y"], found["", "both_bad", "x", "y"]) == (
        3,
        2,
        1,
    )
    assert (found["", "x", "x", "z"], found["", "z", "x", "z"]) == (1, 1)


HEADER = "model_a,model_b,winner\n"
GOOD = '{"model_a": "x", "model_b": "y", "winner": "a"}\n'


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", None, "the file is empty"),
        (HEADER, None, "no vote"),
        (HEADER + "x,y,a\nx,y,left\n", 3, "unknown winner 'left'"),
        (HEADER + "x,y,a\nx,x,a\n", 3, "'x' against itself"),
        (HEADER + "x,y\n", 2, "2 cells where the header has 3"),
        (HEADER + "x,,a\n", 2, "no name"),
        (HEADER + '"x"z,y,a\n', 2, "not CSV"),
        ("model_a,model_b,winner,winner\nx,y,a,a\n", 1, "two columns are called 'winner'"),
        ("name,score\nx,1\n", 1, "no column 'model_a'; seen: name, score"),
        ("model_a,model_b,wins_a,wins_b,ties\nx,y,1,-1,0\n", 2, "wins_b is '-1'"),
        ("model_a,model_b,winner_model_a,winner_model_b,winner_tie\nx,y,1,1,0\n", 2, "not exactly one"),
        (GOOD + "[1]\n", 2, "not an object"),
        (GOOD + "{nonsense\n", 2, "not JSON"),
        (GOOD + '{"model_a": "x", "model_b": "y"}\n', 2, "no text 'winner'; seen: model_a, model_b"),
        (GOOD + '{"model_a": "x", "model_b": 7, "winner": "a"}\n', 2, "no text 'model_b'"),
        (GOOD + '{"model_a": "\\ud800", "model_b": "y", "winner": "a"}\n', 2, "surrogate"),
        (GOOD + '{"model_a": "x\\u0000", "model_b": "y", "winner": "a"}\n', 2, "no name of a contender"),
        (GOOD + GOOD[:-2] + ', "conversation_a": "hi", "conversation_b": []}\n', 2, "not a list of messages"),
        ("just some words\n", 1, "no column 'model_a'"),
    ],
)
def test_what_is_no_vote_is_named_by_its_line_and_nothing_is_written(
    ledger: Ledger, tmp_path: Path, text: str, line: int | None, what: str
) -> None:
    with ledger.read() as snapshot:
        head = snapshot.head()
    with pytest.raises(VotesFileError) as caught:
        import_votes(ledger, write(tmp_path / "in", text))
    assert what in caught.value.message
    assert caught.value.line == line
    with ledger.read() as snapshot:
        assert snapshot.head() == head


def test_bytes_that_are_no_text_are_named(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(HEADER.encode() + "x,y,a\nFrühling,y,a\n".encode("latin-1"))
    with pytest.raises(VotesFileError, match="line 3: not UTF-8"):
        import_votes(ledger, path)
    with pytest.raises(VotesFileError, match="nothing-there"):
        import_votes(ledger, tmp_path / "nothing-there")
    path.write_bytes(b"PAR1 and then nothing of the kind")
    with pytest.raises(VotesFileError, match="not a Parquet file"):
        import_votes(ledger, path)


def test_without_pyarrow_parquet_is_a_clear_error(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match="needs pyarrow") as caught:
        export(ledger, tmp_path / "out.parquet", "parquet")
    assert "fieldmark[parquet]" in caught.value.hint


NAMES = st.text(string.ascii_letters + " ,\"'éß漢", min_size=1, max_size=8).map(str.strip).filter(bool)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(
        st.tuples(
            NAMES,
            NAMES,
            st.sampled_from(["a", "b", "tie", "both_bad"]),
            st.sampled_from(["", "ann", "bob"]),
            st.sampled_from(["", "letters", "notes"]),
        ).filter(lambda row: row[0] != row[1]),
        min_size=1,
        max_size=12,
    ),
    form=st.sampled_from([each for each in FORMATS if each != "dpo"]),
)
def test_any_votes_survive_every_format(rows: list[tuple[str, ...]], form: Format) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "in.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["model_a", "model_b", "winner", "voter", "category"])
            writer.writerows(rows)
        with fresh(folder / "one") as one, fresh(folder / "two") as two:
            assert import_votes(one, folder / "in.csv").votes == len(rows)
            export(one, folder / "out", form, IMPORTED)
            assert import_votes(two, folder / "out").votes == len(rows)
            assert counts(one) == counts(two)
            assert sum(n for (category, *_), n in counts(one).items() if not category) == len(rows)


# -- conversations ---------------------------------------------------------------------------------------------------


def judged(
    ledger: Ledger, choice: str, prompts: list[str], *, partial: bool = False, voter: str = "p_one"
) -> str:
    """A live vote with its texts; the id of the vote."""

    def work(now: Any) -> str:
        started = BattleStarted(mode="blind", a=DIGEST["alder"], b=DIGEST["birch"], propensity=1)
        battle = now.append(started, actor=voter, texts={"prompt": prompts[0]}).record.id
        for turn, prompt in enumerate(prompts, 1):
            if turn > 1:
                now.append(
                    TurnStarted(turn=turn), actor=voter, refs={"battle": battle}, texts={"prompt": prompt}
                )
            for side, name in (("a", "alder"), ("b", "birch")):
                answer = AnswerEnded(
                    side=side,
                    turn=turn,
                    contender=DIGEST[name],
                    ms_to_first=1,
                    ms=2,
                    characters=1,
                    finish="stop",
                )
                said = {"answer": f"{name} says {prompt}"}
                now.append(answer, actor="system", refs={"battle": battle}, texts=said)
        vote = VoteCast(
            choice=choice, a=started.a, b=started.b, mode="blind", propensity=1, decision_ms=1, counts=True,
            partial=partial, turns=len(prompts),
        )  # fmt: skip
        return str(now.append(vote, actor=voter, refs={"battle": battle}).record.id)

    return ledger.write(work)


def test_preference_pairs_of_what_was_judged_and_is_held(ledger: Ledger, tmp_path: Path) -> None:
    judged(ledger, "a", ["Hello"])
    judged(ledger, "b", ["One", "Two"], voter="p_two")
    judged(ledger, "tie", ["Same"])
    judged(ledger, "a", ["Cut"], partial=True)
    judged(ledger, "a", ["Erased"], voter="p_gone")
    ledger.write(lambda now: now.append(
        BattleStarted(mode="blind", a=DIGEST["alder"], b=DIGEST["birch"], propensity=1),
        actor="p_open", texts={"prompt": "Still open"},
    ))  # fmt: skip
    ledger.write(lambda now: now.erase(person="p_gone"))
    with ledger.read() as snapshot:
        done = export_votes(snapshot, tmp_path / "dpo.jsonl", "dpo")
    assert (done.votes, done.left_out) == (2, {"tie": 1, "partial": 1, "no_text": 1})
    text = (tmp_path / "dpo.jsonl").read_text()
    one, two = (json.loads(line) for line in text.splitlines())
    assert one["prompt"] == [{"role": "user", "content": "Hello"}]
    assert one["chosen"] == [{"role": "assistant", "content": "alder says Hello"}]
    assert one["rejected"] == [{"role": "assistant", "content": "birch says Hello"}]
    assert (one["chosen_model"], one["rejected_model"]) == ("alder", "birch")
    assert two["prompt"] == [{"role": "user", "content": "One"}]
    assert [m["content"] for m in two["chosen"]] == ["birch says One", "Two", "birch says Two"]
    assert "Still open" not in text
    assert "Erased" not in text


@pytest.mark.parametrize("form", ["arena", "jsonl", "parquet"])
def test_conversations_travel_and_can_be_left_behind(ledger: Ledger, tmp_path: Path, form: Format) -> None:
    judged(ledger, "a", ["Hello", "More"])
    path = tmp_path / "out"
    export(ledger, path, form, Wanted(texts=True))
    with fresh(tmp_path / "with") as other:
        import_votes(other, path)
        found = other.verify()
        assert (found.texts_held, found.texts_absent) == (2, 0)
        pair = export(other, tmp_path / "pairs", "dpo", IMPORTED)[0]
        assert [m["content"] for m in pair["chosen"]] == ["alder says Hello", "More", "alder says More"]
    with fresh(tmp_path / "without") as other:
        import_votes(other, path, texts=False)
        assert other.verify().texts_held == 0
        assert export(other, tmp_path / "none", "dpo", IMPORTED) == []


ARENA = (
    '{"question_id":"58210e39","model_a":"alpaca-13b","model_b":"koala-13b","winner":"model_b","judge":"arena_user_973",'
    '"conversation_a":[{"content":"Hi","role":"user"},{"content":"Yes?","role":"assistant"}],'
    '"conversation_b":[{"content":"Hi","role":"user"},{"content":[{"type":"text","text":"Hello!"}],"role":"assistant"}],'
    '"turn":1,"anony":true,"language":"English","tstamp":1682351591.1322,"openai_moderation":{},"toxic_chat_tag":{}}\n'
)
KAGGLE = (
    "id,model_a,model_b,prompt,response_a,response_b,winner_model_a,winner_model_b,winner_tie\n"
    '30192,alpaca-13b,koala-13b,"[""Hi""]","[""Yes?""]","[""Hello!""]",0,1,0\n'
)


@pytest.mark.parametrize("text", [ARENA, KAGGLE, f"[{ARENA.strip()}]"])
def test_published_data_sets_are_read_with_their_conversations(
    ledger: Ledger, tmp_path: Path, text: str
) -> None:
    path = write(tmp_path / "arena", text)
    assert BallotFile.open(path).kind == "arena"
    done = import_votes(ledger, path)
    assert (done.votes, done.contenders) == (1, 2)
    pair = export(ledger, tmp_path / "out", "dpo", IMPORTED)[0]
    assert pair["chosen"] == [{"role": "assistant", "content": "Hello!"}]
    assert (pair["chosen_model"], pair["rejected_model"]) == ("koala-13b", "alpaca-13b")


def test_many_are_counted_as_one_by_one(tmp_path: Path) -> None:
    """The path for very many writes the very bytes and tables of the path for one."""
    rows = "".join(f"m{i % 7},m{i % 5 + 7},{'a' if i % 3 else 'tie'},v{i % 11}\n" for i in range(700))
    with fresh(tmp_path / "many") as many, open_ledger(tmp_path) as single:
        import_votes(many, write(tmp_path / "in.csv", "model_a,model_b,winner,voter\n" + rows))
        with many.read() as snapshot:
            entries = list(snapshot.entries())
        copied: list[tuple[Evidence, str, Mapping[str, str]]] = []
        for entry in entries:
            assert entry.record.encode() == entry.raw
            evidence, actor, refs = entry.record.body, entry.record.actor, entry.record.refs
            assert not isinstance(evidence, dict)
            copied.append((evidence, actor, refs))
        single.write(lambda now: [now.append(e, actor=a, refs=r) for e, a, r in copied])
        with many.read() as one, single.read() as other:
            assert stored_counts(one) == stored_counts(other)
