"""The field's Ed25519 key: its file, what it signs, and which key was in force when."""

from __future__ import annotations

import base64
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.errors import BrokenLedger, LedgerError, LedgerUnavailable
from fieldmark.ledger._record import Entry, Head
from fieldmark.ledger.evidence import KeyInForce

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def checkpoint(field: str, head: Head) -> bytes:
    """What is signed for a head: three lines, as in C2SP's tlog-checkpoint (origin, size, root in Base64)."""
    root = base64.b64encode(bytes.fromhex(head.hash)).decode()
    return f"fieldmark/{field}\n{head.size}\n{root}\n".encode()


def endorsed(field: str, index: int, public: str) -> bytes:
    """What the key before signs when `public` follows it in the record at `index`."""
    return f"fieldmark/{field}/key\n{index}\n{public}\n".encode()


def verifies(public: str, signature: str, text: bytes) -> bool:
    """Whether `signature` (hex) of `text` is by the key `public` (hex)."""
    from cryptography.exceptions import InvalidSignature

    try:
        _public_key(public).verify(bytes.fromhex(signature), text)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


@lru_cache(maxsize=32)
def _public_key(public: str) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head with the signature that the key in force gave it; both None in a log without a key."""

    field: str
    head: Head
    key: str | None
    """Public key (hex)."""
    signature: str | None
    """Ed25519 (hex) of `checkpoint`."""

    @property
    def sound(self) -> bool:
        """Whether there is a signature and it is the key's."""
        text = checkpoint(self.field, self.head)
        return bool(self.key and self.signature and verifies(self.key, self.signature, text))

    def as_json(self) -> dict[str, object]:
        """As proofs and witnesses hold it."""
        given = asdict(self)
        return {"field": self.field, **given.pop("head"), "key": self.key, "signature": self.signature}


class Signer:
    """The private key in a file (PEM, PKCS 8, mode 0600), made once. With `lost`, another may take its place."""

    def __init__(self, path: str | os.PathLike[str], *, lost: bool = False) -> None:
        self.path = Path(path)
        self.lost = lost
        self.seen: tuple[str, bytes] | None = None
        """Key and root of the head signed or recognised last: it need not be verified again."""
        self._keys: dict[str, Ed25519PrivateKey] = {}

    @property
    def _next(self) -> Path:
        return self.path.with_name(self.path.name + ".new")

    def holds(self, public: str) -> bool:
        """Whether this key is here: another process may have rotated it meanwhile."""
        if public not in self._keys:
            self._load(self.path)
        if public not in self._keys:
            self._load(self._next)
        return public in self._keys

    def need(self, public: str) -> None:
        """Raise unless this key is here.

        Raises:
            LedgerUnavailable: its file is lost.
        """
        if not self.holds(public):
            there = "holds another key" if self.path.exists() else "is not there"
            raise LedgerUnavailable(
                f"the heads of this ledger are signed by the key {public[:16]}, but {self.path.name} {there}",
                hint=f"restore {self.path} from a backup, or, if it is gone for good, "
                "`fieldmark ledger rotate-key --lost`",
            )

    def sign(self, public: str, text: bytes) -> str:
        """Ed25519 signature (hex) by the key `public`."""
        self.need(public)
        return self._keys[public].sign(text).hex()

    def make(self) -> str:
        """The public key (hex) of the file, made now if there is none."""
        if not self.path.exists():
            made = _written(self.path)
            with suppress(FileExistsError):  # another process was first
                os.link(made, self.path)
            made.unlink()
            _sync_folder(self.path)
        return self._load(self.path)

    def prepare(self) -> str:
        """Make the next key beside the one in force; its public key (hex)."""
        _written(self.path).replace(self._next)
        _sync_folder(self.path)
        return self._load(self._next)

    def promote(self, public: str) -> None:
        """The next key's file takes the place of the one before, if it is `public`."""
        if self._next.exists() and self._load(self._next) == public:
            self._next.replace(self.path)
            _sync_folder(self.path)

    def _load(self, path: Path) -> str:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return ""
        try:
            key = load_pem_private_key(content, None)
        except (ValueError, TypeError) as error:
            raise LedgerError(f"{path} holds no key: {error}", hint="restore it from a backup") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise LedgerError(f"{path} holds a key of another kind", hint="it must be an Ed25519 key")
        public = key.public_key().public_bytes_raw().hex()
        self._keys[public] = key
        return public


def _written(path: Path) -> Path:
    """A new key in a file of its own beside `path`, on disk."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = path.with_name(f"{path.name}.made-{secrets.token_hex(4)}")
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    return made


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Keys:
    """Which key is in force, from the `key` records alone."""

    def __init__(self, field: str) -> None:
        self.field = field
        self.current: str | None = None
        self.known: list[str] = []
        """Every key that was in force, in order."""
        self._record = ""

    def take(self, entry: Entry) -> None:
        """The next `key` record.

        Raises:
            BrokenLedger: nothing vouches for it.
        """
        body = entry.record.body
        if not isinstance(body, KeyInForce):
            raise BrokenLedger("a 'key' in a schema that this Fieldmark does not know", index=entry.index)
        if (body.reason == "first") != (self.current is None):
            raise BrokenLedger(f"a key with reason '{body.reason}' where it cannot be", index=entry.index)
        if body.reason == "rotated":
            text = endorsed(self.field, entry.index, body.public)
            if not verifies(self.current or "", body.endorsement or "", text):
                raise BrokenLedger("the key before did not endorse this one", index=entry.index)
        if body.reason != "first" and entry.record.refs.get("previous") != self._record:
            raise BrokenLedger("its reference 'previous' is not the key record before", index=entry.index)
        self.current, self._record = body.public, entry.record.id
        self.known.append(body.public)
