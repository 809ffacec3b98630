"""Tables `[access]` and `[access.oidc]` of `field.toml`: who may look and act, and which endpoints may be private."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Role = Literal["admin", "voter", "viewer"]
"""`admin` may everything, `voter` judges and marks outcomes, `viewer` reads boards and cards."""

_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def _place(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        if not _HOST.fullmatch(value) or re.fullmatch(r"[0-9./]+", value):
            raise ValueError("a host name, an address or a range such as '10.0.0.0/8'") from None
        return value.lower()


def _variable(value: str) -> str:
    if not _ENVIRONMENT.fullmatch(value):
        raise ValueError("the name of an environment variable, such as FIELDMARK_OIDC_SECRET")
    return value


def _issuer(value: str) -> str:
    if not re.match(r"https://[^/?#@\s]+|http://(127\.0\.0\.1|localhost|\[::1\])[:/]?", value):
        raise ValueError("an https:// address (http:// for this machine's loopback only)")
    return value


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class OidcAccess(_Table):
    """Sign-in by an OpenID Connect provider. Without one of `domains`, `subjects`, `roles` or `anyone`, nobody may."""

    issuer: Annotated[str, AfterValidator(_issuer)]
    """The provider's address; `/.well-known/openid-configuration` is read below it."""
    client_id: str
    """As the provider knows Fieldmark. Redirect address there: `https://HOST/api/v1/oidc/callback`."""
    client_secret_env: Annotated[str, AfterValidator(_variable)] | None = None
    """Environment variable that holds the client's secret; none for a public client (PKCE is used either way)."""
    name: str = "single sign-on"
    """What stands on the button."""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    """What is asked of the provider."""
    domains: tuple[str, ...] = ()
    """Domains of verified e-mail addresses that may sign in."""
    subjects: tuple[str, ...] = ()
    """Subjects (`sub`) that may sign in."""
    anyone: bool = False
    """Everybody whom the provider knows may sign in."""
    role_claim: str | None = None
    """Claim of the ID token (a text or a list of texts) that gives the role."""
    roles: dict[str, Role] = {}
    """What a value of `role_claim` means; the highest counts, and it is read anew at each sign-in."""
    default_role: Role = "voter"
    """Of whoever may sign in and has no value among `roles`."""

    @model_validator(mode="after")
    def _roles_need_a_claim(self) -> Self:
        if self.roles and not self.role_claim:
            raise ValueError("'roles' needs 'role_claim': the claim whose values it explains")
        return self


class Access(_Table):
    """Who may look and act once there is an account, and which private addresses contenders may have."""

    anonymous: Literal["none", "view", "vote"] = "none"
    """What somebody who is not signed in may do, once there is an account."""
    idle_hours: Annotated[float, Field(gt=0, le=24 * 90)] = 12.0
    """A session that is not used for so long ends."""
    session_days: Annotated[float, Field(gt=0, le=365)] = 7.0
    """A session ends after so long in any case."""
    invitation_days: Annotated[float, Field(gt=0, le=90)] = 7.0
    """How long an invitation's link works."""
    private_endpoints: tuple[Annotated[str, AfterValidator(_place)], ...] = ()
    """Hosts, addresses and ranges inside your network that contenders added on the page may have. Those of `field.toml`
    may have any."""
    oidc: OidcAccess | None = None
    """An OpenID Connect provider."""
