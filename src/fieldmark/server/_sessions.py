"""Who asks: a signed cookie that links a browser to a pseudonym or an account, and a token against forged requests."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer

from fieldmark.errors import Forbidden
from fieldmark.fields import Access, Role, accounts
from fieldmark.ledger import Ledger, Transaction, timestamp

CSRF_HEADER = "x-fieldmark-csrf"
COOKIE_DAYS = 365
KNOWN_SECONDS = 5.0
"""How long a pseudonym once read is believed: another process may have erased the person."""
FIRST_ACCOUNT_SECONDS = 1.0
"""How long it may take until an account that another process made is needed here."""
PROLONG_SECONDS = 300.0
"""How often at most a used session's end is moved."""
_KNOWN = 10_000
_ANONYMOUS: dict[str, Role | None] = {"none": None, "view": "viewer", "vote": "voter"}


@dataclass(frozen=True)
class Visitor:
    """Who a request comes from."""

    role: Role | None
    """None: may only sign in."""
    account: accounts.Account | None = None
    """None: nobody has signed in."""

    @property
    def credentials(self) -> tuple[str, ...]:
        """What the account's holder is, such as a physician."""
        return () if self.account is None else self.account.credentials

    def may(self, role: Role) -> bool:
        """Whether what `role` may do is allowed."""
        return self.role is not None and accounts.RANK[self.role] >= accounts.RANK[role]


class Sessions:
    """Browsers of one field. The cookie holds a random secret; the database keeps only its hash, in a deletable row."""

    def __init__(self, ledger: Ledger, key: str, *, secure: bool = False, public: bool = False) -> None:
        self._ledger = ledger
        self.secure = secure
        # A browser sends cookies to every port of a host: two folders of one field need names of their own.
        name = f"fieldmark-{ledger.field}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
        self.cookie = f"__Host-{name}" if secure else name
        self._signer = URLSafeSerializer(key, salt="voter")
        self._tokens = URLSafeSerializer(key, salt="csrf")
        self.flows = URLSafeTimedSerializer(key, salt="oidc")
        """Signs what a browser takes along to a sign-in provider."""
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()
        # Each request brings both, and a browser's are the same each time.
        self._read_cookie = lru_cache(_KNOWN)(self._signed_cookie)
        self._read_token = lru_cache(_KNOWN)(self._signed_token)
        self._accounts = public
        self._asked = -FIRST_ACCOUNT_SECONDS
        self._asking: asyncio.Task[None] | None = None

    # -- the cookie ----------------------------------------------------------------------------------------------

    def begin(self, request: Request, response: Response) -> str:
        """Give the browser its cookie if it has none; returns its CSRF token."""
        secret = self.secret(request)
        if secret is None:
            secret = secrets.token_urlsafe(24)
            self._give(response, secret, None, COOKIE_DAYS * 86400)
        return self._token(secret)

    def sign_in(self, response: Response, secret: str, account: str, lasts: timedelta) -> str:
        """Give the browser the cookie of an account's new session; returns its CSRF token."""
        self._give(response, secret, account, int(lasts.total_seconds()))
        return self._token(secret)

    def sign_out(self, response: Response) -> str:
        """A fresh cookie that is nobody's; returns its CSRF token."""
        secret = secrets.token_urlsafe(24)
        self._give(response, secret, None, COOKIE_DAYS * 86400)
        return self._token(secret)

    def _give(self, response: Response, secret: str, account: str | None, seconds: int) -> None:
        response.set_cookie(
            self.cookie,
            str(self._signer.dumps(secret if account is None else [secret, account])),
            max_age=seconds,
            httponly=True,
            samesite="strict",
            secure=self.secure,
            path="/",
        )

    def _token(self, secret: str) -> str:
        return str(self._tokens.dumps(secret))

    def _cookie(self, request: Request) -> tuple[str, str | None] | None:
        """Secret and account id in the browser's cookie, if it is ours."""
        cookie = request.cookies.get(self.cookie, "")
        return self._read_cookie(cookie) if cookie else None

    def _signed_cookie(self, cookie: str) -> tuple[str, str | None] | None:
        try:
            loaded = self._signer.loads(cookie)
        except BadSignature:
            return None
        match loaded:
            case str():
                return loaded, None
            case [str() as secret, str() as account]:
                return secret, account
        return None

    def _signed_token(self, token: str) -> object:
        try:
            return self._tokens.loads(token)
        except BadSignature:
            return None

    def secret(self, request: Request) -> str | None:
        """The browser's secret, if its cookie is ours."""
        found = self._cookie(request)
        return found[0] if found else None

    def caller(self, request: Request) -> str | None:
        """What rates are counted by: all browsers of an account are one caller."""
        found = self._cookie(request)
        return None if found is None else found[1] or found[0]

    def check(self, request: Request) -> str:
        """The secret of a browser that may act.

        Raises:
            Forbidden: no session, or the CSRF token is missing or of another browser.
        """
        secret = self.secret(request)
        if secret is None:
            raise Forbidden("no session", hint="GET /api/v1/session first, and send its cookie")
        token = self._read_token(request.headers.get(CSRF_HEADER, ""))
        if not isinstance(token, str) or not secrets.compare_digest(token, secret):
            raise Forbidden(
                "the CSRF token is missing or wrong", hint=f"send the session's `csrf` as {CSRF_HEADER}"
            )
        return secret

    # -- who it is -----------------------------------------------------------------------------------------------

    async def needed(self) -> bool:
        """Whether anything takes an account: there is one, or the server is not loopback's alone.

        Once true it stays so. The first account that another process makes is seen within `FIRST_ACCOUNT_SECONDS`.
        """
        age = time.monotonic() - self._asked
        if not self._accounts and age > FIRST_ACCOUNT_SECONDS / 2:
            if self._asking is None:  # ahead of time, so that hardly any request waits
                self._asking = asyncio.create_task(self._ask())
                self._asking.add_done_callback(lambda done: done.cancelled() or done.exception())
            if age > FIRST_ACCOUNT_SECONDS:
                await asyncio.shield(self._asking)
        return self._accounts

    async def _ask(self) -> None:
        try:
            began = time.monotonic()
            found = await asyncio.to_thread(self._any)
            self._accounts = self._accounts or found
            self._asked = began
        finally:
            self._asking = None

    def _any(self) -> bool:
        with self._ledger.read() as snapshot:
            return accounts.any_account(snapshot)

    async def visitor(self, request: Request, access: Access) -> Visitor:
        """Who asks. An account's session is looked up each time, so that a revoked one ends at once."""
        if not await self.needed():
            return Visitor("admin")
        found = self._cookie(request)
        if found is not None and found[1] is not None:
            signed_in = await asyncio.to_thread(self._find, found[0])
            if signed_in is not None:
                await self._prolong(found[0], signed_in, access)
                return Visitor(signed_in.account.role, signed_in.account)
        return self.stranger(access)

    def stranger(self, access: Access) -> Visitor:
        """Somebody who is not signed in, once there are accounts."""
        return Visitor(_ANONYMOUS[access.anonymous])

    def note_account(self) -> None:
        """There is an account now."""
        self._accounts = True

    def _find(self, secret: str) -> accounts.SignedIn | None:
        with self._ledger.read() as snapshot:
            return accounts.find_session(snapshot, secret, datetime.now(UTC))

    async def _prolong(self, secret: str, session: accounts.SignedIn, access: Access) -> None:
        latest = datetime.fromisoformat(session.created) + timedelta(days=access.session_days)
        wanted = min(datetime.now(UTC) + timedelta(hours=access.idle_hours), latest)
        if (wanted - datetime.fromisoformat(session.expires)).total_seconds() > PROLONG_SECONDS:
            expires = timestamp(wanted)
            await self._ledger.awrite(lambda now: accounts.prolong_session(now, secret, expires))

    async def open(self, account: str, access: Access) -> str:
        """A new session of an account; its secret."""
        idle = timedelta(hours=min(access.idle_hours, access.session_days * 24))
        return await self._ledger.awrite(lambda now: accounts.open_session(now, account, idle=idle))

    async def voter(self, secret: str) -> str:
        """The pseudonym of a browser without an account, made at its first act."""
        known = self._remembered(secret)
        if known is None:
            known = await self._ledger.awrite(lambda now: _pseudonym(now, secret))
            self._remember(secret, known)
        return known

    def remembered_voter(self, request: Request) -> str | None:
        """What `known_voter` gives, where it takes no look into the database."""
        visitor: Visitor | None = getattr(request.state, "visitor", None)
        if visitor is not None and visitor.account is not None:
            return visitor.account.pseudonym
        found = self._cookie(request)
        return None if found is None or found[1] is not None else self._remembered(found[0])

    def known_voter(self, request: Request) -> str | None:
        """The pseudonym of whoever has acted before from this browser, or is signed in on it."""
        known, found = self.remembered_voter(request), self._cookie(request)
        if known is None and found is not None and found[1] is None:
            with self._ledger.read() as snapshot:
                known = snapshot.pseudonym(found[0])
            if known is not None:
                self._remember(found[0], known)
        return known

    def forget(self, pseudonym: str) -> None:
        """The person was erased."""
        for secret in [s for s, (known, _) in self._known.items() if known == pseudonym]:
            del self._known[secret]

    def _remembered(self, secret: str) -> str | None:
        known, until = self._known.get(secret, (None, 0.0))
        return known if time.monotonic() < until else None

    def _remember(self, secret: str, pseudonym: str) -> None:
        self._known[secret] = (pseudonym, time.monotonic() + KNOWN_SECONDS)
        self._known.move_to_end(secret)
        while len(self._known) > _KNOWN:
            self._known.popitem(last=False)


def _pseudonym(now: Transaction, secret: str) -> str:
    return now.pseudonym(secret)
