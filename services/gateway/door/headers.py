"""Which headers go through the door, each way."""

import re
from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]
CODINGS = ("zstd", "br", "gzip")
"""What an answer can be compressed by; the cheapest for what it saves first."""
_CODED = re.compile(rb"-(?:zstd|br|gzip)(?=\")")

_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split()
)
_ENDS_HERE = _HOP_BY_HOP | frozenset(b"authorization cookie expect forwarded host traceparent x-request-id".split())
_OURS = (b"x-polyplus", b"x-internal", b"x-forwarded-")
_NOT_RETURNED = _HOP_BY_HOP | frozenset((b"date", b"server", b"x-request-id"))


def inward(
    headers: Iterable[tuple[bytes, bytes]], *, request_id: str, traceparent: str | None, authorization: str | None
) -> Headers:
    """What a service gets: who calls is said by the gateway alone, whatever the caller sent under such a name."""
    headers = list(headers)
    named = _named_by_connection(headers)
    kept = [
        (name, _CODED.sub(b"", value) if name == b"if-match" else value)
        for name, value in headers
        if name not in _ENDS_HERE and name not in named and not _is_ours(name)
    ]
    kept.append((b"x-request-id", request_id.encode()))
    if traceparent is not None:
        kept.append((b"traceparent", traceparent.encode()))
    if authorization is not None:
        kept.append((b"authorization", authorization.encode()))
    return kept


def outward(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """What the caller gets of a service's answer."""
    headers = [(name.lower(), value) for name, value in headers]
    named = _named_by_connection(headers)
    return [(n, v) for n, v in headers if n not in _NOT_RETURNED and n not in named and not _is_ours(n)]


def value_of(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The first value under a (lower-case) name."""
    return next((value.decode("latin-1") for each, value in headers if each == name), None)


def _is_ours(name: bytes) -> bool:
    # Some servers take an underscore for a hyphen.
    return name.replace(b"_", b"-").startswith(_OURS)


def _named_by_connection(headers: Headers) -> set[bytes]:
    """RFC 9110, section 7.6.1. Framing is never dropped on the caller's word."""
    values = (value for name, value in headers if name == b"connection")
    return {name.strip().lower() for value in values for name in value.split(b",")} - {
        b"content-length",
        b"content-type",
    }
