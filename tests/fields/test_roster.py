"""The roster: running contenders follow the folder, and what changed is written down once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from fieldmark.contenders import Delta
from fieldmark.errors import ContenderFailure, ModelError, NotFound
from fieldmark.fields import (
    Field,
    Member,
    Roster,
    RosterProjection,
    field_as_of,
    known_contenders,
    load_field,
)
from fieldmark.ledger import Ledger
from fieldmark.ledger.evidence import ContenderSeen, FieldAsOfNow, Withdrawal
from tests.house import until
from tests.upstream import Upstream

BASE = 'name = "Trees"\n[[categories]]\nid = "letters"\nname = "Letters"\n'


def contender(name: str, model: str = "m", more: str = "") -> str:
    address = f'kind = "endpoint"\nurl = "http://127.0.0.1:9/v1"\nmodel = "{model}"'
    return f'[[contenders]]\nname = "{name}"\n{address}\n{more}\n'


def weights(name: str, path: Path) -> str:
    return f'[[contenders]]\nname = "{name}"\nkind = "weights"\nmodel = "{path}"\nwhen = "present"\n'


def field(folder: Path, *tables: str, base: str = BASE) -> Field:
    (folder / "field.toml").write_text(base + "\n".join(tables))
    (folder / "prompts.toml").write_text('[[prompts]]\ntext = "Hello?"\n')
    (folder / "guidelines.md").write_text("Judge.\n")
    return load_field(folder)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db", field="trees", projections=[RosterProjection()]) as ledger:
        yield ledger
        ledger.verify()


def bodies(ledger: Ledger) -> list[tuple[str, ...]]:
    """What was written down, in short."""
    found: list[tuple[str, ...]] = []
    with ledger.read() as snapshot:
        for entry in snapshot.entries():
            body = entry.record.body
            assert entry.record.actor == "system"
            match body:
                case FieldAsOfNow():
                    found.append(("field", body.name))
                case ContenderSeen():
                    found.append(("seen", body.name))
                case Withdrawal():
                    found.append(("gone", body.name, body.reason))
    return found


async def test_nothing_is_written_twice(tmp_path: Path, ledger: Ledger) -> None:
    roster, wanted = (
        Roster(ledger),
        field(tmp_path, contender("alder"), contender("birch", "n", 'system = "Kind."')),
    )
    assert await roster.sync(wanted)
    assert bodies(ledger) == [("field", "Trees"), ("seen", "alder"), ("seen", "birch")]
    members = roster.members
    assert not await roster.sync(wanted)
    assert [a is b for a, b in zip(roster.members, members, strict=True)] == [True, True]
    await roster.close()
    another = Roster(ledger)
    assert not await another.sync(wanted), "nor by the next server"
    await another.close()
    with ledger.read() as snapshot:
        seen = next(e for e in snapshot.entries(types=[ContenderSeen]) if e.record.body.name == "birch")  # type: ignore[union-attr]
        assert b"Kind." not in seen.raw
        assert snapshot.text(seen.record.commitments["system"].text_id) == "Kind."
        rules = field_as_of(snapshot)
    assert rules is not None
    assert rules.categories == {"letters": "Letters"}


async def test_changes_are_followed(tmp_path: Path, ledger: Ledger) -> None:
    roster = Roster(ledger)
    await roster.sync(field(tmp_path, contender("alder"), contender("birch", "n")))
    old = roster.named("alder").digest
    await roster.sync(field(tmp_path, contender("alder", "changed"), contender("birch", "n")))
    await roster.sync(field(tmp_path, contender("alder", "changed")))
    await roster.sync(field(tmp_path, contender("alder"), base=BASE.replace("Trees", "Woods")))
    assert bodies(ledger)[3:] == [
        ("seen", "alder"), ("gone", "alder", "replaced"), ("gone", "birch", "removed"),
        ("field", "Woods"), ("seen", "alder"), ("gone", "alder", "replaced"),
    ]  # fmt: skip
    with ledger.read() as snapshot:
        known = known_contenders(snapshot)
    assert known[old].status == "active"
    assert known[old].since < max(k.since for k in known.values())
    assert {k.status for k in known.values() if k.digest != old} == {"replaced", "withdrawn"}
    await roster.close()


async def test_names_may_be_swapped(tmp_path: Path, ledger: Ledger) -> None:
    roster = Roster(ledger)
    await roster.sync(field(tmp_path, contender("alder", "m"), contender("birch", "n")))
    before = {m.name: m.digest for m in roster.members}
    await roster.sync(field(tmp_path, contender("alder", "n"), contender("birch", "m")))
    assert {m.name: m.digest for m in roster.members} == {"alder": before["birch"], "birch": before["alder"]}
    with ledger.read() as snapshot:
        assert {k.name: k.status for k in known_contenders(snapshot).values()} == {
            "alder": "active",
            "birch": "active",
        }
    await roster.close()


async def test_a_new_name_keeps_the_parent(tmp_path: Path, ledger: Ledger) -> None:
    roster = Roster(ledger)
    await roster.sync(field(tmp_path, contender("alder", "m")))
    first = roster.named("alder").digest
    await roster.sync(field(tmp_path, contender("alder", "n")))
    await roster.sync(field(tmp_path, contender("aspen", "n")))
    with ledger.read() as snapshot:
        known = known_contenders(snapshot)[roster.named("aspen").digest]
    assert (known.name, known.status, known.parent) == ("aspen", "active", first)
    await roster.close()


async def test_weights_that_are_not_here_wait(tmp_path: Path, ledger: Ledger) -> None:
    roster, file = Roster(ledger), tmp_path / "model.gguf"
    await roster.sync(field(tmp_path, contender("alder"), weights("oak", file)))
    assert [m.name for m in roster.members] == ["alder"]
    assert [a.spec.name for a in roster.absent] == ["oak"]
    assert roster.absent[0].explain()
    with pytest.raises(ModelError):
        roster.named("oak")
    with pytest.raises(NotFound, match="no contender is called 'elm'"):
        roster.named("elm")
    assert ("seen", "oak") not in bodies(ledger)
    assert roster.by_digest("0" * 64) is None
    await roster.close()


async def test_of_two_that_are_one_the_second_waits(tmp_path: Path, ledger: Ledger) -> None:
    """Also when the one that was there first stands later in the file."""
    roster = Roster(ledger)
    single = field(tmp_path, contender("birch"))
    await roster.sync(single)
    twin = single.contenders[0].model_copy(update={"name": "alder"})
    await roster.sync(single.model_copy(update={"contenders": (twin, *single.contenders)}))
    assert [m.name for m in roster.members] == ["alder"]
    assert "is the same contender" in roster.absent[0].explain()
    await roster.close()


async def test_costs_and_caps(tmp_path: Path, ledger: Ledger) -> None:
    roster, priced = Roster(ledger), "price = { input = 2.0, output = 4.0 }\nspend_cap = 1.0"
    await roster.sync(field(tmp_path, contender("alder", "m", priced), contender("birch", "n")))
    alder, birch = roster.members
    assert alder.cost(1_000_000, 500_000) == 4
    assert alder.cost(None, 5) is birch.cost(1, 1) is None
    alder.check_budget()
    alder.spent = 1.0
    with pytest.raises(ContenderFailure, match="has cost 1 of at most 1") as raised:
        alder.check_budget()
    assert raised.value.kind == "over_budget"
    await roster.sync(
        field(tmp_path, contender("alder", "m", priced.replace("4.0", "8.0")), contender("birch", "n"))
    )
    assert bodies(ledger)[-1] == ("seen", "alder"), (
        "a new price is written down, and it is the same contender"
    )
    assert len(bodies(ledger)) == 4
    await roster.close()


async def _ask(member: Member) -> str:
    text = ""
    async with (
        member.asked(),
        aclosing(member.contender.stream([{"role": "user", "content": "Hi"}])) as parts,
    ):
        async for part in parts:
            text += part.text if isinstance(part, Delta) else "."
    return text


async def test_one_who_leaves_finishes_the_answer(tmp_path: Path, ledger: Ledger) -> None:
    with Upstream() as upstream:
        address = f'kind = "endpoint"\nurl = "{upstream.url}"\nmodel = "gated"'
        alder = f'[[contenders]]\nname = "alder"\n{address}\n'
        roster = Roster(ledger)
        await roster.sync(field(tmp_path, alder))
        [old] = roster.members
        answers = [asyncio.create_task(_ask(old)) for _ in range(2)]
        await until(lambda: len(upstream.seen) == 2)
        await roster.sync(field(tmp_path, alder + 'system = "New."\n'))
        [new] = roster.members
        assert new is not old
        assert not old.idle
        assert new.idle
        upstream.release()
        assert {(await answer)[-1] for answer in answers} == {"."}
        assert old.idle
        await roster.close()


async def test_closing_does_not_wait_for_an_answer(tmp_path: Path, ledger: Ledger) -> None:
    with Upstream() as upstream:
        address = f'kind = "endpoint"\nurl = "{upstream.url}"\nmodel = "hang:1"'
        roster = Roster(ledger)
        await roster.sync(field(tmp_path, f'[[contenders]]\nname = "alder"\n{address}\n'))
        answer = asyncio.create_task(_ask(roster.named("alder")))
        await until(lambda: bool(upstream.seen))
        await roster.sync(field(tmp_path))
        assert not answer.done()
        async with asyncio.timeout(5):
            await roster.close()
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)


async def test_a_new_price_or_name_keeps_what_it_has_cost(tmp_path: Path, ledger: Ledger) -> None:
    price = "price = { input = 2.0, output = 4.0 }\nspend_cap = 1.0"
    roster = Roster(ledger)
    await roster.sync(field(tmp_path, contender("alder", "m", price)))
    [alder] = roster.members
    running, alder.spent = alder.contender, 0.5
    await roster.sync(field(tmp_path, contender("alder", "m", price.replace("1.0", "0.4"))))
    assert roster.members == [alder]
    assert alder.contender is running
    with pytest.raises(ContenderFailure, match=r"of at most 0\.4"):
        alder.check_budget()
    await roster.sync(field(tmp_path, contender("alder", "m", price + "\nrequests_per_minute = 60")))
    assert roster.members == [alder]
    assert alder.contender is running
    assert (alder.next_turn(), 0.9 < alder.next_turn() <= 1) == (0, True)
    await roster.sync(field(tmp_path, contender("aspen", "m", price)))
    assert roster.named("aspen").spent == 0.5
    await roster.sync(field(tmp_path))
    await roster.sync(field(tmp_path, contender("alder", "m", price)))
    assert roster.named("alder").spent == 0.5
    await roster.close()
