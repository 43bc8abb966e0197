"""Whose word is taken for where a request came from.

Uvicorn's own `proxy_headers` stays off: it can be told to believe the caller's own entry, and takes text for an address.
"""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from libs.kit.settings import UnsafeSetting

_READ_BYTES = 1024  # a score of proxies
Networks = tuple[IPv4Network | IPv6Network, ...]


def networks(name: str, text: str) -> Networks:
    """Addresses and networks, with commas between. Raises UnsafeSetting for what is neither."""
    try:
        return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())
    except ValueError as error:
        raise UnsafeSetting(f"POLYPLUS_{name}: {error}. Give addresses or networks, with commas between.") from None


@lru_cache(8192)
def is_within(address: str, trusted: Networks) -> bool:
    read = _read(address)
    return read is not None and any(ip_address(read) in network for network in trusted)


def origin(peer: str, forwarded: tuple[bytes, ...], trusted: Networks) -> str:
    """Where a request comes from that `peer` hands on with these X-Forwarded-For lines.

    Each proxy adds whom it heard it from, so the list is read from its end, for as long as the last speaker is trusted.
    """
    found, said = _read(peer) or peer, b",".join(forwarded)
    if len(said) > _READ_BYTES:
        said = said[-_READ_BYTES:].partition(b",")[2]
    for entry in reversed(said.decode("latin-1").split(",")):
        if not is_within(found, trusted):
            break
        speaker = _read(entry.strip())
        if speaker is None:
            break
        found = speaker
    return found


@lru_cache(8192)
def household(address: str) -> str:
    """What counts as one address: of IPv6 the /64, which one customer of a network usually has for itself."""
    read = _read(address)
    if read is None or ":" not in read:
        return read or address
    return str(ip_network((read, 64), strict=False))


def _read(text: str) -> str | None:
    """Without port, brackets and zone, and IPv4 as itself where it comes in IPv6."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return str((isinstance(address, IPv6Address) and address.ipv4_mapped) or address)
