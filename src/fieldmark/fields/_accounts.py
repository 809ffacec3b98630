"""Accounts, their sessions and invitations: deletable rows beside the ledger. Every change is an `account` record.

A row holds a name; the ledger holds only the pseudonym that `people` links to the account's secret. Functions that
change something take the transaction, so that the change and its record are one.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Row, func, select

from fieldmark.errors import Conflict, InputError, NotFound
from fieldmark.fields._access import Role
from fieldmark.fields._audit import write_act
from fieldmark.ledger import Snapshot, Transaction, state, timestamp

Reader = Snapshot | Transaction
RANK: dict[str, int] = {"viewer": 1, "voter": 2, "admin": 3}
"""A role may what every lower one may."""
PASSWORD_AT_LEAST = 12
PASSWORD_AT_MOST = 1024
_NAME_AT_MOST = 120

_a, _s, _i = state.accounts.c, state.sessions.c, state.invitations.c


@dataclass(frozen=True)
class Account:
    """Somebody who may sign in."""

    id: str
    name: str
    role: Role
    pseudonym: str
    """Under which the ledger knows them."""
    created: str
    revoked: str | None
    issuer: str | None
    """OpenID Connect provider, if the account is one's."""
    has_password: bool
    credentials: tuple[str, ...]


@dataclass(frozen=True)
class Invitation:
    """A link that lets somebody make an account, once."""

    id: str
    role: Role
    credentials: tuple[str, ...]
    created: str
    expires: str
    used: str | None
    revoked: bool


@dataclass(frozen=True)
class SignedIn:
    """Whose session it is."""

    account: Account
    created: str
    expires: str


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _random_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(13)}"


def account_name(given: str) -> str:
    """A name in one spelling: `Ada`, ` ada` and full-width letters are the same account.

    Raises:
        InputError: it is empty, too long or unprintable.
    """
    name = unicodedata.normalize("NFKC", given).strip().casefold()
    if not name or len(name) > _NAME_AT_MOST or not name.isprintable():
        raise InputError("that is no name for an account", hint=f"1 to {_NAME_AT_MOST} printable characters")
    return name


def check_password(password: str, name: str = "") -> None:
    """Raises InputError when it is too short, too long, or the name."""
    if not PASSWORD_AT_LEAST <= len(password) <= PASSWORD_AT_MOST:
        raise InputError(
            f"a password has {PASSWORD_AT_LEAST} to {PASSWORD_AT_MOST} characters",
            hint="a few random words are long enough and easy to keep",
        )
    if len(set(password)) < 5 or (name and name in password.casefold() and len(password) < len(name) + 6):
        raise InputError("that password is too easy to guess", hint="a few random words")


def any_account(reader: Reader) -> bool:
    """Whether there was ever an account: from the first on, acting needs one."""
    return reader.connection.execute(select(_a.id).limit(1)).first() is not None


def has_admin(reader: Reader) -> bool:
    """Whether somebody can administer the field."""
    return _admins(reader) > 0


def _admins(reader: Reader) -> int:
    statement = select(func.count()).where(_a.role == "admin", _a.revoked.is_(None))
    return int(reader.connection.execute(statement).scalar_one())


def list_accounts(reader: Reader) -> list[Account]:
    """All of them, by name."""
    rows = reader.connection.execute(select(state.accounts).order_by(_a.name)).all()
    return [_account(reader, row) for row in rows]


def find_account(
    reader: Reader, *, name: str | None = None, id_: str | None = None, pseudonym: str | None = None
) -> Account:
    """The account of that name, id or pseudonym.

    Raises:
        NotFound: there is none.
    """
    if pseudonym is not None:
        found = next((a for a in list_accounts(reader) if a.pseudonym == pseudonym), None)
    else:
        where = _a.id == id_ if id_ is not None else _a.name == account_name(name or "")
        row = reader.connection.execute(select(state.accounts).where(where)).one_or_none()
        found = None if row is None else _account(reader, row)
    if found is None:
        raise NotFound("there is no such account", hint="`fieldmark accounts list` shows them")
    return found


def find_identity(reader: Reader, issuer: str, subject: str) -> Account | None:
    """The account of an OpenID Connect identity."""
    where = (_a.issuer == issuer, _a.subject == subject)
    row = reader.connection.execute(select(state.accounts).where(*where)).one_or_none()
    return None if row is None else _account(reader, row)


def password_of(reader: Reader, name: str) -> tuple[str, str] | None:
    """Id and Argon2 hash of an account that may sign in by password."""
    where = (_a.name == account_name(name), _a.revoked.is_(None), _a.password.is_not(None))
    row = reader.connection.execute(select(_a.id, _a.password).where(*where)).one_or_none()
    return None if row is None else (row[0], row[1])


def _account(reader: Reader, row: Row[Any]) -> Account:
    return Account(
        id=row.id,
        name=row.name,
        role=row.role,
        pseudonym=reader.pseudonym(row.secret) or "",
        created=row.created,
        revoked=row.revoked,
        issuer=row.issuer,
        has_password=row.password is not None,
        credentials=tuple(row.credentials),
    )


@dataclass(frozen=True)
class NewAccount:
    """What an account is made of: a password's hash, or an OpenID Connect identity, or neither yet."""

    name: str
    role: Role
    password: str | None = None
    """Argon2 hash."""
    issuer: str | None = None
    subject: str | None = None
    credentials: Sequence[str] = ()


def add_account(now: Transaction, new: NewAccount, *, by: str | None) -> Account:
    """Make an account; `by` is who did it, None for the new account itself (by invitation or provider).

    Raises:
        Conflict: the name is taken.
    """
    name = account_name(new.name)
    if now.connection.execute(select(_a.id).where(_a.name == name)).first() is not None:
        raise Conflict("an account has that name already", code="name_taken", hint="choose another name")
    secret, id_ = secrets.token_urlsafe(32), _random_id("a")
    row = {
        "id": id_,
        "name": name,
        "role": new.role,
        "password": new.password,
        "issuer": new.issuer,
        "subject": new.subject,
        "secret": secret,
        "credentials": list(new.credentials),
        "created": timestamp(now.now()),
        "revoked": None,
    }
    now.connection.execute(state.accounts.insert(), row)
    pseudonym = now.pseudonym(secret)
    write_act(now, "account_created", by=by or pseudonym, subject=pseudonym, role=new.role)
    return find_account(now, id_=id_)


def change_account(
    now: Transaction, id_: str, *, by: str, role: Role | None = None, credentials: Sequence[str] | None = None
) -> Account:
    """Give an account another role or credentials.

    Raises:
        NotFound: there is none.
        Conflict: it is the last admin's, or revoked.
    """
    account = _standing(now, id_)
    if role is not None and role != "admin":
        _check_last_admin(now, account)
    values: dict[str, Any] = {}
    if role is not None and role != account.role:
        values["role"] = role
    if credentials is not None and tuple(credentials) != account.credentials:
        values["credentials"] = list(credentials)
    if not values:
        return account
    now.connection.execute(state.accounts.update().where(_a.id == id_).values(**values))
    said = {k: v if isinstance(v, str) else ", ".join(v) for k, v in values.items()}
    write_act(now, "account_changed", by=by, subject=account.pseudonym, **said)
    return find_account(now, id_=id_)


def set_password(now: Transaction, id_: str, hashed: str, *, by: str, keep: str | None = None) -> Account:
    """Change a password and end the account's sessions, but the one of the secret `keep`."""
    account = _standing(now, id_)
    now.connection.execute(state.accounts.update().where(_a.id == id_).values(password=hashed))
    end_sessions(now, id_, keep=keep)
    write_act(now, "account_changed", by=by, subject=account.pseudonym, changed="password")
    return account


def revoke_account(now: Transaction, id_: str, *, by: str) -> Account:
    """End an account and its sessions for good. Its votes stay.

    Raises:
        NotFound: there is none.
        Conflict: it is the last admin's, or revoked already.
    """
    account = _standing(now, id_)
    _check_last_admin(now, account)
    values = {"revoked": timestamp(now.now()), "password": None}
    now.connection.execute(state.accounts.update().where(_a.id == id_).values(**values))
    end_sessions(now, id_)
    write_act(now, "account_revoked", by=by, subject=account.pseudonym, role=account.role)
    return find_account(now, id_=id_)


def revoked_accounts(reader: Reader) -> dict[str, str]:
    """Pseudonyms of revoked accounts, by id."""
    rows = reader.connection.execute(select(_a.id, _a.secret).where(_a.revoked.is_not(None))).all()
    return {row.id: reader.pseudonym(row.secret) or "" for row in rows}


def _standing(now: Transaction, id_: str) -> Account:
    account = find_account(now, id_=id_)
    if account.revoked:
        raise Conflict("that account is revoked", code="revoked", hint="invite them anew, under another name")
    return account


def _check_last_admin(now: Transaction, account: Account) -> None:
    if account.role == "admin" and _admins(now) == 1:
        raise Conflict(
            "that is the last admin: nobody could administer the field afterwards",
            code="last_admin",
            hint="make somebody else admin first",
        )


def open_session(now: Transaction, id_: str, *, idle: timedelta) -> str:
    """A new session of an account; its secret. Only the secret's hash is kept."""
    secret, at = secrets.token_urlsafe(32), now.now()
    now.connection.execute(
        state.sessions.insert(),
        {
            "secret_hash": _digest(secret),
            "account": id_,
            "created": timestamp(at),
            "expires": timestamp(at + idle),
        },
    )
    now.connection.execute(state.sessions.delete().where(_s.expires < timestamp(at)))
    return secret


def find_session(reader: Reader, secret: str, at: datetime) -> SignedIn | None:
    """Whose session it is now; None when it ended or its account is revoked."""
    joined = select(state.accounts, _s.created.label("begun"), _s.expires).join_from(
        state.sessions, state.accounts, _s.account == _a.id
    )
    row = reader.connection.execute(joined.where(_s.secret_hash == _digest(secret))).one_or_none()
    if row is None or row.revoked is not None or row.expires <= timestamp(at):
        return None
    return SignedIn(_account(reader, row), row.begun, row.expires)


def prolong_session(now: Transaction, secret: str, expires: str) -> None:
    """Let a session that is used live on."""
    where = _s.secret_hash == _digest(secret)
    now.connection.execute(state.sessions.update().where(where).values(expires=expires))


def end_session(now: Transaction, secret: str) -> None:
    """Sign out."""
    now.connection.execute(state.sessions.delete().where(_s.secret_hash == _digest(secret)))


def end_sessions(now: Transaction, id_: str, *, keep: str | None = None) -> None:
    """Sign an account out everywhere, but where the secret is `keep`."""
    delete = state.sessions.delete().where(_s.account == id_)
    if keep is not None:
        delete = delete.where(_s.secret_hash != _digest(keep))
    now.connection.execute(delete)


def invite(
    now: Transaction, role: Role, *, by: str, lasts: timedelta, credentials: Sequence[str] = ()
) -> tuple[Invitation, str]:
    """A new invitation and its token, which is told once."""
    token, at = secrets.token_urlsafe(32), now.now()
    invitation = Invitation(
        id=_random_id("i"),
        role=role,
        credentials=tuple(credentials),
        created=timestamp(at),
        expires=timestamp(at + lasts),
        used=None,
        revoked=False,
    )
    row = {**vars(invitation), "credentials": list(credentials), "secret_hash": _digest(token)}
    now.connection.execute(state.invitations.insert(), row)
    write_act(now, "invited", by=by, subject=invitation.id, role=role)
    return invitation, token


def list_invitations(reader: Reader, at: datetime) -> list[Invitation]:
    """Those that still work, oldest first."""
    where = (_i.used.is_(None), _i.revoked.is_(False), _i.expires > timestamp(at))
    rows = reader.connection.execute(select(state.invitations).where(*where).order_by(_i.created)).all()
    return [_invitation(row) for row in rows]


def accept_invitation(now: Transaction, token: str, name: str, password: str) -> Account:
    """Make the account that an invitation promises; `password` is its hash. The link does not work again.

    Raises:
        NotFound: there is no such invitation, or it is used, expired or taken back.
        Conflict: the name is taken (the link then still works).
    """
    row = now.connection.execute(
        select(state.invitations).where(_i.secret_hash == _digest(token))
    ).one_or_none()
    if row is None or row.used or row.revoked or row.expires <= timestamp(now.now()):
        raise NotFound("this invitation does not work, or no longer", hint="ask an admin for a new link")
    new = NewAccount(name, cast(Role, row.role), password, credentials=tuple(row.credentials))
    account = add_account(now, new, by=None)
    used = state.invitations.update().where(_i.id == row.id).values(used=timestamp(now.now()))
    now.connection.execute(used)
    write_act(now, "invitation_used", by=account.pseudonym, subject=row.id, role=row.role)
    return account


def revoke_invitation(now: Transaction, id_: str, *, by: str) -> None:
    """Take an invitation back.

    Raises:
        NotFound: there is none that still works.
    """
    where = (_i.id == id_, _i.used.is_(None), _i.revoked.is_(False))
    if not now.connection.execute(state.invitations.update().where(*where).values(revoked=True)).rowcount:
        raise NotFound("there is no such invitation, or it was used already")
    write_act(now, "invitation_revoked", by=by, subject=id_)


def _invitation(row: Row[Any]) -> Invitation:
    return Invitation(
        id=row.id,
        role=row.role,
        credentials=tuple(row.credentials),
        created=row.created,
        expires=row.expires,
        used=row.used,
        revoked=row.revoked,
    )
