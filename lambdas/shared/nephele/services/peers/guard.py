"""Which addresses peers may have: never those of the machine itself or of the cloud's metadata.

A name is resolved once, and the connection goes to the very address that was checked, so a name
that means something else the second time does not help.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from nephele.errors import NetworkProtocol

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA = frozenset({ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("fd00:ec2::23")})
"""Services of AWS that IPv6 does not tell from a private address."""
_FUTURE = ipaddress.ip_network("240.0.0.0/4")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_refused(text: str, allowed: Iterable[str] = ()) -> bool:
    """Tell whether a peer may not have an address.

    Parameters
    ----------
    allowed : iterable of str
        Ranges that are allowed whatever they are: `PeersAllowedAddresses`.
    """
    address = _embedded(ipaddress.ip_address(text.partition("%")[0]))
    ranges = (ipaddress.ip_network(one, strict=False) for one in allowed)
    if any(address.version == one.version and address in one for one in ranges):
        return False
    return (
        address in _METADATA
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or address in _FUTURE
    )


def _embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, or the address itself."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def resolve(host: str, port: int, allowed: Iterable[str]) -> str:
    """Return an address of a host that a peer may have.

    Raises
    ------
    NetworkProtocol
        There is none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise NetworkProtocol("The peer's name cannot be resolved") from exc
    ranges = tuple(allowed)
    good = [str(entry[4][0]) for entry in found if not is_refused(str(entry[4][0]), ranges)]
    if not good:
        raise NetworkProtocol(
            "The peer's address is this machine's own or link-local, which is refused: see the"
            " option PeersAllowedAddresses"
        )
    return good[0]
