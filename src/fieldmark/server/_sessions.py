"""Who asks: a signed cookie that links a browser to a pseudonym, and a token that other sites cannot know."""

from __future__ import annotations

import hashlib
import secrets

from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeSerializer

from fieldmark.errors import Forbidden
from fieldmark.ledger import Ledger

CSRF_HEADER = "x-fieldmark-csrf"
COOKIE_DAYS = 365


class Sessions:
    """Browsers of one field. The cookie holds a random secret; the ledger keeps only its hash, in a deletable row."""

    def __init__(self, ledger: Ledger, key: str) -> None:
        self._ledger = ledger
        # A browser sends cookies to every port of a host: two folders of one field need names of their own.
        self.cookie = f"fieldmark-{ledger.field}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
        self._signer = URLSafeSerializer(key, salt="voter")
        self._tokens = URLSafeSerializer(key, salt="csrf")
        self._known: dict[str, str] = {}

    def begin(self, request: Request, response: Response) -> str:
        """Give the browser its cookie if it has none; returns its CSRF token."""
        secret = self.secret(request)
        if secret is None:
            secret = secrets.token_urlsafe(24)
            response.set_cookie(
                self.cookie,
                str(self._signer.dumps(secret)),
                max_age=COOKIE_DAYS * 86400,
                httponly=True,
                samesite="strict",
                path="/",
            )
        return str(self._tokens.dumps(secret))

    def secret(self, request: Request) -> str | None:
        """The browser's secret, if its cookie is ours."""
        try:
            loaded = self._signer.loads(request.cookies.get(self.cookie, ""))
        except BadSignature:
            return None
        return loaded if isinstance(loaded, str) else None

    def check(self, request: Request) -> str:
        """The secret of a browser that may act.

        Raises:
            Forbidden: no session, or the CSRF token is missing or of another browser.
        """
        secret = self.secret(request)
        if secret is None:
            raise Forbidden("no session", hint="GET /api/v1/session first, and send its cookie")
        try:
            token = self._tokens.loads(request.headers.get(CSRF_HEADER, ""))
        except BadSignature:
            token = None
        if not isinstance(token, str) or not secrets.compare_digest(token, secret):
            raise Forbidden(
                "the CSRF token is missing or wrong", hint=f"send the session's `csrf` as {CSRF_HEADER}"
            )
        return secret

    async def voter(self, secret: str) -> str:
        """The pseudonym of a browser, made at its first act."""
        if secret not in self._known:
            self._known[secret] = await self._ledger.awrite(lambda transaction: transaction.pseudonym(secret))
        return self._known[secret]

    def known_voter(self, request: Request) -> str | None:
        """The pseudonym of a browser that has acted before."""
        secret = self.secret(request)
        if secret is None:
            return None
        if secret not in self._known:
            with self._ledger.read() as snapshot:
                found = snapshot.pseudonym(secret)
            if found is None:
                return None
            self._known[secret] = found
        return self._known[secret]
