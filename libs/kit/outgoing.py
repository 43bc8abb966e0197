"""The one guard for every URL that a user can set: where our processes may be sent, checked when it is set and when it is called.

A public address over https. The list of what is refused is our own: `ipaddress` of Python 3.11 calls global what is not, among it
192.0.0.0/24 above .8, 192.88.99.0/24, multicast, 64:ff9b::/96 whatever it wraps, 64:ff9b:1::/48, 2002::/16, 3fff::/20, 5f00::/16,
fec0::/10 and the IPv4-compatible ::/96. A sandbox reaches its own simulators by `POLYPLUS_SANDBOX_PEERS`, and nothing else of loopback.
"""

import asyncio
import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpx

from libs.kit.problems import Unprocessable
from libs.kit.settings import setting

# Blocks of IANA's special-purpose registries, reachable by others or not: no partner and no receiver lives there.
DENIED_4 = {
    "0.0.0.0/8": "RFC 791: this network",
    "10.0.0.0/8": "RFC 1918: private use",
    "100.64.0.0/10": "RFC 6598: shared address space of carriers",
    "127.0.0.0/8": "RFC 1122: loopback",
    "169.254.0.0/16": "RFC 3927: link local, and the clouds' metadata",
    "172.16.0.0/12": "RFC 1918: private use",
    "192.0.0.0/24": "RFC 6890: IETF protocol assignments",
    "192.0.2.0/24": "RFC 5737: documentation",
    "192.31.196.0/24": "RFC 7535: AS112",
    "192.52.193.0/24": "RFC 7450: automatic multicast tunneling",
    "192.88.99.0/24": "RFC 7526: 6to4 relays, withdrawn",
    "192.168.0.0/16": "RFC 1918: private use",
    "192.175.48.0/24": "RFC 7534: AS112",
    "198.18.0.0/15": "RFC 2544: benchmarking",
    "198.51.100.0/24": "RFC 5737: documentation",
    "203.0.113.0/24": "RFC 5737: documentation",
    "224.0.0.0/4": "RFC 5771: multicast",
    "240.0.0.0/4": "RFC 1112: reserved, and RFC 8190: broadcast",
}
DENIED_6 = {
    "::/8": "RFC 4291: unspecified, loopback, IPv4-compatible; RFC 7915: IPv4-translated; what wraps IPv4 is looked into before",
    "64:ff9b:1::/48": "RFC 8215: NAT64 of one's own network",
    "100::/64": "RFC 6666: discard only",
    "100:0:0:1::/64": "RFC 9780: dummy prefix",
    "2001::/23": "RFC 2928: IETF protocol assignments, with Teredo (RFC 4380), benchmarking (RFC 5180), ORCHID (RFC 4843, RFC 7343)",
    "2001:db8::/32": "RFC 3849: documentation",
    "2002::/16": "RFC 3056: 6to4",
    "2620:4f:8000::/48": "RFC 7534: AS112",
    "3fff::/20": "RFC 9637: documentation",
    "5f00::/16": "RFC 9602: segment routing",
    "fc00::/7": "RFC 4193: unique local",
    "fe80::/10": "RFC 4291: link local",
    "fec0::/10": "RFC 3879: site local, withdrawn",
    "ff00::/8": "RFC 4291: multicast",
}
_NETWORKS_4 = [IPv4Network(block) for block in DENIED_4]
_NETWORKS_6 = [IPv6Network(block) for block in DENIED_6]
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291; of all else nothing is given out
_MAPPED, _NAT64 = IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")  # RFC 4291; RFC 6052, as DNS64 answers
_ISATAP = (0x00005EFE, 0x02005EFE)  # RFC 5214: an interface that tunnels to the IPv4 address behind it

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]{{2,45}}\]|{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[0-9]{{1,5}}))?"
    r"(?P<path>/[!$%&'()*+,\-./0-9:;=@A-Z_a-z~]*)?(?P<query>\?[!$%&'()*+,\-./0-9:;=?@A-Z_a-z~]*)?",
    re.IGNORECASE,
)
_A_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # as the last label it makes a host an IPv4 address, in whatever spelling
_OURS = ("localhost", "local", "internal", "localdomain", "home.arpa")  # RFC 6761, RFC 6762, RFC 8375, and by habit

Address = IPv4Address | IPv6Address


class AddressRefused(Unprocessable):
    """A URL that leads, or may lead, into our own network."""


@dataclass(frozen=True)
class Target:
    """A URL in its parts; `address` where the host is none to be resolved. `peer`: one of the sandbox's own simulators."""

    scheme: str
    host: str
    port: int
    rest: str
    address: Address | None
    peer: bool

    @property
    def authority(self) -> str:
        default = 443 if self.scheme == "https" else 80
        return self.host if self.port == default else f"{self.host}:{self.port}"


def check_url(url: str, *, field: str = "url", query: bool = False) -> Target:
    """What can be said before a name is resolved; for when it is set. Raises AddressRefused, naming `field`."""
    found = _URL.fullmatch(url)
    if not found or (found["query"] and not query):
        wanted = "scheme, host, port, path and query" if query else "scheme, host, port and path"
        raise AddressRefused(f"{field} is {wanted} in plain ASCII; credentials have a field of their own.")
    scheme, host = found["scheme"].lower(), found["host"].lower()
    port = int(found["port"] or (443 if scheme == "https" else 80))
    if not 0 < port < 65536:
        raise AddressRefused(f"{field} has no such port: {port}.")
    peer = (host, port) in _peers()
    if scheme != "https" and not peer:
        raise AddressRefused(f"{field} must be https.")
    address = _literal(host, field)
    if not peer:
        if address is None and ("." not in host or host.endswith(tuple(f".{name}" for name in _OURS))):
            raise AddressRefused(f"{field} must name a host that is public.")
        if address is not None:
            check_address(address, field=field)
    return Target(scheme, host, port, (found["path"] or "") + (found["query"] or ""), address, peer)


def check_address(address: Address, *, field: str = "url") -> None:
    """Raises AddressRefused unless it is public, and so is whatever it wraps."""
    if not _is_public(address):
        raise AddressRefused(f"{field} must lead to a public address.")


async def pinned(url: str, *, field: str = "url", query: bool = False) -> tuple[str, dict[str, str], dict[str, Any]]:
    """The URL with one address that was resolved and checked, the Host header, and the extensions to call it with.

    A name is resolved once, and every address that it has must pass; one that resolves again, and elsewhere, is never looked at.
    Raises AddressRefused, OSError.
    """
    target = check_url(url, field=field, query=query)
    address = target.address or await _resolved(target, field)
    literal = f"[{address}]" if address.version == 6 else str(address)
    host = target.host.strip("[]")
    return (
        f"{target.scheme}://{literal}:{target.port}{target.rest}",
        {"host": target.authority},
        {"sni_hostname": host},
    )


async def send(
    http: httpx.AsyncClient, method: str, url: str, *, headers: dict[str, str], query: bool = False, **how: Any
) -> httpx.Response:
    """One call to where a user's URL leads, and to nowhere that it sends on. Raises AddressRefused, OSError, httpx.HTTPError."""
    address, host, extensions = await pinned(url, query=query)
    return await http.request(
        method, address, headers=headers | host, extensions=extensions, follow_redirects=False, **how
    )


async def _resolved(target: Target, field: str) -> Address:
    found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = [ip_address(info[4][0]) for info in found]
    if not target.peer:
        for address in addresses:
            check_address(address, field=field)
    return addresses[0]


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NETWORKS_4)
    wrapped = IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _MAPPED or address in _NAT64:
        return _is_public(wrapped)
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP and not _is_public(wrapped):
        return False
    return address in _GLOBAL_UNICAST and not any(address in network for network in _NETWORKS_6)


def _literal(host: str, field: str) -> Address | None:
    """An address in its one plain spelling; None for a name. Raises AddressRefused for every other spelling."""
    try:
        if host.startswith("["):
            return IPv6Address(host[1:-1])
        return IPv4Address(host) if _A_NUMBER.fullmatch(host.rpartition(".")[2]) else None
    except ValueError:
        raise AddressRefused(f"{field} has an address that is not written out plainly.") from None


def _peers() -> frozenset[tuple[str, int]]:
    """`POLYPLUS_SANDBOX_PEERS`: `host:port` pairs with spaces between them; none outside a sandbox."""
    if setting("SANDBOX", "0") != "1":
        return frozenset()
    pairs = (pair.rpartition(":") for pair in setting("SANDBOX_PEERS", "").split())
    return frozenset((host.lower(), int(port)) for host, _, port in pairs)
