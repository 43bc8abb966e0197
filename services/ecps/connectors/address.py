"""Where a partner's URL may lead: a public address over https, and in a sandbox this machine itself. Nowhere else of ours."""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

import httpx

from libs.kit.problems import Unprocessable
from libs.kit.settings import setting


class AddressRefused(Unprocessable):
    """A partner's URL that leads, or may lead, into our own network."""


def _in_sandbox() -> bool:
    return setting("SANDBOX", "0") == "1"


def check_url(url: str) -> None:
    """What can be said of a URL before its name is resolved. Raises AddressRefused."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if not host or parts.username or parts.password or parts.query or parts.fragment:
        raise AddressRefused("base_url is scheme, host, port and path; credentials have a field of their own.")
    if parts.scheme != "https" and not _in_sandbox():
        raise AddressRefused("base_url must be https.")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if host == "localhost" and not _in_sandbox():
            raise AddressRefused("base_url must lead to a public address.") from None
        return
    _check_address(address, parts.scheme)


def _check_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address, scheme: str) -> None:
    mapped = getattr(address, "ipv4_mapped", None) or address
    if mapped.is_loopback and _in_sandbox():
        return
    if not mapped.is_global or mapped.is_multicast or scheme != "https":
        raise AddressRefused("base_url must lead to a public address over https.")


async def pinned(url: str, headers: dict[str, str]) -> tuple[str, dict[str, str], dict[str, str]]:
    """The URL with the one address that was resolved and checked, and the headers and extensions to call it with.

    A name that resolves again, and elsewhere, after the check is never looked at. Raises AddressRefused, OSError.
    """
    check_url(url.partition("?")[0])
    parts = httpx.URL(url)
    found = await asyncio.get_running_loop().getaddrinfo(parts.host, parts.port or 443, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(info[4][0]) for info in found]
    for address in addresses:
        _check_address(address, parts.scheme)
    netloc = parts.netloc.decode()
    return (
        str(parts.copy_with(host=str(addresses[0]))),
        {**headers, "host": netloc},
        {"sni_hostname": parts.host},
    )
