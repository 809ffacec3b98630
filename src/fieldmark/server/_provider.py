"""An OpenID Connect provider: discovery, code flow with PKCE, and what its ID token says of somebody."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fieldmark.errors import FieldmarkError
from fieldmark.fields import OidcAccess, Role, accounts

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import AsyncOAuth2Client

LOG = logging.getLogger(__name__)
SECONDS = 5.0
"""How long the provider may take for one answer."""
METADATA_SECONDS = 3600.0
_LEEWAY = 60
# No "none", and no HMAC: with it whoever knows the client's secret could sign.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]

Trouble = Literal["unreachable", "refused", "invalid", "not_allowed", "no_secret", "expired", "revoked"]


class ProviderTrouble(FieldmarkError):
    """Signing in by the provider did not work; `code` is what the page is told, the message is for the log."""

    def __init__(self, code: Trouble, message: str) -> None:
        super().__init__(message)
        self.code: Trouble = code


@dataclass(frozen=True)
class Flow:
    """What the browser keeps between leaving for the provider and coming back."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Identity:
    """Somebody as the provider knows them, and what they may do here."""

    issuer: str
    subject: str
    name: str
    role: Role


class Provider:
    """One provider, as `[access.oidc]` describes it."""

    def __init__(self, access: OidcAccess) -> None:
        self.access = access
        self._metadata: dict[str, Any] | None = None
        self._read_at = 0.0

    async def leave(self, redirect: str) -> tuple[str, Flow]:
        """Where to send the browser, and what it has to bring back.

        Raises:
            ProviderTrouble: the provider cannot be reached.
        """
        flow = Flow(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))
        async with self._client(redirect) as client:
            metadata = await self._discovered(client)
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"],
                state=flow.state,
                nonce=flow.nonce,
                code_verifier=flow.verifier,
            )
        return str(url), flow

    async def come_back(self, redirect: str, code: str, flow: Flow) -> Identity:
        """Whom the code stands for.

        Raises:
            ProviderTrouble: the provider cannot be reached or refuses, its token is wrong, or they may not sign in.
        """
        async with self._client(redirect) as client:
            metadata = await self._discovered(client)
            token = await client.fetch_token(
                metadata["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=flow.verifier,
            )
            keys = (await client.request("GET", metadata["jwks_uri"], withhold_token=True)).json()
        return self._identity(_claims(token, keys, self.access, flow.nonce))

    @asynccontextmanager
    async def _client(self, redirect: str) -> AsyncIterator[AsyncOAuth2Client]:
        """A client whose troubles are ours. Messages hold no parameter: codes and secrets are among them."""
        import httpx2
        from authlib.common.errors import AuthlibBaseError
        from authlib.integrations.httpx_client import AsyncOAuth2Client
        from joserfc.errors import JoseError

        secret = self._secret()
        client = AsyncOAuth2Client(
            self.access.client_id,
            secret,
            scope=" ".join(self.access.scopes),
            redirect_uri=redirect,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            timeout=SECONDS,
            follow_redirects=False,
        )
        try:
            async with client:
                yield client
        except (httpx2.HTTPStatusError, AuthlibBaseError) as error:
            said = getattr(
                error, "error", ""
            )  # its code, such as invalid_client; descriptions may repeat secrets
            raise ProviderTrouble(
                "refused", f"the provider refused: {said or type(error).__name__}"
            ) from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ProviderTrouble("unreachable", f"no answer: {type(error).__name__}") from None
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ProviderTrouble("invalid", f"not as it should be: {type(error).__name__}") from None

    def _secret(self) -> str | None:
        variable = self.access.client_secret_env
        if variable is None:
            return None
        secret = os.environ.get(variable, "").strip()
        if not secret:
            raise ProviderTrouble("no_secret", f"the environment variable {variable} is not set")
        return secret

    async def _discovered(self, client: AsyncOAuth2Client) -> dict[str, Any]:
        """The provider's own description, read once an hour. It has to name the issuer that we were told."""
        if self._metadata is None or time.monotonic() - self._read_at > METADATA_SECONDS:
            address = self.access.issuer.rstrip("/") + "/.well-known/openid-configuration"
            response = await client.request("GET", address, withhold_token=True)
            response.raise_for_status()
            found = response.json()
            if found["issuer"].rstrip("/") != self.access.issuer.rstrip("/"):
                raise ProviderTrouble("invalid", "the provider names another issuer than field.toml")
            self._metadata, self._read_at = found, time.monotonic()
        assert self._metadata is not None
        return self._metadata

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        role = self._role(claims)
        if role is None:
            raise ProviderTrouble(
                "not_allowed", "the provider knows them, but field.toml does not let them in"
            )
        name = claims.get("preferred_username") or claims.get("email") or claims.get("name") or claims["sub"]
        return Identity(self.access.issuer, str(claims["sub"]), str(name)[:100], role)

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        """The highest role that a claim gives, or the default one if they may sign in at all."""
        access = self.access
        said = claims.get(access.role_claim) if access.role_claim else None
        values = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        roles = [access.roles[v] for v in values if isinstance(v, str) and v in access.roles]
        if roles:
            return max(roles, key=accounts.RANK.__getitem__)
        domain = str(claims.get("email", "")).rpartition("@")[2].casefold()
        verified = claims.get("email_verified") is True
        listed = claims["sub"] in access.subjects or (
            verified and domain in {d.casefold() for d in access.domains}
        )
        return access.default_role if listed or access.anyone else None


def _claims(
    token: Mapping[str, Any], keys: Mapping[str, Any], access: OidcAccess, nonce: str
) -> Mapping[str, Any]:
    """What a verified ID token says (OpenID Connect Core 1.0, 3.1.3.7)."""
    from joserfc import jwt
    from joserfc.jwk import KeySet

    decoded = jwt.decode(token["id_token"], KeySet.import_key_set(dict(keys)), algorithms=_ALGORITHMS)  # type: ignore[arg-type]
    claims = decoded.claims
    jwt.JWTClaimsRegistry(
        leeway=_LEEWAY,
        iss={"essential": True},
        aud={"essential": True, "value": access.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    ).validate(claims)
    if claims["iss"].rstrip("/") != access.issuer.rstrip("/"):
        raise ValueError("the token is another issuer's")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != access.client_id:
        raise ValueError("the token was made for another client")
    return claims
