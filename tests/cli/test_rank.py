"""`fieldmark rank`, through the command itself."""

from __future__ import annotations

import csv
import io
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from fieldmark.cli import rank
from fieldmark.errors import InputError, VotesFileError

VOTES = Path(__file__).parents[1] / "statistics" / "data" / "votes.csv"
GOLDEN = VOTES.with_name("golden.json")
ODD = "model_a,model_b,winner\nc,d,a\nd,c,a\nc,d,tie\nx,y,a\nx,y,a\ne,f,both_bad\n[q],c,a\nv,w,a\nv,w,tie\n"
COLUMNS = ["model", "rating", "se", "lower", "upper", "rank_best", "rank_worst", "battles", "component"]


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    app = typer.Typer()
    rank.add_to(app)
    app.command("other")(lambda: None)
    return app


def run(app: typer.Typer, *arguments: str, given: str | None = None) -> Result:
    result = CliRunner().invoke(app, ["rank", *arguments], input=given, env={"COLUMNS": "110"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def rows(app: typer.Typer, *arguments: str, given: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(app, *arguments, "--format", "json", given=given).stdout)
    return found


@pytest.mark.parametrize("model", ["davidson", "bradley-terry"])
@pytest.mark.parametrize(("cluster", "error"), [((), "sandwich"), (("--cluster", "voter"), "clustered")])
def test_json_carries_the_golden_numbers_best_first(
    app: typer.Typer, model: str, cluster: tuple[str, ...], error: str
) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    found = rows(app, str(VOTES), "--model", model, *cluster)
    assert [list(row) for row in found] == [COLUMNS] * 5
    by_name = {row["model"]: row for row in found}
    for i, name in enumerate(golden["names"]):
        assert by_name[name]["rating"] == pytest.approx(golden[model]["rating"][i], abs=1e-4)
        assert by_name[name]["se"] == pytest.approx(golden[model][error][i], rel=1e-5)
    assert [row["rating"] for row in found] == sorted((row["rating"] for row in found), reverse=True)
    assert sum(row["battles"] for row in found) == 2 * 136
    assert {row["component"] for row in found} == {1}


def test_davidson_is_the_default(app: typer.Typer) -> None:
    assert rows(app, str(VOTES)) == rows(app, str(VOTES), "--model", "davidson")


def test_csv_holds_the_same_rows(app: typer.Typer) -> None:
    table = list(csv.DictReader(io.StringIO(run(app, "-", "--format", "csv", given=ODD).stdout)))
    expected = [{k: "" if v is None else str(v) for k, v in row.items()} for row in rows(app, "-", given=ODD)]
    assert table == expected


def test_both_bad_counts_as_a_tie(app: typer.Typer) -> None:
    votes = "model_a,model_b,wins_a,wins_b,ties{}\nx,y,5,3,{}\n"
    assert rows(app, "-", given=votes.format(",both_bad", "1,2")) == rows(
        app, "-", given=votes.format("", "3")
    )


def test_a_contender_without_a_rating_has_null_and_its_component(app: typer.Typer) -> None:
    found = {row["model"]: row for row in rows(app, "-", given=ODD)}
    assert found["c"]["rating"] == pytest.approx(1000)
    assert found["c"]["component"] == found["d"]["component"] == 1
    for name in ("x", "y", "e", "f", "[q]", "v", "w"):
        assert [found[name][key] for key in COLUMNS[1:7]] == [None] * 6
    assert found["x"]["component"] != found["y"]["component"]
    assert found["v"]["component"] == found["w"]["component"]
    assert found["x"]["battles"] == 2


def test_the_table_says_what_it_shows_and_how_to_read_it(app: typer.Typer) -> None:
    table = run(app, str(VOTES), "--cluster", "voter", "--confidence", "0.9").stdout
    text = " ".join(table.split())
    assert "136 votes" in text
    assert "Davidson, two equals tie 26% of the time" in text
    assert "90% intervals, clustered by voter (12)" in text
    assert "How to read: with 90% confidence every true rank lies within its range" in text
    lines = [line for line in table.splitlines() if "●" in line]
    assert [line.split()[1] for line in lines] == ["cedar", "birch", "amber", "delta", "ember"]
    assert "sandwich" in run(app, str(VOTES), "--model", "bradley-terry").stdout


def test_the_table_says_who_has_no_rating_and_why(app: typer.Typer) -> None:
    text = " ".join(run(app, "-", given=ODD).stdout.split())
    assert "x 2–0–0 100% (16% to 100%) its votes against all others go one way only" in text
    assert "e 0–0–1 none decided all its votes are ties" in text
    assert "[q] 1–0–0" in text
    assert "v 1–0–1 100% (3% to 100%) ties aside, its votes go one way only" in text
    assert "6 components" in text


def test_a_table_of_nothing_rated_still_reads(app: typer.Typer) -> None:
    text = run(app, "-", given="model_a,model_b,winner\nx,y,a\n").stdout
    assert "No rating yet" in text
    assert "How to read" not in text


def test_several_components_are_tables_of_their_own(app: typer.Typer) -> None:
    apart = "model_a,model_b,wins_a,wins_b,ties\nx,y,5,3,1\nv,w,9,4,2\n"
    text = run(app, "-", given=apart).stdout
    assert "Component 1 of 2" in text
    assert "Component 2 of 2" in text


def test_one_voter_alone_gives_ratings_without_intervals(app: typer.Typer) -> None:
    alone = "model_a,model_b,winner,voter\nx,y,a,1\ny,x,a,1\nx,y,a,1\n"
    (first, _) = rows(app, "-", "--cluster", "voter", given=alone)
    assert first["rating"] > 1000
    assert (first["se"], first["lower"], first["rank_worst"]) == (None, None, 2)
    assert "unknown" in run(app, "-", "--cluster", "voter", given=alone).stdout


def test_mistakes_are_told(app: typer.Typer) -> None:
    with pytest.raises(VotesFileError, match="line 2: unknown winner 'z'"):
        run(app, "-", given="model_a,model_b,winner\nx,y,z\n")
    with pytest.raises(VotesFileError, match="no column 'who'"):
        run(app, str(VOTES), "--cluster", "who")
    with pytest.raises(InputError, match="--confidence 95 is no confidence"):
        run(app, str(VOTES), "--confidence", "95")
    assert run(app, str(VOTES), "--model", "elo").exit_code == 2


def test_a_small_file_is_ranked_within_a_second_of_processor_time() -> None:
    script = (
        "import typer; from fieldmark.cli import rank; app = typer.Typer(); rank.add_to(app); "
        "app.command('other')(lambda: None); app()"
    )

    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", script, "rank", VOTES], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < 1
