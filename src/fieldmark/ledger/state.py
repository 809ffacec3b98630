"""Tables of what is no evidence and can be deleted: accounts, application keys, sessions, invitations, leases.

Rooms above read them in a snapshot and write them in a transaction; `migrations/` creates them.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, LargeBinary, String, Table

from fieldmark.ledger._schema import metadata

accounts = Table(
    "accounts",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("role", String, nullable=False),
    Column("password", String),
    Column("issuer", String),
    Column("subject", String),
    Column("secret", String, nullable=False),
    Column("credentials", JSON, nullable=False),
    Column("created", String, nullable=False),
    Column("revoked", String),
)
"""Who may sign in: `password` is an Argon2 hash; `issuer` and `subject` name an OpenID Connect identity; `secret`
is what `people` links to the account's pseudonym."""

sessions = Table(
    "sessions",
    metadata,
    Column("secret_hash", LargeBinary, primary_key=True),
    Column("account", String, nullable=False),
    Column("created", String, nullable=False),
    Column("expires", String, nullable=False),
)
"""Browsers that are signed in."""

application_keys = Table(
    "application_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("created", String, nullable=False),
    Column("used", String),
    Column("revoked", String),
)
"""Keys of applications; only their SHA-256 is kept."""

invitations = Table(
    "invitations",
    metadata,
    Column("id", String, primary_key=True),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("role", String, nullable=False),
    Column("credentials", JSON, nullable=False),
    Column("created", String, nullable=False),
    Column("expires", String, nullable=False),
    Column("used", String),
    Column("revoked", Boolean, nullable=False, default=False),
)
"""Links that let somebody make an account, once."""

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
)
"""What one of several server processes has in hand, such as an open round."""

__all__ = ["accounts", "application_keys", "invitations", "leases", "sessions"]
