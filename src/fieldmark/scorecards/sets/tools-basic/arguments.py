"""The right arguments: units, telephone numbers, dates in words, enumerations, nested tables, options left out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fieldmark.scorecards import Solution, Task, ToolRefusal

from ._kit import Data, called, item, said

Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$", description="YYYY-MM-DD")]
Moment = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d$", description="local time, YYYY-MM-DDTHH:MM")
]


def tasks() -> list[Task]:
    return [_miles(), _telephone(), _calendar(), _ticket(), _order(), _flights()]


def _run_tools(data: Data) -> list[Any]:
    def plan_run(
        distance_km: Annotated[float, Field(gt=0, le=100, description="length of the run in kilometres")],
        surface: Literal["road", "trail", "track"],
    ) -> dict[str, Any]:
        """Make a training run of that length and keep it in the plan."""
        data["runs"].append(distance_km)
        return {"run": f"R-{round(distance_km * 10)}", "minutes": round(distance_km * 6.2)}

    def plan_ride(distance_km: float) -> dict[str, Any]:
        """Make a training ride by bicycle."""
        return {"ride": "C-1"}

    return [plan_run, plan_ride]


def _miles() -> Task:
    return item(
        "six-miles",
        tag="arguments",
        data={"runs": []},
        tools=_run_tools,
        checks=[
            {
                "kind": "calls",
                "expected": [
                    called("plan_run", distance_km={"$about": 9.654, "$absolute": 0.06}, surface="trail")
                ],
            },
            said(r"\bR-\s?9[67]\b"),
        ],
        oracle=Solution(
            calls=[("plan_run", {"distance_km": 9.65, "surface": "trail"})], answer="It is planned: R-96."
        ),
        cheats={
            "no-call": Solution(answer="Your run of six miles is in the plan as R-97."),
            "many": Solution(
                calls=[("plan_run", {"distance_km": d, "surface": "trail"}) for d in (6, 9.65)], answer="R-96"
            ),
        },
        wrong={
            "six": Solution(calls=[("plan_run", {"distance_km": 6, "surface": "trail"})], answer="R-60"),
            "other-way": Solution(
                calls=[("plan_run", {"distance_km": 3.73, "surface": "trail"})], answer="R-37"
            ),
            "metres": Solution(
                calls=[("plan_run", {"distance_km": 96.54, "surface": "trail"})], answer="R-965"
            ),
            "road": Solution(calls=[("plan_run", {"distance_km": 9.65, "surface": "road"})], answer="R-96"),
            "bicycle": Solution(calls=[("plan_ride", {"distance_km": 9.65})], answer="C-1"),
        },
    )


def _contact_tools(data: Data) -> list[Any]:
    def save_contact(
        name: str,
        phone: Annotated[
            str, Field(description="E.164: +, country code, number, digits only, such as +442071838750")
        ],
        group: Literal["family", "health", "work", "other"],
    ) -> str:
        """Save a contact."""
        data["contacts"].append(phone)
        return "saved"

    return [save_contact]


def _telephone() -> Task:
    def save(phone: str, group: str = "health") -> tuple[str, dict[str, Any]]:
        return "save_contact", {"name": "Dr Iversen", "phone": phone, "group": group}

    contact = called(
        "save_contact", name={"$regex": r"(?is).*\biversen\b.*"}, phone="+4755219807", group="health"
    )
    return item(
        "dentist-in-bergen",
        tag="arguments",
        data={"contacts": []},
        tools=_contact_tools,
        checks=[
            {"kind": "calls", "expected": [contact]},
            {"kind": "state", "at": {"contacts": ["+4755219807"]}},
            said(r"\w"),
        ],
        oracle=Solution(calls=[save("+4755219807")], answer="Saved."),
        cheats={
            "no-call": Solution(answer="I have saved Dr Iversen, +4755219807."),
            "both-forms": Solution(calls=[save("55219807"), save("+4755219807")], answer="Saved."),
        },
        wrong={
            "as-written": Solution(calls=[save("55 21 98 07")], answer="Saved."),
            "without-plus": Solution(calls=[save("4755219807")], answer="Saved."),
            "sweden": Solution(calls=[save("+4655219807")], answer="Saved."),
            "zeros": Solution(calls=[save("004755219807")], answer="Saved."),
            "group": Solution(calls=[save("+4755219807", "work")], answer="Saved."),
        },
    )


def _calendar_tools(data: Data) -> list[Any]:
    def create_event(
        title: str, start: Moment, end: Moment, reminder_minutes: int | None = None, room: str | None = None
    ) -> str:
        """Put an event into the calendar and invite everybody."""
        data["events"].append([start, end])
        return "created"

    def list_events(date: Day) -> list[str]:
        """What is in the calendar on a day."""
        return []

    return [create_event, list_events]


def _calendar() -> Task:
    def event(start: str, end: str, **more: Any) -> tuple[str, dict[str, Any]]:
        return "create_event", {"title": "Budget talk", "start": start, "end": end, **more}

    right = event("2026-03-18T14:30", "2026-03-18T15:15", reminder_minutes=120)
    arguments = right[1] | {"title": {"$regex": r"(?is).*budget.*"}}
    return item(
        "budget-talk",
        tag="arguments",
        data={"events": []},
        tools=_calendar_tools,
        checks=[
            {
                "kind": "calls",
                "expected": [called("create_event", **arguments)],
                "extra": ["list_events"],
                "defaults": {"create_event": {"room": None}},
            },
            said(r"\w"),
        ],
        oracle=Solution(calls=[right], answer="The budget talk is in your calendar."),
        cheats={
            "no-call": Solution(answer="Done: Wednesday 18 March, 14:30 to 15:15."),
            "both-weeks": Solution(
                calls=[event("2026-03-25T14:30", "2026-03-25T15:15", reminder_minutes=120), right],
                answer="Done.",
            ),
        },
        wrong={
            "thursday": Solution(
                calls=[event("2026-03-19T14:30", "2026-03-19T15:15", reminder_minutes=120)], answer="Done."
            ),
            "week-later": Solution(
                calls=[event("2026-03-25T14:30", "2026-03-25T15:15", reminder_minutes=120)], answer="Done."
            ),
            "an-hour": Solution(
                calls=[event("2026-03-18T14:30", "2026-03-18T15:30", reminder_minutes=120)], answer="Done."
            ),
            "half-past-one": Solution(
                calls=[event("2026-03-18T13:30", "2026-03-18T14:15", reminder_minutes=120)], answer="Done."
            ),
            "hours-as-minutes": Solution(
                calls=[event("2026-03-18T14:30", "2026-03-18T15:15", reminder_minutes=2)], answer="Done."
            ),
            "no-reminder": Solution(calls=[event("2026-03-18T14:30", "2026-03-18T15:15")], answer="Done."),
        },
    )


def _ticket_tools(data: Data) -> list[Any]:
    def open_ticket(
        shop: Literal["antwerp", "bruges", "ghent", "leuven"],
        area: Literal["till", "network", "website", "warehouse", "other"],
        severity: Literal["S1", "S2", "S3", "S4"],
    ) -> str:
        """Open a ticket. S1 wakes people up."""
        data["tickets"].append([shop, area, severity])
        return "T-2090"

    return [open_ticket]


def _ticket() -> Task:
    def ticket(severity: str, area: str = "till", shop: str = "ghent") -> tuple[str, dict[str, Any]]:
        return "open_ticket", {"shop": shop, "area": area, "severity": severity}

    return item(
        "tills-in-ghent",
        tag="arguments",
        data={"tickets": []},
        tools=_ticket_tools,
        checks=[
            {"kind": "calls", "expected": [called("open_ticket", shop="ghent", area="till", severity="S2")]},
            said(r"\bT-?2090\b"),
        ],
        oracle=Solution(calls=[ticket("S2")], answer="I have opened ticket T-2090, we are on it."),
        cheats={
            "no-call": Solution(answer="Ticket T-2090 is open."),
            "one-of-each": Solution(calls=[ticket(s) for s in ("S1", "S2", "S3")], answer="T-2090"),
        },
        wrong={
            "panics": Solution(calls=[ticket("S1")], answer="T-2090"),
            "plays-down": Solution(calls=[ticket("S3")], answer="T-2090"),
            "cause-not-place": Solution(calls=[ticket("S2", "network")], answer="T-2090"),
            "other-shop": Solution(calls=[ticket("S2", shop="bruges")], answer="T-2090"),
            "keeps-the-number": Solution(calls=[ticket("S2")], answer="A ticket is open."),
        },
    )


class Line(BaseModel):
    """Of an order."""

    model_config = ConfigDict(extra="forbid")
    article: str
    quantity: Annotated[int, Field(ge=1)]


class Address(BaseModel):
    """Where to."""

    model_config = ConfigDict(extra="forbid")
    street: str
    postcode: str
    town: str


class Delivery(BaseModel):
    """How it gets there: `address` only with the method `courier`."""

    model_config = ConfigDict(extra="forbid")
    method: Literal["pickup", "courier"]
    address: Address | None = None


def _order_tools(data: Data) -> list[Any]:
    def place_order(customer_email: str, lines: list[Line], delivery: Delivery) -> dict[str, Any]:
        """Place an order. It is sent at once."""
        data["orders"].append([[line.article, line.quantity] for line in lines])
        return {"order": "O-771", "total": 96.4}

    return [place_order]


def _order() -> Task:
    def order(lines: list[tuple[str, int]], postcode: str = "4051") -> tuple[str, dict[str, Any]]:
        return "place_order", {
            "customer_email": "mo@reed.example",
            "lines": [{"article": a, "quantity": q} for a, q in lines],
            "delivery": {
                "method": "courier",
                "address": {"street": "Linden Walk 3", "postcode": postcode, "town": "Reedham"},
            },
        }

    right = order([("TEA-GR", 3), ("CUP-W", 12)])
    expected = right[1] | {"lines": {"$unordered": right[1]["lines"]}}
    pickup = right[1] | {"delivery": {"method": "pickup"}}
    return item(
        "tea-and-cups",
        tag="arguments",
        data={"orders": []},
        tools=_order_tools,
        checks=[{"kind": "calls", "expected": [called("place_order", **expected)]}, said(r"\bO-?771\b")],
        oracle=Solution(calls=[right], answer="Your order has the number O-771."),
        cheats={
            "no-call": Solution(answer="The order is O-771."),
            "two-orders": Solution(calls=[order([("TEA-GR", 3)]), order([("CUP-W", 12)])], answer="O-771"),
        },
        wrong={
            "ten-cups": Solution(calls=[order([("TEA-GR", 3), ("CUP-W", 10)])], answer="O-771"),
            "black-tea": Solution(calls=[order([("TEA-BL", 3), ("CUP-W", 12)])], answer="O-771"),
            "grams": Solution(calls=[order([("TEA-GR", 300), ("CUP-W", 12)])], answer="O-771"),
            "postcode": Solution(calls=[order([("TEA-GR", 3), ("CUP-W", 12)], "4501")], answer="O-771"),
            "pickup": Solution(calls=[("place_order", pickup)], answer="O-771"),
            "flat": Solution(
                calls=[("place_order", {"customer_email": "mo@reed.example", "lines": "3 TEA-GR, 12 CUP-W"})],
                answer="O-771",
            ),
        },
    )


def _flight_tools(data: Data) -> list[Any]:
    flights = [
        {"flight": "NB 204", "stops": 1, "cabin": "economy", "airline": "NB", "price": 164},
        {"flight": "QT 18", "stops": 2, "cabin": "economy", "airline": "QT", "price": 118},
        {"flight": "NB 202", "stops": 0, "cabin": "business", "airline": "NB", "price": 390},
        {"flight": "NB 206", "stops": 0, "cabin": "economy", "airline": "NB", "price": 231},
    ]

    def search_flights(
        origin: Annotated[str, Field(pattern="^[A-Z]{3}$", description="IATA code")],
        destination: Annotated[str, Field(pattern="^[A-Z]{3}$", description="IATA code")],
        date: Day,
        cabin: Literal["economy", "business"] | None = None,
        most_stops: int | None = None,
        airline: str | None = None,
    ) -> list[dict[str, Any]]:
        """Flights on a day. Every option that is given leaves out what does not fit it."""
        if (origin, destination, date) != ("LYS", "RIX", "2026-05-09"):
            raise ToolRefusal("no flights found; codes of this airport's pages: Lyon LYS, Riga RIX, Linz LNZ")
        found = [f for f in flights if cabin in (None, f["cabin"]) and airline in (None, f["airline"])]
        return [f for f in found if most_stops is None or int(str(f["stops"])) <= most_stops]

    return [search_flights]


def _flights() -> Task:
    place = {"origin": "LYS", "destination": "RIX", "date": "2026-05-09"}
    checks = [
        {
            "kind": "calls",
            "expected": [called("search_flights", **place)],
            "defaults": {"search_flights": {"cabin": None, "most_stops": None, "airline": None}},
        },
        said(r"\bQT\s?18\b", forbidden=[r"\bNB\s?20\d\b"]),
    ]
    return item(
        "lyon-riga",
        tag="arguments",
        tools=_flight_tools,
        checks=checks,
        oracle=Solution(calls=[("search_flights", place)], answer="QT 18, for 118."),
        cheats={
            "no-call": Solution(answer="QT 18 is the cheapest."),
            "searches-all": Solution(
                calls=[("search_flights", place | {"most_stops": n}) for n in (0, 1, 2)],
                answer="QT 18 for 118.",
            ),
        },
        wrong={
            "non-stop": Solution(
                calls=[("search_flights", place | {"most_stops": 0})], answer="NB 206 for 231."
            ),
            "economy": Solution(
                calls=[("search_flights", place | {"cabin": "economy"})], answer="QT 18 for 118."
            ),
            "other-airport": Solution(
                calls=[("search_flights", place | {"origin": "LNZ"})], answer="There is none."
            ),
            "not-the-cheapest": Solution(calls=[("search_flights", place)], answer="NB 204, one stop, 164."),
            "american-date": Solution(
                calls=[("search_flights", place | {"date": "2026-09-05"})], answer="There is none."
            ),
        },
    )
