"""How a server is reached: under which names, through which proxies, encrypted or not."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from fieldmark.contenders import is_loopback
from fieldmark.errors import ServeError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Front:
    """The default is loopback alone, where no account is needed."""

    hosts: frozenset[str] = frozenset()
    """Names beside the loopback ones that a request's `Host` may have, in lower case, without port."""
    proxies: tuple[Network, ...] = ()
    """Addresses whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""
    tls: bool = False
    """This process has the certificate."""
    secure: bool = False
    """The browser's connection is encrypted: cookies are for such connections only."""
    public: bool = False
    """Somebody other than this machine's users can reach it: nothing goes without an account."""

    def host_allowed(self, host: str) -> bool:
        """Whether a `Host`, without its port, is one of ours."""
        return is_loopback(host) or host.lower().rstrip(".") in self.hosts

    def is_proxy(self, address: str) -> bool:
        """Whether a peer is one of the trusted proxies."""
        if not self.proxies:
            return False
        try:
            peer = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self.proxies)

    def client(self, peer: str, forwarded: str | None) -> str:
        """The caller's address: the last one in `X-Forwarded-For` that no trusted proxy has."""
        if forwarded is None or not self.is_proxy(peer):
            return peer
        for hop in reversed([h.strip() for h in forwarded.split(",")]):
            if not _is_address(hop):
                return peer
            if not self.is_proxy(hop):
                return hop
        return peer


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def networks(given: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and ranges as a person writes them.

    Raises:
        ServeError: one is neither.
    """
    found = []
    for text in given:
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError:
            raise ServeError(
                f"--proxy {text} is no address or range", hint="such as 127.0.0.1 or 10.0.0.0/24"
            ) from None
    return tuple(found)
