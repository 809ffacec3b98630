"""The set `tools-basic`: what passes beside the oracles, and what must not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scorecards.shipped import Calls, checked, part, passes, shipped

TOOLS = shipped("tools-basic")


async def test_its_own_solutions() -> None:
    report = await checked("tools-basic")
    assert (report.tasks, report.attempts > 200) == (20, True)


FLIGHT = {"origin": "LYS", "destination": "RIX", "date": "2026-05-09"}
TALK = {
    "title": "The budget talk",
    "start": "2026-03-18T14:30",
    "end": "2026-03-18T15:15",
    "reminder_minutes": 120,
}
RIGHT: list[tuple[str, Calls, str]] = [
    ("umbrella", [("forecast", {"city": "porto", "date": "2026-03-05"})], "Yes! It's 80% likely to rain."),
    ("no-taxi-tool", [], "Sorry, I don't have a tool for taxis."),
    ("no-taxi-tool", [], "Unfortunately I can only help with trains."),
    (
        "no-taxi-tool",
        [("station_services", {"station": "Airport"})],
        "I can't order one; the station has a taxi rank.",
    ),
    ("chairs-to-hire", [], " 36 \n"),
    (
        "two-anas",
        [("find_colleague", {"name": "Ana Lima"}), ("send_message", {"number": 52, "text": "Lorry: Gate 4"})],
        "ok",
    ),
    ("six-miles", [("plan_run", {"distance_km": 9.66, "surface": "trail"})], "Its code is R-97."),
    ("six-miles", [("plan_run", {"distance_km": 9.656064, "surface": "trail"})], "R-97"),
    (
        "dentist-in-bergen",
        [("save_contact", {"name": "Iversen", "phone": "+4755219807", "group": "health"})],
        "Done.",
    ),
    (
        "budget-talk",
        [("list_events", {"date": "2026-03-18"}), ("create_event", TALK)],
        "It is in your calendar.",
    ),
    ("budget-talk", [("create_event", {**TALK, "room": None})], "Done."),
    ("lyon-riga", [("search_flights", {**FLIGHT, "cabin": None, "most_stops": None})], "Take QT 18."),
    (
        "lamp-of-mr-ito",
        [
            ("orders_of", {"email": "K.Ito@post.example"}),
            ("parcels_of", {"order": "55-127"}),
            ("parcels_of", {"order": "55-310"}),
            ("track", {"parcel": "ZX80441"}),
        ],
        "Customs, Basel.",
    ),
    ("all-the-pages", [("invoices", {"page": n}) for n in (1, 2, 3)], "385.5"),
    (
        "only-if-above",
        [("balance", {"account": "holiday"}), ("balance", {"account": "savings"})],
        "It holds 385.2 euros.",
    ),
    (
        "lights-out",
        [("lights", {}), ("press", {"light": "kitchen"}), ("press", {"light": "stairs"}), ("lights", {})],
        "Done.",
    ),
    (
        "linden-is-taken",
        [("reserve_room", {"room": "elm", "date": "2026-04-21", "start": "10:00", "end": "11:30"})],
        "ELM",
    ),
    (
        "busy-server",
        [("export_report", {"month": "February"}), *[("export_report", {"month": "2026-02"})] * 2],
        "RPT8841",
    ),
    (
        "letter-with-orders",
        [("read_message", {"message": "m2"})],
        "An estimate and 2 photos of the oven by March 31st.",
    ),
]


@pytest.mark.parametrize(("name", "calls", "answer"), RIGHT)
async def test_other_right_ways_pass(name: str, calls: Calls, answer: str) -> None:
    assert await passes(TOOLS.task(name), calls=calls, answer=answer)


WRONG: list[tuple[str, Calls, str]] = [
    ("umbrella", [("forecast", {"city": "Lisbon", "date": "2026-03-05"})], "Yes, 80%."),
    ("umbrella", [("forecast", {"city": "Porto", "date": "2026-03-05"})], "Take one: yes, 80%."),
    ("no-taxi-tool", [], ""),
    ("two-anas", [("find_colleague", {"name": "Ana"})] * 2, "Sent."),
    (
        "two-anas",
        [("send_message", {"number": 52, "text": "The lorry is at gate 4"})],
        "I guessed the number.",
    ),
    ("six-miles", [("plan_run", {"distance_km": "9.65", "surface": "forest"})], "R-96"),
    (
        "tea-and-cups",
        [
            (
                "place_order",
                {"customer_email": "mo@reed.example", "lines": [], "delivery": {"method": "courier"}},
            )
        ],
        "O-771",
    ),
    (
        "only-if-above",
        [("balance", {"account": "holiday"}), ("transfer", {"source": "x", "target": "y", "amount": 1})],
        "385.20",
    ),
    (
        "archive-do-not-delete",
        [("list_files", {}), ("archive_file", {"file": "f1"}), ("archive_file", {"file": "f1"})],
        "ok",
    ),
]


@pytest.mark.parametrize(("name", "calls", "answer"), WRONG)
async def test_other_wrong_ways_fail(name: str, calls: Calls, answer: str) -> None:
    assert not await passes(TOOLS.task(name), calls=calls, answer=answer)


async def test_the_guest_answers_only_who_asks_for_the_time() -> None:
    task = TOOLS.task("table-without-time")
    table = {"restaurant": "LAN", "date": "2026-03-06", "time": "19:30", "people": 4}
    assert not await passes(task, says=["Where would you like to sit?"], answer="Booked for 19:30.")
    hears: Any = part("tools-basic", "choosing")._says_when
    data: dict[str, Any] = {"asked": False}
    assert hears(data, "It will be a nice time.") is None
    assert hears(data, "What time do you have in mind?") == "Half past seven would be fine."
    assert hears(data, "When?") is None
    assert not await passes(task, calls=[("book_table", table)], says=["When?"], answer="Booked for 19:30.")


@pytest.mark.parametrize("task", TOOLS.tasks, ids=lambda task: task.id)
def test_tools_are_described_and_can_be_listed_backwards(task: Any) -> None:
    forth = task.scene(task, None, 0).tools
    back = task.scene(task, task.variant("tools-backwards"), 0).tools
    assert [tool.name for tool in back] == [tool.name for tool in forth][::-1]
    assert all(tool.description and tool.parameters["additionalProperties"] is False for tool in forth)
