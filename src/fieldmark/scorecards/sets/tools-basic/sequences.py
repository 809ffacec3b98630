"""More than one call: a chain, a comparison, all pages, a condition, a switch that only toggles."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from fieldmark.scorecards import Solution, Task, ToolRefusal

from ._kit import Data, called, item, said

Account = Literal["current", "holiday", "savings"]


def tasks() -> list[Task]:
    return [_parcel(), _runs_out(), _pages(), _transfer(), _lights()]


def _parcel_tools(data: Data) -> list[Any]:
    def orders_of(email: str) -> list[dict[str, str]]:
        """Orders of a customer, newest first."""
        if email.casefold() != "k.ito@post.example":
            return []
        return [
            {"order": "55-310", "placed": "2026-02-27", "what": "desk lamp"},
            {"order": "55-127", "placed": "2026-01-14", "what": "office chair"},
        ]

    def parcels_of(order: str) -> list[str]:
        """Codes of the parcels of an order."""
        return {"55-310": ["ZX80441"], "55-127": ["ZX70009", "ZX70010"]}.get(order, [])

    def track(parcel: str) -> dict[str, str]:
        """Where a parcel is."""
        places = {"ZX80441": "Basel customs", "ZX70009": "delivered", "ZX70010": "delivered"}
        if parcel not in places:
            raise ToolRefusal("unknown parcel; a code looks like ZX12345")
        return {"parcel": parcel, "place": places[parcel], "since": "2026-03-02"}

    return [orders_of, parcels_of, track]


def _parcel() -> Task:
    chain = [
        ("orders_of", {"email": "k.ito@post.example"}),
        ("parcels_of", {"order": "55-310"}),
        ("track", {"parcel": "ZX80441"}),
    ]
    return item(
        "lamp-of-mr-ito",
        tag="sequences",
        tools=_parcel_tools,
        checks=[
            {
                "kind": "calls",
                "order": "given",
                "expected": [called(name, **arguments) for name, arguments in chain],
                "extra": ["parcels_of", "orders_of"],
            },
            said(r"\bbasel\b.*\bcustoms\b|\bcustoms\b.*\bbasel\b"),
        ],
        oracle=Solution(calls=chain, answer="It has been at the customs in Basel since 2 March."),
        cheats={
            "no-call": Solution(answer="The parcel is at Basel customs."),
            "guesses-codes": Solution(
                calls=[("track", {"parcel": p}) for p in ("ZX80440", "ZX80441")], answer="Basel customs."
            ),
        },
        wrong={
            "the-chair": Solution(
                calls=[chain[0], ("parcels_of", {"order": "55-127"}), ("track", {"parcel": "ZX70009"})],
                answer="It was delivered.",
            ),
            "stops-early": Solution(calls=chain[:2], answer="The parcel is ZX80441, it is under way."),
            "order-as-parcel": Solution(
                calls=[chain[0], ("track", {"parcel": "55-310"})], answer="Unknown parcel."
            ),
            "misreads": Solution(calls=chain, answer="It was delivered on 2 March."),
        },
    )


def _stock_tools(data: Data) -> list[Any]:
    def stock(article: str) -> int:
        """Pieces in the store."""
        return _piece({"flour": 240, "yeast": 90, "salt": 36}, article)

    def used_per_day(article: str) -> int:
        """Pieces used on an ordinary day."""
        return _piece({"flour": 40, "yeast": 10, "salt": 3}, article)

    def price(article: str) -> float:
        """Price of a piece when bought again."""
        return _piece({"flour": 9, "yeast": 2, "salt": 1}, article)

    return [stock, used_per_day, price]


def _piece(known: dict[str, int], article: str) -> int:
    if article.strip().casefold() not in known:
        raise ToolRefusal(f"unknown article '{article}'; known: {', '.join(known)}")
    return known[article.strip().casefold()]


def _runs_out() -> Task:
    three = ("flour", "yeast", "salt")
    all_six = [(tool, {"article": a}) for a in three for tool in ("stock", "used_per_day")]
    return item(
        "runs-out-first",
        tag="sequences",
        tools=_stock_tools,
        checks=[
            {
                "kind": "calls",
                "expected": [called(n, **a) for n, a in all_six],
                "extra": ["stock", "used_per_day"],
            },
            said(r"^\W*flour\b\D*\b6\b", forbidden=["yeast", "salt"]),
        ],
        oracle=Solution(calls=all_six, answer="Flour, 6 days"),
        cheats={
            "no-call": Solution(answer="Flour, 6 days"),
            "names-all": Solution(calls=all_six, answer="Flour, yeast or salt: 6, 9, 12 days"),
        },
        wrong={
            "least-stock": Solution(calls=all_six[::2], answer="Salt, 12 days"),
            "only-one": Solution(calls=all_six[:2], answer="Flour, 6 days"),
            "lasts-longest": Solution(calls=all_six, answer="Salt, 12 days"),
            "buys": Solution(calls=[*all_six, ("price", {"article": "flour"})], answer="Flour, 6 days"),
            "wrong-division": Solution(calls=all_six, answer="Flour, 9 days"),
        },
    )


_INVOICES = [
    ("A-1", 120.0, True), ("A-2", 75.5, False), ("A-3", 310.0, True), ("A-4", 48.25, False), ("A-5", 99.0, True),
    ("A-6", 200.0, False), ("A-7", 15.0, True), ("A-8", 61.75, False),
]  # fmt: skip


def _invoice_tools(data: Data) -> list[Any]:
    def invoices(page: Annotated[int, Field(ge=1)] = 1) -> dict[str, Any]:
        """Invoices of this year, three on a page. `next` is the number of the next page, or null."""
        part = _INVOICES[3 * (page - 1) : 3 * page]
        shown = [{"invoice": n, "amount": a, "paid": p} for n, a, p in part]
        return {"invoices": shown, "next": page + 1 if 3 * page < len(_INVOICES) else None}

    return [invoices]


def _pages() -> Task:
    pages = [("invoices", {}), ("invoices", {"page": 2}), ("invoices", {"page": 3})]
    return item(
        "all-the-pages",
        tag="sequences",
        tools=_invoice_tools,
        checks=[
            {
                "kind": "calls",
                "expected": [called("invoices", page=n) for n in (1, 2, 3)],
                "extra": ["invoices"],
                "defaults": {"invoices": {"page": 1}},
            },
            {"kind": "number", "equals": 385.5, "absolute": 0.001},
        ],
        oracle=Solution(calls=pages, answer="385.50"),
        cheats={
            "no-call": Solution(answer="385.50"),
            "many-numbers": Solution(calls=pages, answer="75.5, 123.75, 323.75 or 385.5"),
        },
        wrong={
            "first-page": Solution(calls=pages[:1], answer="75.50"),
            "two-pages": Solution(calls=pages[:2], answer="323.75"),
            "the-paid-ones": Solution(calls=pages, answer="544"),
            "everything": Solution(calls=pages, answer="929.50"),
            "counts-them": Solution(calls=pages, answer="4"),
        },
    )


def _bank_tools(data: Data) -> list[Any]:
    def balance(account: Account) -> float:
        """Money in an account."""
        return data["accounts"][account]

    def transfer(source: Account, target: Account, amount: Annotated[float, Field(gt=0)]) -> str:
        """Move money. It cannot be taken back."""
        if data["accounts"][source] < amount:
            raise ToolRefusal("there is not so much in that account")
        data["accounts"][source] -= amount
        data["accounts"][target] += amount
        return "moved"

    return [balance, transfer]


def _transfer() -> Task:
    accounts = {"current": 902.1, "holiday": 385.2, "savings": 5100.0}
    look = ("balance", {"account": "holiday"})

    def move(source: str, target: str, amount: float) -> tuple[str, dict[str, Any]]:
        return "transfer", {"source": source, "target": target, "amount": amount}

    return item(
        "only-if-above",
        tag="sequences",
        data={"accounts": accounts},
        tools=_bank_tools,
        checks=[
            {
                "kind": "calls",
                "expected": [called(*look[:1], **look[1])],
                "extra": ["balance"],
                "forbidden": [{"name": "transfer"}],
            },
            {"kind": "state", "at": {"accounts": accounts}},
            said(r"\b385[.,]20?\b"),
        ],
        oracle=Solution(calls=[look], answer="There are 385.20 in it, so nothing was moved."),
        cheats={
            "no-call": Solution(answer="There are 385.20 in the holiday account."),
            "there-and-back": Solution(
                calls=[look, move("holiday", "savings", 10), move("savings", "holiday", 10)], answer="385.20"
            ),
        },
        wrong={
            "moves-anyway": Solution(
                calls=[look, move("holiday", "savings", 385.2)], answer="0 now, 385.20 moved."
            ),
            "tops-up": Solution(
                calls=[look, move("savings", "holiday", 14.8)], answer="385.20 before, 400 now."
            ),
            "other-account": Solution(
                calls=[("balance", {"account": "current"}), move("current", "savings", 502.1)], answer="400"
            ),
            "tries": Solution(calls=[move("holiday", "savings", 400), look], answer="385.20, nothing moved."),
            "claims-a-move": Solution(calls=[look], answer="I moved 25 to savings; 400 are left."),
        },
    )


def _light_tools(data: Data) -> list[Any]:
    def lights() -> dict[str, bool]:
        """Which lights are on."""
        return dict(data["lights"])

    def press(light: str) -> str:
        """Press the switch of a light: on becomes off, off becomes on."""
        if light not in data["lights"]:
            raise ToolRefusal(f"no light is called '{light}'")
        data["lights"][light] = not data["lights"][light]
        return "pressed"

    return [lights, press]


def _lights() -> Task:
    lights = {"hall": False, "kitchen": True, "stairs": True, "cellar": False, "porch": True}

    def press(*names: str) -> list[tuple[str, dict[str, Any]]]:
        return [("press", {"light": name}) for name in names]

    look: tuple[str, dict[str, Any]] = ("lights", {})
    return item(
        "lights-out",
        tag="sequences",
        data={"lights": lights},
        tools=_light_tools,
        checks=[
            {"kind": "state", "is": {"lights": {name: name == "porch" for name in lights}}},
            {"kind": "calls", "expected": [{"name": "lights"}], "extra": True},
            said(r"\w"),
        ],
        oracle=Solution(calls=[look, *press("kitchen", "stairs")], answer="Only the porch light is on now."),
        cheats={
            "claims": Solution(calls=[look], answer="All lights are off but the one in the porch."),
            "blind-luck": Solution(calls=press("kitchen", "stairs"), answer="Done."),
        },
        wrong={
            "presses-all": Solution(
                calls=[look, *press("hall", "kitchen", "stairs", "cellar")], answer="Done."
            ),
            "porch-too": Solution(calls=[look, *press("kitchen", "stairs", "porch")], answer="All off."),
            "one-forgotten": Solution(calls=[look, *press("kitchen")], answer="Done."),
            "twice": Solution(calls=[look, *press("kitchen", "stairs", "stairs")], answer="Done."),
            "the-dark-ones": Solution(calls=[look, *press("hall", "cellar")], answer="Done."),
        },
    )
