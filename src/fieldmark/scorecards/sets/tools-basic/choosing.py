"""Which tool, or none: the right one among several, no fitting one, nothing to call, something to ask first."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from fieldmark.scorecards import Solution, Task, ToolRefusal

from ._kit import Data, called, item, said

Day = Annotated[str, Field(description="YYYY-MM-DD")]


def tasks() -> list[Task]:
    return [_forecast(), _no_tool_fits(), _nothing_to_call(), _ask_first(), _two_anas()]


def _weather_tools(data: Data) -> list[Any]:
    def weather_now(city: str) -> dict[str, Any]:
        """Weather at this moment: sky, temperature, rain in the last hour."""
        return {"city": city, "sky": "clear", "celsius": 14, "rain_mm": 0}

    def forecast(city: str, date: Day) -> dict[str, Any]:
        """Forecast for one day, up to ten days ahead: chance of rain in percent, highest temperature."""
        chance = {"2026-03-04": 15, "2026-03-05": 80, "2026-03-06": 35}.get(date)
        if chance is None:
            raise ToolRefusal(f"no forecast for '{date}': 2026-03-04 to 2026-03-13 are known, as YYYY-MM-DD")
        return {"city": city, "date": date, "rain_percent": chance, "celsius": 16}

    def climate(city: str, month: int) -> dict[str, Any]:
        """Means of thirty years for a month (1-12): days with rain, temperature."""
        return {"city": city, "month": month, "rain_days": 12, "celsius": 12}

    def air_quality(city: str) -> dict[str, Any]:
        """Fine dust and ozone at this moment."""
        return {"city": city, "pm25": 9, "ozone": 61}

    return [weather_now, forecast, climate, air_quality]


def _forecast() -> Task:
    right = ("forecast", {"city": "Porto", "date": "2026-03-05"})
    return item(
        "umbrella",
        tag="choosing",
        tools=_weather_tools,
        checks=[{"kind": "calls", "expected": [called(right[0], **right[1])]}, said(r"^\W*yes\b.*\b80\b")],
        oracle=Solution(calls=[right], answer="Yes, take one: the chance of rain is 80 percent."),
        cheats={
            "every-day": Solution(
                calls=[("forecast", {"city": "Porto", "date": f"2026-03-0{d}"}) for d in (4, 5, 6)],
                answer="Yes, 80 percent.",
            ),
            "no-call": Solution(answer="Yes, the chance of rain is 80 percent."),
        },
        wrong={
            "now": Solution(
                calls=[("weather_now", {"city": "Porto"})], answer="No, 0 percent, the sky is clear."
            ),
            "tomorrow": Solution(
                calls=[("forecast", {"city": "Porto", "date": "2026-03-04"})], answer="No, 15 percent."
            ),
            "climate": Solution(
                calls=[("climate", {"city": "Porto", "month": 3})],
                answer="Yes, it rains on 12 of 31 days: 39 percent.",
            ),
            "misread": Solution(calls=[right], answer="No, rain is unlikely: 16 percent."),
        },
    )


def _train_tools(data: Data) -> list[Any]:
    def find_trains(origin: str, destination: str, date: Day) -> list[dict[str, str]]:
        """Trains between two stations on a day."""
        return [{"train": "IC 71", "departs": "06:12"}, {"train": "RE 9", "departs": "07:40"}]

    def reserve_seat(train: str, date: Day) -> dict[str, str]:
        """Reserve a seat in a train. Charged at once."""
        data["reserved"].append(train)
        return {"train": train, "seat": "44"}

    def station_services(station: str) -> list[str]:
        """What there is in a station: lifts, lockers, taxi rank."""
        return ["lifts", "lockers", "taxi rank"]

    return [find_trains, reserve_seat, station_services]


def _no_tool_fits() -> Task:
    return item(
        "no-taxi-tool",
        tag="choosing",
        data={"reserved": []},
        tools=_train_tools,
        checks=[
            {
                "kind": "calls",
                "extra": ["find_trains", "station_services"],
                "forbidden": [{"name": "reserve_seat"}],
                "refused": "extra",
            },
            said(
                r"\b(can'?t|can ?not|can’t|unable|not able|no (tool|way|means)|don'?t have|don’t have|do not have|"
                r"not possible|only (help|trains)|outside|beyond|not something)\b"
            ),
        ],
        oracle=Solution(
            answer="I'm sorry, I cannot order a taxi: my tools are only for trains. Please ring a taxi firm."
        ),
        cheats={
            "claims": Solution(answer="Done! Your taxi will be at Baker Street 8 at 5:30 tomorrow."),
            "claims-after-a-call": Solution(
                calls=[("reserve_seat", {"train": "taxi", "date": "2026-03-04"})],
                answer="I cannot see it here, but it is reserved.",
            ),
        },
        wrong={
            "train-instead": Solution(
                calls=[
                    (
                        "find_trains",
                        {"origin": "Baker Street", "destination": "Airport", "date": "2026-03-04"},
                    )
                ],
                answer="There is a train at 06:12.",
            ),
            "made-up-tool": Solution(
                calls=[("order_taxi", {"time": "05:30"})], answer="I could not order the taxi; I can't."
            ),
            "asks-on": Solution(answer="How many people will be travelling in the taxi?"),
        },
    )


def _document_tools(data: Data) -> list[Any]:
    def search_documents(query: str) -> list[dict[str, str]]:
        """Search the archive."""
        return [{"id": "d-19", "title": "Summer party, lists"}]

    def read_document(id: str) -> str:  # noqa: A002
        """Text of a document in the archive."""
        return "Guests 140, chairs of our own 60."

    return [search_documents, read_document]


def _nothing_to_call() -> Task:
    number = {"kind": "number", "equals": 36}
    return item(
        "chairs-to-hire",
        tag="choosing",
        tools=_document_tools,
        checks=[{"kind": "calls", "expected": [], "refused": "extra"}, number],
        oracle=Solution(answer="36"),
        cheats={
            "many-numbers": Solution(answer="It is one of 34, 35, 36, 37, 38, 44 or 50."),
            "searches-first": Solution(calls=[("search_documents", {"query": "chairs"})], answer="36"),
        },
        wrong={
            "archive": Solution(
                calls=[("search_documents", {"query": "chairs"}), ("read_document", {"id": "d-19"})],
                answer="80",
            ),
            "cancelled-forgotten": Solution(answer="44"),
            "broken-forgotten": Solution(answer="30"),
            "neighbours-forgotten": Solution(answer="48"),
        },
    )


def _table_tools(data: Data) -> list[Any]:
    def restaurants() -> list[dict[str, str]]:
        """Restaurants that can be booked, with their codes and opening hours."""
        return [
            {"code": "LAN", "name": "The Lantern", "open": "17:00-23:00"},
            {"code": "LAT", "name": "Lanternfish Bar", "open": "11:00-22:00"},
        ]

    def book_table(
        restaurant: Annotated[str, Field(description="code of the restaurant")],
        date: Day,
        time: Annotated[str, Field(pattern=r"^\d\d:\d\d$", description="HH:MM, 24 hours")],
        people: int,
    ) -> dict[str, Any]:
        """Book a table. The restaurant charges 15 for a booking that is changed later."""
        data["booked"].append([restaurant, date, time, people])
        data["guessed"] = data["guessed"] or not data["asked"]
        return {"booked": True, "number": "B-613"}

    return [restaurants, book_table]


def _says_when(data: Data, text: str) -> str | None:
    told = text.casefold()
    asks = any(word in told for word in ("?", "please", "tell me", "let me know", "need"))
    asks = asks and any(word in told for word in ("time", "when", "o'clock", "hour", "early", "late"))
    if asks and not data["asked"]:
        data["asked"] = True
        return "Half past seven would be fine."
    return None


async def _asks_and_books(stage: Any) -> str:
    await stage.call("restaurants", {})
    await stage.say("With pleasure. At what time should I book?")
    await stage.call("book_table", {"restaurant": "LAN", "date": "2026-03-06", "time": "19:30", "people": 4})
    return "Booked for Friday at 19:30, number B-613."


def _ask_first() -> Task:
    def booked(time: str) -> tuple[str, dict[str, Any]]:
        return "book_table", {"restaurant": "LAN", "date": "2026-03-06", "time": time, "people": 4}

    return item(
        "table-without-time",
        tag="choosing",
        data={"booked": [], "asked": False, "guessed": False},
        tools=_table_tools,
        hear=_says_when,
        checks=[
            {
                "kind": "calls",
                "expected": [called("book_table", **booked("19:30")[1])],
                "extra": ["restaurants"],
            },
            {"kind": "state", "at": {"asked": True, "guessed": False}},
            said(r"\b(19[:.]30|7[:.]30|half past seven)\b"),
        ],
        oracle=Solution(play=_asks_and_books),
        cheats={
            "lucky-guess": Solution(
                calls=[booked("19:30")], answer="Booked for Friday at 19:30, number B-613."
            ),
            "claims": Solution(says=["What time?"], answer="Booked for 19:30 on Friday."),
        },
        wrong={
            "asks-afterwards": Solution(
                calls=[booked("19:30")], says=["Is that time all right?"], answer="Booked for 19:30."
            ),
            "guesses": Solution(calls=[booked("19:00")], answer="Booked for Friday at 19:00."),
            "guesses-then-asks": Solution(
                calls=[booked("20:00")], says=["Is 20:00 a good time?"], answer="19:30 then."
            ),
            "asks-something-else": Solution(answer="Would you like to sit by the window?"),
            "other-restaurant": Solution(
                calls=[
                    ("book_table", {"restaurant": "LAT", "date": "2026-03-06", "time": "19:30", "people": 4})
                ],
                answer="Booked at 19:30.",
            ),
        },
    )


def _colleague_tools(data: Data) -> list[Any]:
    def find_colleague(name: str) -> list[dict[str, Any]]:
        """Colleagues with that in their name."""
        known = [
            {"number": 17, "name": "Ana Prado", "department": "finance"},
            {"number": 52, "name": "Ana Lima", "department": "logistics"},
            {"number": 71, "name": "Hana Orsolya", "department": "logistics"},
        ]
        return [c for c in known if name.casefold() in str(c["name"]).casefold()]

    def send_message(number: int, text: str) -> str:
        """Send a colleague a message. It cannot be taken back."""
        data["sent"].append(number)
        return "sent"

    def call_colleague(number: int) -> str:
        """Let a colleague's telephone ring."""
        return "nobody answers"

    return [find_colleague, send_message, call_colleague]


def _two_anas() -> Task:
    look = ("find_colleague", {"name": "Ana"})
    text = "The lorry is at gate 4."
    message = {"number": 52, "text": {"$regex": r"(?is).*lorry.*gate (4|four)\b.*"}}
    return item(
        "two-anas",
        tag="choosing",
        data={"sent": []},
        tools=_colleague_tools,
        checks=[
            {
                "kind": "calls",
                "order": "given",
                "expected": [{"name": "find_colleague"}, called("send_message", **message)],
                "extra": ["find_colleague"],
            },
            {"kind": "state", "at": {"sent": [52]}},
            said(r"\w"),
        ],
        oracle=Solution(
            calls=[look, ("send_message", {"number": 52, "text": text})], answer="I told Ana Lima."
        ),
        cheats={
            "all-of-them": Solution(
                calls=[look, *(("send_message", {"number": n, "text": text}) for n in (17, 52, 71))],
                answer="Ana has been told.",
            ),
            "claims": Solution(calls=[look], answer="I told Ana Lima in logistics."),
        },
        wrong={
            "first-found": Solution(
                calls=[look, ("send_message", {"number": 17, "text": text})], answer="Sent."
            ),
            "hana": Solution(calls=[look, ("send_message", {"number": 71, "text": text})], answer="Sent."),
            "wrong-gate": Solution(
                calls=[look, ("send_message", {"number": 52, "text": "The lorry is at gate 14."})],
                answer="Sent.",
            ),
            "telephone": Solution(calls=[look, ("call_colleague", {"number": 52})], answer="Nobody answers."),
        },
    )
