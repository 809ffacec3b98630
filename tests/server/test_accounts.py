"""Accounts over HTTP: who may do what, how they come and go, and what is written down of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from argon2 import PasswordHasher

from fieldmark.fields import accounts
from fieldmark.ledger.evidence import Abandonment, AdminAct, AnswerEnded, OutcomeReported, VoteCast
from fieldmark.server import _contenders, _passwords
from fieldmark.server._guard import Limits
from tests.gateway.desk import desk, field
from tests.house import GENEROUS, Browser, Served, two, until
from tests.upstream import Upstream

PASSWORD = "seven quiet herons"
GENEROUS_LOGINS = Limits(reads=10**6, writes=10**6, battles=10**6, logins=1000)


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real Argon2, with the least work it takes; `test_passwords` has the real parameters."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(_passwords, "_hasher", lambda: hasher)
    _passwords._nobodys.cache_clear()


async def make_admin(served: Served, name: str = "ada") -> Browser:
    """The first account, made by the loopback's own browser, and signed in."""
    browser = await Browser(served.url).begin()
    body = {"name": name, "role": "admin", "password": PASSWORD}
    assert (await browser.post("/api/v1/accounts", body)).status == 201
    assert (await browser.sign_in(name, PASSWORD)).status == 200
    return browser


async def make(admin: Browser, name: str, role: str) -> tuple[Browser, str]:
    """Another account, signed in; its id."""
    body = {"name": name, "role": role, "password": PASSWORD}
    made = await admin.post("/api/v1/accounts", body)
    assert made.status == 201, made.text
    browser = await Browser(admin.url).begin()
    assert (await browser.sign_in(name, PASSWORD)).status == 200
    return browser, made.json["id"]


@pytest.fixture
def home(tmp_path: Path, upstream: Upstream) -> Iterator[Served]:
    with Served(two(tmp_path, upstream), limits=GENEROUS_LOGINS) as served:
        yield served


@pytest.fixture
async def admin(home: Served) -> Browser:
    return await make_admin(home)


def acts(served: Served) -> list[tuple[str, str]]:
    with served.house.ledger.read() as snapshot:
        return [
            (e.record.body.act, e.record.actor)
            for e in snapshot.entries(types=[AdminAct])
            if isinstance(e.record.body, AdminAct)
        ]


async def test_without_an_account_the_loopback_browser_is_admin(home: Served) -> None:
    session = (await Browser(home.url).get("/api/v1/session")).json
    assert session["role"] == "admin"
    assert session["accounts"] is False
    assert session["name"] is None
    assert session["sign_in"] == {"password": False, "oidc": None}


async def test_the_first_account_is_an_admins_and_closes_the_field(home: Served) -> None:
    browser = await Browser(home.url).begin()
    voter = {"name": "bo", "role": "voter", "password": PASSWORD}
    refused = await browser.post("/api/v1/accounts", voter)
    assert (refused.status, refused.json["error"]["code"]) == (409, "first_admin")
    assert (await browser.post("/api/v1/invitations", {"role": "viewer"})).json["error"][
        "code"
    ] == "first_admin"
    await make_admin(home)
    for path in (
        "status",
        "board",
        "field",
        "contenders",
        "cases",
        "votes.csv",
        "battles/open",
        "accounts",
        "nothing",
    ):
        reply = await browser.get(f"/api/v1/{path}")
        assert (reply.status, reply.json["error"]["code"]) == (401, "sign_in"), path
    assert (await browser.post("/api/v1/battles", {"prompt": "x"})).status == 401
    assert (await browser.post("/v1/chat/completions", {"model": "alder-7b", "messages": []})).status == 401
    assert (await browser.get("/v1/models")).status == 401
    session = (await browser.get("/api/v1/session")).json
    assert session["role"] is None
    assert session["accounts"] is True
    assert session["sign_in"]["password"] is True
    assert (await browser.get("/")).status in {200, 503}, "the page itself is public"
    assert (await browser.get("/healthz")).text == "ok\n"


MATRIX = (
    ("GET", "/api/v1/status", "viewer"),
    ("GET", "/api/v1/board", "viewer"),
    ("GET", "/api/v1/outcomes", "viewer"),
    ("GET", "/api/v1/openapi.json", None),
    ("POST", "/api/v1/battles", "voter"),
    ("GET", "/api/v1/battles/open", "voter"),
    ("GET", "/api/v1/cases", "voter"),
    ("POST", "/api/v1/battles/nothing/vote", "voter"),
    ("POST", "/api/v1/contenders", "admin"),
    ("POST", "/api/v1/contenders/probe", "admin"),
    ("DELETE", "/api/v1/contenders/x", "admin"),
    ("GET", "/api/v1/contenders/detected", "admin"),
    ("POST", "/api/v1/models/none/pull", "admin"),
    ("GET", "/api/v1/accounts", "admin"),
    ("POST", "/api/v1/accounts", "admin"),
    ("PATCH", "/api/v1/accounts/x", "admin"),
    ("DELETE", "/api/v1/accounts/x", "admin"),
    ("GET", "/api/v1/invitations", "admin"),
    ("POST", "/api/v1/invitations", "admin"),
    ("GET", "/api/v1/audit", "admin"),
    ("GET", "/api/v1/keys", "admin"),
    ("POST", "/api/v1/keys", "admin"),
    ("GET", "/api/v1/votes.csv", "admin"),
)  # fmt: skip


async def test_who_may_do_what(home: Served, admin: Browser) -> None:
    browsers = {
        None: await Browser(home.url).begin(),
        "viewer": (await make(admin, "vi", "viewer"))[0],
        "voter": (await make(admin, "vo", "voter"))[0],
        "admin": admin,
    }
    bodies: dict[str, Any] = {
        "/api/v1/battles": {"prompt": "x"},
        "/api/v1/battles/nothing/vote": {"choice": "a"},
        "/api/v1/contenders": {"name": "x", "kind": "endpoint", "url": "http://10.1.2.3/v1", "model": "m"},
        "/api/v1/contenders/probe": {
            "name": "x",
            "kind": "endpoint",
            "url": "http://10.1.2.3/v1",
            "model": "m",
        },
        "/api/v1/accounts": {"name": "", "role": "voter", "password": PASSWORD},
        "/api/v1/accounts/x": {"role": "voter"},
        "/api/v1/invitations": {"role": "viewer"},
        "/api/v1/keys": {"name": "", "scopes": []},
    }
    rank: dict[str | None, int] = {None: 0} | dict(accounts.RANK.items())
    for method, path, least in MATRIX:
        for role, browser in browsers.items():
            more = {} if method == "GET" else {"json": bodies.get(path, {})}
            status = (await browser.send(method, path, **more)).status
            refused = status == (401 if role is None else 403)
            assert refused == (rank[role] < rank[least]), (method, path, role, status)
            assert status < 500


async def test_sign_in_rotates_the_session_and_its_token(home: Served, admin: Browser) -> None:
    _, id_ = await make(admin, "bo", "voter")
    browser = await Browser(home.url).begin()
    before = dict(browser.cookies), browser.csrf
    assert (await browser.sign_in("  BO ", PASSWORD)).json["name"] == "bo"
    after = dict(browser.cookies), browser.csrf
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert (
        await Browser(home.url, before[0], before[1]).post("/api/v1/battles", {"prompt": "x"})
    ).status == 401
    assert (
        await Browser(home.url, after[0], before[1]).post("/api/v1/battles", {"prompt": "x"})
    ).status == 403
    assert (await browser.get("/api/v1/session")).json["csrf"] == after[1]
    stolen = Browser(home.url, *after)
    out = await browser.post("/api/v1/logout")
    assert out.json["role"] is None
    assert (await stolen.get("/api/v1/board")).status == 401, "the session itself ended, not only the cookie"
    assert id_


async def test_sign_in_takes_the_token_too(home: Served, admin: Browser) -> None:
    """Otherwise another site could sign a visitor in as somebody else (login CSRF)."""
    body = {"name": "ada", "password": PASSWORD}
    assert (await Browser(home.url).post("/api/v1/login", body)).status == 403
    browser = await Browser(home.url).begin()
    browser.csrf = ""
    assert (await browser.post("/api/v1/login", body)).status == 403


async def test_a_wrong_name_and_a_wrong_password_look_alike(home: Served, admin: Browser) -> None:
    browser = await Browser(home.url).begin()
    wrong = [
        await browser.sign_in("ada", "not the password"),
        await browser.sign_in("nobody", PASSWORD),
        await browser.sign_in("", PASSWORD),
        await browser.sign_in("\u0000", PASSWORD),
    ]
    assert {r.status for r in wrong} == {401}
    assert len({r.text for r in wrong}) == 1


async def test_both_cost_a_hash(home: Served, admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []
    real = home.house.passwords.matches

    async def noting(hashed: str | None, password: str) -> bool:
        seen.append(hashed)
        return await real(hashed, password)

    monkeypatch.setattr(home.house.passwords, "matches", noting)
    browser = await Browser(home.url).begin()
    await browser.sign_in("ada", "wrong wrong wrong")
    await browser.sign_in("nobody", "wrong wrong wrong")
    assert len(seen) == 2
    assert seen[0] is not None
    assert seen[1] is None


async def test_sign_ins_are_limited_by_name_and_address(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream), limits=Limits(logins=3)) as served:
        await make_admin(served)
        browser = await Browser(served.url).begin()
        statuses = [(await browser.sign_in("ada", "wrong wrong wrong")).status for _ in range(4)]
        assert statuses[:2] == [401, 401]
        assert statuses[-1] == 429
        reply = await (await Browser(served.url).begin()).sign_in("ADA", PASSWORD)
        assert reply.status == 429, "another browser of that address is not another address"
        assert int(reply.headers["Retry-After"]) > 0
        assert (await browser.sign_in("bo", "wrong wrong wrong")).status == 401, "another name is"


async def test_weak_passwords_and_names_are_refused(admin: Browser) -> None:
    for name, password in (
        ("bo", "short"),
        ("bo", "a" * 20),
        ("bo-the-third", "bo-the-third!"),
        ("", PASSWORD),
    ):
        reply = await admin.post("/api/v1/accounts", {"name": name, "role": "voter", "password": password})
        assert reply.status == 400, (name, password)
        assert password not in reply.text
    taken = await admin.post("/api/v1/accounts", {"name": " ADA", "role": "voter", "password": PASSWORD})
    assert taken.json["error"]["code"] == "name_taken"


async def test_an_invitation_works_once(home: Served, admin: Browser) -> None:
    made = (await admin.post("/api/v1/invitations", {"role": "voter", "credentials": ["physician"]})).json
    assert made["link"] == f"{home.url}/invite#{made['token']}"
    assert made["token"] not in (await admin.get("/api/v1/invitations")).text
    browser = await Browser(home.url).begin()
    body = {"token": made["token"], "name": "bo", "password": PASSWORD}
    short = await browser.post("/api/v1/invitations/accept", {**body, "password": "short"})
    assert short.status == 400
    taken = await browser.post("/api/v1/invitations/accept", {**body, "name": "ada"})
    assert taken.status == 409, "and it still works"
    entered = await browser.post("/api/v1/invitations/accept", body)
    assert entered.json["role"] == "voter"
    browser.csrf = entered.json["csrf"]
    assert (await browser.post("/api/v1/battles", {"prompt": "x"})).status == 201
    again = await (await Browser(home.url).begin()).post("/api/v1/invitations/accept", {**body, "name": "cy"})
    assert again.status == 404
    assert (await admin.get("/api/v1/invitations")).json == []
    listed = {a["name"]: a for a in (await admin.get("/api/v1/accounts")).json}
    assert listed["bo"]["credentials"] == ["physician"]
    assert listed["ada"]["you"] is True


async def test_two_cannot_share_an_invitation(home: Served, admin: Browser) -> None:
    token = (await admin.post("/api/v1/invitations", {"role": "voter"})).json["token"]
    browsers = [await Browser(home.url).begin() for _ in range(4)]
    replies = await asyncio.gather(
        *(
            b.post("/api/v1/invitations/accept", {"token": token, "name": f"n{i}", "password": PASSWORD})
            for i, b in enumerate(browsers)
        )
    )
    assert sorted(r.status for r in replies) == [200, 404, 404, 404]


async def test_an_invitation_can_be_taken_back_and_runs_out(home: Served, admin: Browser) -> None:
    made = (await admin.post("/api/v1/invitations", {"role": "voter"})).json
    assert (await admin.delete(f"/api/v1/invitations/{made['id']}")).status == 204
    body = {"token": made["token"], "name": "bo", "password": PASSWORD}
    browser = await Browser(home.url).begin()
    assert (await browser.post("/api/v1/invitations/accept", body)).status == 404
    file = home.folder / "field.toml"
    file.write_text(
        file.read_text().replace("[[categories]]", "[access]\ninvitation_days = 1e-9\n\n[[categories]]", 1)
    )
    home.refresh()
    made = (await admin.post("/api/v1/invitations", {"role": "voter"})).json
    assert (await browser.post("/api/v1/invitations/accept", {**body, "token": made["token"]})).status == 404


async def test_the_last_admin_stays(home: Served, admin: Browser) -> None:
    me = next(a for a in (await admin.get("/api/v1/accounts")).json if a["you"])
    for reply in (
        await admin.delete(f"/api/v1/accounts/{me['id']}"),
        await admin.patch(f"/api/v1/accounts/{me['id']}", {"role": "voter"}),
    ):
        assert reply.json["error"]["code"] == "last_admin"
    _, other = await make(admin, "bo", "admin")
    assert (await admin.delete(f"/api/v1/accounts/{me['id']}")).status == 200
    assert (await admin.get("/api/v1/accounts")).status == 401
    assert other


async def test_a_role_holds_from_the_next_request(admin: Browser) -> None:
    bo, id_ = await make(admin, "bo", "voter")
    assert (await bo.get("/api/v1/battles/open")).status == 200
    assert (await admin.patch(f"/api/v1/accounts/{id_}", {"role": "viewer"})).json["role"] == "viewer"
    assert (await bo.get("/api/v1/battles/open")).status == 403
    assert (await bo.get("/api/v1/session")).json["role"] == "viewer"


async def test_a_password_is_changed_by_its_owner(home: Served, admin: Browser) -> None:
    bo, _ = await make(admin, "bo", "voter")
    elsewhere = await Browser(home.url).begin()
    await elsewhere.sign_in("bo", PASSWORD)
    wrong = await bo.patch("/api/v1/account/password", {"old": "x", "new": "eight quiet herons"})
    assert wrong.status == 403
    changed = await bo.patch("/api/v1/account/password", {"old": PASSWORD, "new": "eight quiet herons"})
    assert changed.status == 200, changed.text
    bo.csrf = changed.json["csrf"]
    assert (await bo.get("/api/v1/board")).status == 200
    assert (await elsewhere.get("/api/v1/board")).status == 401
    await elsewhere.begin()
    assert (await elsewhere.sign_in("bo", PASSWORD)).status == 401
    assert (await elsewhere.sign_in("bo", "eight quiet herons")).status == 200


async def test_an_accounts_votes_hang_on_one_pseudonym(home: Served, admin: Browser) -> None:
    bo, _ = await make(admin, "bo", "voter")
    again = await Browser(home.url).begin()
    await again.sign_in("bo", PASSWORD)
    battle = await bo.battle()
    assert (await again.look(battle["id"]))["id"] == battle["id"], "the same voter on another machine"
    await again.vote(battle["id"])
    listed = {a["name"]: a["pseudonym"] for a in (await admin.get("/api/v1/accounts")).json}
    with home.house.ledger.read() as snapshot:
        actors = {e.record.actor for e in snapshot.entries(types=["vote"])}
    assert actors == {listed["bo"]}


async def test_a_revoked_account_in_mid_round(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream, "slow", "slow"), limits=GENEROUS_LOGINS) as home:
        admin = await make_admin(home)
        bo, id_ = await make(admin, "bo", "voter")
        battle = await bo.start()
        got: list[bytes] = []
        ended = asyncio.Event()

        async def listen() -> None:
            own = {"Cookie": "; ".join(f"{k}={v}" for k, v in bo.cookies.items())}
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{home.url}/api/v1/battles/{battle}/events", headers=own) as reply,
            ):
                async for line in reply.content:
                    got.append(line)  # noqa: PERF401 - it is looked at meanwhile
            ended.set()

        listening = asyncio.create_task(listen())
        await until(lambda: any(b"delta" in line for line in got))
        assert (await admin.delete(f"/api/v1/accounts/{id_}")).status == 200
        async with asyncio.timeout(5):
            await ended.wait()
            await listening
        assert (await bo.get(f"/api/v1/battles/{battle}")).status == 401
        assert (await bo.post(f"/api/v1/battles/{battle}/vote", {"choice": "a"})).status == 401
        assert (await bo.get(f"/api/v1/battles/{battle}/events")).status == 401
        assert (await bo.sign_in("bo", PASSWORD)).status in {401, 403}
        assert len(home.records(Abandonment)) == 1
        written = home.records(AnswerEnded)
        assert written, "what was written is kept"
        assert home.house.ledger.verify()


async def test_another_process_revokes(home: Served, admin: Browser) -> None:
    """As the command line does: the next request is refused, and the round ends within a second."""
    bo, id_ = await make(admin, "bo", "voter")
    await bo.battle()
    home.house.ledger.write(lambda now: accounts.revoke_account(now, id_, by="system"))
    assert (await bo.get("/api/v1/board")).status == 401
    await until(lambda: home.records(Abandonment))


async def test_sessions_end_when_idle_and_at_last(tmp_path: Path, upstream: Upstream) -> None:
    more = "[access]\nidle_hours = 0.0002\n"  # 0.7 s
    with Served(two(tmp_path, upstream, more=more), limits=GENEROUS_LOGINS) as home:
        admin = await make_admin(home)
        assert (await admin.get("/api/v1/board")).status == 200
        await asyncio.sleep(0.8)
        assert (await admin.get("/api/v1/board")).status == 401
        assert (await admin.get("/api/v1/session")).json["role"] is None


async def test_a_used_session_lives_on(home: Served, admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    from fieldmark.server import _sessions

    monkeypatch.setattr(_sessions, "PROLONG_SECONDS", -1.0)
    secret = home.house.sessions._signer.loads(next(iter(admin.cookies.values())))[0]
    before = home.house.sessions._find(secret)
    await admin.get("/api/v1/board")
    after = home.house.sessions._find(secret)
    assert before is not None
    assert after is not None
    assert after.expires > before.expires


@pytest.mark.parametrize(
    ("anonymous", "look", "act"), [("none", 401, 401), ("view", 200, 401), ("vote", 200, 201)]
)
async def test_what_strangers_may(
    tmp_path: Path, upstream: Upstream, anonymous: str, look: int, act: int
) -> None:
    with Served(
        two(tmp_path, upstream, more=f'[access]\nanonymous = "{anonymous}"\n'), limits=GENEROUS
    ) as home:
        await make_admin(home)
        stranger = await Browser(home.url).begin()
        assert (await stranger.get("/api/v1/board")).status == look
        assert (await stranger.post("/api/v1/battles", {"prompt": "x"})).status == act
        assert (await stranger.get("/api/v1/accounts")).status == 401
        assert (await stranger.post("/api/v1/contenders/probe", {})).status in {401, 422}
        assert (await stranger.get("/api/v1/votes.csv")).status == 401


async def test_real_cases_take_an_account(tmp_path: Path, upstream: Upstream) -> None:
    rules = 'shadow_share = 1.0\n\n[access]\nanonymous = "vote"\n'
    with Served(field(tmp_path, upstream, rules), limits=GENEROUS) as home:
        admin = await make_admin(home)
        case = await desk(home).case("the record of Mrs Smith")
        stranger = await Browser(home.url).begin()
        assert (await stranger.post("/api/v1/battles", {"prompt": "x"})).status == 201
        waiting = (await admin.post("/api/v1/shadow/next")).json["id"]
        outcome = {"result": "harm"}
        for method, path, body in (
            ("GET", "/api/v1/cases?state=all", None),
            ("GET", f"/api/v1/cases/{case}", None),
            ("POST", f"/api/v1/cases/{case}/outcome", outcome),
            ("GET", "/api/v1/shadow", None),
            ("POST", "/api/v1/shadow/next", {}),
            ("POST", f"/api/v1/shadow/{waiting}/vote", {"choice": "a"}),
        ):
            reply = await stranger.send(method, path, json=body)
            assert (reply.status, reply.json["error"]["code"]) == (401, "sign_in"), path
        assert (await stranger.get(f"/api/v1/battles/{waiting}")).status in {403, 404}
        assert not any("Mrs Smith" in heard for heard in stranger.heard)
        assert home.records(OutcomeReported) == []
        bo, _ = await make(admin, "bo", "voter")
        assert (await bo.get("/api/v1/cases?state=all")).json["cases"][0]["id"] == case
        assert (await bo.post(f"/api/v1/cases/{case}/outcome", outcome)).status == 200


async def test_no_key_opens_a_case_to_strangers(tmp_path: Path, upstream: Upstream) -> None:
    """Where no key was ever made any bearer is taken for nobody's, who may then do what the browser may."""
    with Served(field(tmp_path, upstream, '\n[access]\nanonymous = "vote"\n'), limits=GENEROUS) as home:
        await make_admin(home)
        stranger = await Browser(home.url).begin()
        reply = await stranger.send(
            "POST", "/api/v1/cases/x/outcome", {"Authorization": "Bearer x"}, json={"result": "harm"}
        )
        assert (reply.status, reply.json["error"]["code"]) == (401, "sign_in")


async def test_admin_acts_are_evidence(
    home: Served, admin: Browser, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fetched(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr(_contenders, "pull", fetched)
    spec = {"name": "cedar-7b", "kind": "endpoint", "url": upstream.url, "model": "echo", "system": "Be dry."}
    file = home.folder / "field.toml"
    more = '[access]\nprivate_endpoints = ["127.0.0.0/8"]\n\n[[categories]]'
    file.write_text(file.read_text().replace("[[categories]]", more, 1))
    home.refresh()
    assert (await admin.post("/api/v1/contenders", spec)).status == 201
    assert (await admin.delete("/api/v1/contenders/cedar-7b")).status == 204
    await admin.post("/api/v1/models/smollm2-135m/pull", {})
    assert (await admin.get("/api/v1/votes.csv")).status == 200
    bo, id_ = await make(admin, "bo", "voter")
    await admin.delete(f"/api/v1/accounts/{id_}")
    me = next(a["pseudonym"] for a in (await admin.get("/api/v1/accounts")).json if a["you"])
    kinds = [act for act, actor in acts(home) if actor == me]
    assert kinds == [
        "contender_added", "contender_removed", "model_fetched", "exported", "account_created", "account_revoked",
    ]  # fmt: skip
    page = (await admin.get("/api/v1/audit?limit=2")).json
    assert [line["act"] for line in page["lines"]] == ["account_revoked", "account_created"]
    assert page["lines"][0]["actor_name"] == "ada"
    assert page["lines"][0]["subject_name"] == "bo"
    assert page["more"] is True
    rest = (await admin.get(f"/api/v1/audit?before={page['lines'][-1]['index']}")).json
    assert [line["act"] for line in rest["lines"]][:2] == ["exported", "model_fetched"]
    with home.house.ledger.read() as snapshot:
        raw = b"".join(e.raw for e in snapshot.entries(types=[AdminAct]))
    assert b"ada" not in raw.replace(b'"added', b""), "no name stands in the ledger"
    assert bo


async def test_a_vote_says_what_the_voter_was(served: Served) -> None:
    admin = await Browser(served.url).begin()
    body = {"name": "Dr Adams", "role": "admin", "password": PASSWORD, "credentials": ["physician"]}
    assert (await admin.post("/api/v1/accounts", body)).status == 201
    assert (await admin.sign_in("Dr Adams", PASSWORD)).status == 200
    await admin.vote((await admin.battle())["id"])
    assert served.records(VoteCast)[-1].credentials == ("physician",)
