"""Which addresses a contender may have that was added over the page: public ones, unless the admin says otherwise.

Checked when the socket is made, after the name was resolved, so that neither an odd spelling (`0x7f.1`, `2130706433`)
nor a name that is pointed elsewhere afterwards leads inside.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fieldmark.errors import ContenderFailure

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

WHY = "the address is inside this network"
HINT = "an admin can allow it: private_endpoints under [access] in field.toml"
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Inside(OSError):
    """A connection was refused before it was made."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, WHY)


@dataclass(frozen=True)
class Reach:
    """What is allowed besides public addresses."""

    loopback: bool = False
    """This machine's own."""
    hosts: frozenset[str] = frozenset()
    """Names that may lead anywhere."""
    networks: tuple[Network, ...] = ()
    """Ranges."""

    @classmethod
    def of(cls, places: Iterable[str], *, loopback: bool) -> Reach:
        """`places` are names, addresses and ranges as `[access] private_endpoints` has them."""
        hosts, networks = set(), []
        for place in places:
            try:
                networks.append(ipaddress.ip_network(place))
            except ValueError:
                hosts.add(place.lower())
        return cls(loopback, frozenset(hosts), tuple(networks))

    def allows(self, address: str) -> bool:
        """Whether an IP address, as the system resolved it, may be connected to."""
        try:
            found = _plain(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            return False
        if any(found in network for network in self.networks):
            return True
        if found.is_loopback:
            return self.loopback
        return found.is_global and not found.is_multicast and not found.is_reserved

    def frees(self, url: str) -> bool:
        """Whether the admin named this very host."""
        return (urlsplit(url).hostname or "").lower() in self.hosts

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for an address of `getaddrinfo`.

        Raises:
            Inside: it may not be connected to.
        """
        family, kind, protocol, _, address = info
        if not self.allows(str(address[0])):
            raise Inside
        return socket.socket(family=family, type=kind, proto=protocol)

    async def check(self, url: str) -> None:
        """Look where a URL leads now, for whoever adds it or goes through a proxy. Unknown names pass.

        Raises:
            ContenderFailure: every address it has is inside.
        """
        parts = urlsplit(url)
        if self.frees(url):
            return
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                parts.hostname, parts.port or 80, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError):
            return
        if not any(self.allows(str(info[4][0])) for info in found):
            raise refused(url)


def refused(url: str) -> ContenderFailure:
    """The failure of a contender whose address is not allowed."""
    return ContenderFailure("refused", f"no connection to {url}: {WHY}", hint=HINT)


def _plain(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, where there is one (mapped, NAT64, 6to4, Teredo)."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
    if inner is None and int(address) >> 32 == 0 and int(address) > 1:
        inner = ipaddress.IPv4Address(int(address))  # the old IPv4-compatible form, ::a.b.c.d
    return inner or address
