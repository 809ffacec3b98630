"""Vote files as people make them, right and wrong."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from fieldmark.arena import VoteFile, read_votes
from fieldmark.errors import VotesFileError


def read(text: str, cluster: str | None = None) -> VoteFile:
    return read_votes(text.encode(), cluster=cluster)


def table(file: VoteFile) -> list[tuple[str, str, int, float]]:
    return [
        (file.names[a], file.names[b], int(outcome), float(weight))
        for a, b, outcome, weight in zip(file.a, file.b, file.outcome, file.weight, strict=True)
    ]


def test_one_row_a_vote() -> None:
    file = read("model_a,model_b,winner\ny,x,a\nx,y,b\nx,z,tie\nz,y,both_bad\n")
    assert file.names == ("x", "y", "z")
    assert table(file) == [("y", "x", 0, 1), ("x", "y", 1, 1), ("x", "z", 2, 1), ("z", "y", 3, 1)]
    assert file.cluster is None
    assert file.clusters(file.counts()) is None


@pytest.mark.parametrize(
    ("winner", "code"),
    [
        ("a", 0),
        ("model_a", 0),
        ("b", 1),
        ("model_b", 1),
        ("tie", 2),
        ("both_bad", 3),
        ("tie (bothbad)", 3),
        (" Tie ", 2),
    ],
)
def test_both_vocabularies_of_winners(winner: str, code: int) -> None:
    assert read(f"model_a,model_b,winner\nx,y,{winner}\n").outcome.tolist() == [code]


def test_one_row_a_pair_with_counts() -> None:
    counts = read("model_a,model_b,wins_a,wins_b,ties,both_bad\nx,y,3,1,2,4\ny,x,10,0,0,0\n").counts()
    assert (counts.wins_first.tolist(), counts.wins_second.tolist()) == ([3], [11])
    assert (counts.ties.tolist(), counts.both_bad.tolist()) == ([2], [4])
    without = read("ties,wins_b,wins_a,model_b,model_a\n2,1,3.0,y,x\n").counts()
    assert (without.wins_first.tolist(), without.both_bad.tolist()) == ([3], [0])


def test_what_spreadsheets_do_to_a_file_is_understood() -> None:
    header = '\ufeff"model_a", model_b ,winner,note\r\n\r\n'
    file = read(header + '"Yi, 34B",GPT 4,a,"two\r\nlines"\r\n  \r\nGPT 4 , Yi,b,\r\n')
    assert file.names == ("GPT 4", "Yi", "Yi, 34B")
    assert [row[:3] for row in table(file)] == [("Yi, 34B", "GPT 4", 0), ("GPT 4", "Yi", 1)]
    assert read("model_a,model_b,winner\rx,y,a\r").names == ("x", "y")


def test_a_cluster_column_says_whose_each_row_is() -> None:
    file = read("model_a,model_b,winner,voter\nx,y,a,ann\ny,x,a,bob\nx,y,tie, ann\n", cluster="voter")
    assert file.cluster is not None
    assert file.cluster.tolist() == [0, 1, 0]
    counted = read("model_a,model_b,wins_a,wins_b,ties,site\nx,y,3,1,2,n\ny,x,1,1,1,s\n", cluster="site")
    clusters = counted.clusters(counted.counts())
    assert clusters is not None
    assert clusters.cluster.tolist() == [0, 0, 0, 1, 1, 1]
    assert clusters.weight.sum() == 9


HEADER = "model_a,model_b,winner\n"
COUNTED = "model_a,model_b,wins_a,wins_b,ties\n"


@pytest.mark.parametrize(
    ("text", "line", "what", "right"),
    [
        ("", None, "the file is empty", "model_a, model_b and winner"),
        ("\n\n", 2, "the file is empty", "wins_a"),
        (HEADER, 1, "no vote", "one row per vote"),
        ("model_a,winner\nx,a\n", 1, "no column 'model_b'; seen: model_a, winner", "model_b"),
        ("model_a,model_b,who\nx,y,a\n", 1, "no column 'winner'; seen: model_a, model_b, who", "winner"),
        ("model_a,model_b,wins_a,ties\nx,y,1,1\n", 1, "no column 'wins_b'", "wins_b"),
        ("model_a;model_b;winner\nx;y;a\n", 1, "seen: model_a;model_b;winner", "columns"),
        ("model_a,model_b,winner,winner\nx,y,a,a\n", 1, "two columns are called 'winner'", "of its own"),
        (HEADER + "x,y,a\n\nx,y,left\n", 4, "unknown winner 'left'", "a, b, tie or both_bad"),
        (HEADER + "x,y,\n", 2, "unknown winner ''", "tie"),
        (HEADER + "x, x ,a\n", 2, "'x' against itself", "different"),
        (HEADER + "x,,a\n", 2, "a contender has no name", "fill in"),
        (HEADER + "x,y,a\nx,y\n", 3, "2 cells where the header has 3", "quote"),
        (HEADER + '"a\nb",y,a\nYi, 34B,y,a\n', 4, "4 cells where the header has 3", "quote"),
        (HEADER + '"x"z,y,a\n', 2, "not CSV", "quote"),
        (HEADER + 'x,y,a\n"x,y,a\n', 3, "not CSV", "quote"),
        (COUNTED + "x,y,1,-2,0\n", 2, "wins_b is '-2'", "0 or more"),
        (COUNTED + "x,y,1,2,0\nx,z,1,many,0\n", 3, "wins_b is 'many'", "whole number"),
        (COUNTED + "x,y,1.5,2,0\n", 2, "wins_a is '1.5'", "whole number"),
        (COUNTED + "x,y,1,2,nan\n", 2, "ties is 'nan'", "whole number"),
        (COUNTED + "x,y,1,2,1e300\n", 2, "ties is '1e300'", "whole number"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(
    text: str, line: int | None, what: str, right: str
) -> None:
    with pytest.raises(VotesFileError) as caught:
        read(text)
    assert what in caught.value.message
    assert caught.value.line == line
    assert right in caught.value.hint


def test_the_cluster_column_must_be_there_and_filled_in() -> None:
    with pytest.raises(VotesFileError, match="no column 'voter'; seen: model_a, model_b, winner"):
        read(HEADER + "x,y,a\n", cluster="voter")
    with pytest.raises(VotesFileError, match="line 3: whose row this is"):
        read("model_a,model_b,winner,voter\nx,y,a,1\nx,y,a, \n", cluster="voter")


def test_other_encodings_are_told_with_their_line() -> None:
    with pytest.raises(VotesFileError, match="line 2: not UTF-8 text") as caught:
        read_votes(HEADER.encode() + "Frühling,y,a\n".encode("latin-1"))
    assert "UTF-8" in caught.value.hint
    with pytest.raises(VotesFileError, match="line 1: not UTF-8 text"):
        read_votes((HEADER + "x,y,a\n").encode("utf-16"))


def test_a_path_is_read_and_a_missing_one_named(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text(HEADER + "x,y,a\n", encoding="utf-8")
    assert read_votes(path).names == ("x", "y")
    for wrong in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(VotesFileError, match=wrong.name):
            read_votes(wrong)


def test_a_million_votes_are_read_in_seconds() -> None:
    rng = np.random.default_rng(1)
    a = rng.integers(0, 100, 1_000_000)
    b = (a + rng.integers(1, 100, a.size)) % 100
    rows = [f"contender {i},contender {j},model_a" for i, j in zip(a.tolist(), b.tolist(), strict=True)]
    data = "\n".join((HEADER.strip(), *rows)).encode()
    start = time.process_time()
    file = read_votes(data)
    assert time.process_time() - start < 8
    assert file.counts().votes == 1_000_000
