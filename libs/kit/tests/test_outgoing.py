"""A URL that a user sets leads to a public address over https, in whatever spelling it comes; a sandbox reaches its simulators."""

import asyncio
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.kit.outgoing import DENIED_4, DENIED_6, Address, AddressRefused, check_address, check_url, pinned, send

HOSTILE = [
    # other spellings of an address of ours
    "https://2130706433", "https://017700000001", "https://0x7f000001", "https://0x7f.0.0.1", "https://0177.0.0.1",
    "https://127.1", "https://127.0.1", "https://0", "https://127.0.0.1.", "https://127.0.0.01", "https://10.0.0.1",
    "https://169.254.169.254/latest/meta-data", "https://0.0.0.0", "https://224.0.0.1", "https://255.255.255.255",
    "https://1.2.3.4.5", "https://256.1.1.1", "https://8.8.8.8.0x7f", "https://192.0.0.192", "https://192.88.99.1",
    "https://[::1]", "https://[::]", "https://[::ffff:127.0.0.1]", "https://[::ffff:7f00:1]", "https://[::127.0.0.1]",
    "https://[::ffff:0:127.0.0.1]", "https://[64:ff9b::10.0.0.1]", "https://[64:ff9b::a9fe:a9fe]",
    "https://[64:ff9b:1::8.8.8.8]", "https://[2002:7f00:1::]", "https://[2002:808:808::]",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "https://[fd00::1]", "https://[fe80::1]", "https://[fe80::1%25eth0]",
    "https://[fe80::1%eth0]", "https://[fec0::1]", "https://[ff02::1]", "https://[100::1]", "https://[4000::1]",
    "https://[2606:4700::5efe:7f00:1]", "https://[::ffff:192.168.1.1]", "https://[0:0:0:0:0:0:0:1]",
    # names of ours
    "https://localhost", "https://LOCALHOST", "https://localhost.", "https://a.localhost", "https://printer.local",
    "https://metadata.google.internal", "https://postgres", "https://postgres:5432", "https://host.home.arpa",
    # what is no plain URL
    "http://cloud.example", "ftp://cloud.example", "//cloud.example", "cloud.example", "https:cloud.example",
    "https:/cloud.example", "https:///cloud.example", "https://", "https://user:pass@cloud.example", "https://user@cloud.example",
    "https://@cloud.example", "https://cloud.example@10.0.0.1", "https://cloud.example:80@10.0.0.1/",
    "https://cloud.example\\@10.0.0.1", "https://cloud.example%2f@10.0.0.1", "https://cloud.example#@10.0.0.1",
    "https://cloud.example?x=1", "https://cloud.example#x", "https://[broken", "https://[::1", "https://::1", "https://[10.0.0.1]",
    "https://cloud.example:99999", "https://cloud.example:0", "https://cloud.example:-1", "https://cloud.example:",
    "https://cloud.example:443:443", "https://cloud.example:٤٤٣", "https://cloud.example.", "https://cloud..example",
    "https://.example", "https://-cloud.example", "https://cloud.example /", " https://cloud.example", "https://cloud.example\n",
    "https://cloud.example/\r\nhost: x", "https://cloud\0.example", "https://clo\tud.example", "https://đám.mây.example",
    "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11", "https://127。0。0。1", "https://ⓛocalhost", "https://loc%61lhost", f"https://{'a' * 64}.example",
    "javascript://cloud.example/%0aalert(1)", "", "https",
]  # fmt: skip
PUBLIC = [
    "https://cloud.example", "HTTPS://Cloud.Example", "https://cloud.example:8443/api/v2", "https://xn--m-4ga.example/tmf-api",
    "https://8.8.8.8", "https://[2606:4700::6810:84e5]", "https://[64:ff9b::8.8.8.8]", "https://[::ffff:8.8.8.8]",
    "https://a.b-c.d_e.example/%20~x", "https://192.0.1.0", "https://[2001:200::1]", "https://1.2.3.4.example",
]  # fmt: skip


@pytest.fixture(autouse=True)
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POLYPLUS_SANDBOX", raising=False)
    monkeypatch.setenv("POLYPLUS_SANDBOX_PEERS", "127.0.0.1:8192")


@pytest.mark.parametrize("url", HOSTILE)
def test_a_url_that_may_lead_into_our_network_is_refused_however_it_is_spelt(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sandbox in ("0", "1"):
        monkeypatch.setenv("POLYPLUS_SANDBOX", sandbox)
        with pytest.raises(AddressRefused):
            check_url(url, field="base_url")


@pytest.mark.parametrize("url", PUBLIC)
def test_a_public_url_is_let_through(url: str) -> None:
    assert check_url(url).scheme == "https"


def test_a_query_is_let_through_only_where_it_is_asked_for() -> None:
    assert check_url("https://cloud.example/hook?token=a%20b&x=1", query=True).rest == "/hook?token=a%20b&x=1"
    with pytest.raises(AddressRefused, match=r"^webhook_url "):
        check_url("https://cloud.example/?x=1", field="webhook_url")


def _in(network: IPv4Network | IPv6Network) -> st.SearchStrategy[int]:
    return st.integers(int(network.network_address), int(network.broadcast_address))


inside_4 = st.sampled_from(sorted(DENIED_4)).flatmap(lambda block: _in(IPv4Network(block))).map(IPv4Address)
inside_6 = (
    st.sampled_from(sorted(DENIED_6))
    .flatmap(lambda block: _in(IPv6Network(block)))
    .map(IPv6Address)
    .filter(lambda address: address not in IPv6Network("64:ff9b::/96") and address.ipv4_mapped is None)
)
WRAPPERS = (
    "::ffff:0:0",
    "64:ff9b::",
    "64:ff9b:1::",
    "::",
    "::ffff:0:0:0",
    "2606:4700::5efe:0:0",
    "2606:4700::200:5efe:0:0",
)


def _wraps(prefix: str, address: IPv4Address) -> IPv6Address:
    return IPv6Address(int(IPv6Address(prefix)) | int(address))


def refused(address: Address) -> bool:
    try:
        check_address(address)
    except AddressRefused:
        return True
    return False


@given(inside_4, st.sampled_from(WRAPPERS), st.integers(0, 2**80 - 1), st.integers(0, 2**16 - 1))
def test_no_address_of_a_denied_block_passes_in_any_wrapping(
    address: IPv4Address, wrapper: str, rest: int, flags: int
) -> None:
    six_to_four = IPv6Address(0x2002 << 112 | int(address) << 80 | rest)
    teredo = IPv6Address(0x20010000 << 96 | flags << 48 | (int(address) ^ 0xFFFFFFFF))
    for each in (address, _wraps(wrapper, address), six_to_four, teredo):
        assert refused(each), each


@given(inside_6)
def test_no_address_of_a_denied_block_of_ipv6_passes(address: IPv6Address) -> None:
    assert refused(address)


@given(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address))
def test_whatever_passes_is_global_to_python_too_and_an_ordinary_address_passes(
    four: IPv4Address, six: IPv6Address
) -> None:
    ours = any(four in IPv4Network(block) for block in DENIED_4)
    assert refused(four) == ours
    assert four.is_global or ours
    assert refused(_wraps("64:ff9b::", four)) == refused(_wraps("::ffff:0:0", four)) == ours
    if not refused(six):
        assert six.is_global
        assert six in IPv6Network("2000::/3")


@pytest.mark.parametrize(
    "address",
    [
        "192.0.0.9", "192.0.0.192", "192.88.99.1", "224.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "100:0:0:1::1", "2002:a00:1::1",
        "3fff::1", "5f00::1", "fec0::1", "ff02::1", "::10.0.0.1", "4000::1",
    ],
)  # fmt: skip
def test_what_python_calls_global_and_is_not_public_is_refused(address: str) -> None:
    assert refused(ip_address(address))


# --- a sandbox ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def in_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYPLUS_SANDBOX", "1")
    monkeypatch.setenv("POLYPLUS_SANDBOX_PEERS", "127.0.0.1:8191 127.0.0.1:8192 localhost:8193")


@pytest.mark.usefixtures("in_sandbox")
def test_a_sandbox_reaches_its_own_simulators_and_nothing_else_of_this_machine() -> None:
    for url in ("http://127.0.0.1:8191", "http://127.0.0.1:8192/x", "https://127.0.0.1:8192", "http://LOCALHOST:8193/"):
        assert check_url(url).peer
    for url in (
        "http://127.0.0.1", "http://127.0.0.1:8080", "http://127.0.0.1:15432", "https://127.0.0.1", "http://localhost:8192",
        "http://127.1:8192", "http://2130706433:8192", "http://[::1]:8192", "http://[::ffff:127.0.0.1]:8192",
        "http://u@127.0.0.1:8192", "http://127.0.0.2:8192", "http://cloud.example:8192", "http://127.0.0.1:08190",
    ):  # fmt: skip
        with pytest.raises(AddressRefused):
            check_url(url)


def test_what_a_sandbox_may_is_nothing_to_anybody_else() -> None:
    for url in ("http://127.0.0.1:8192", "https://127.0.0.1:8192"):
        with pytest.raises(AddressRefused):
            check_url(url)


# --- the call ----------------------------------------------------------------------------------------------------------


def resolves_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """The name server gives these answers, one after the other, and the last for ever; who asked."""
    asked: list[str] = []

    async def getaddrinfo(_: Any, host: str, port: int, **__: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", (address, port)) for address in answers[min(len(asked), len(answers)) - 1]]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return asked


async def test_a_name_is_resolved_once_and_its_address_is_what_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolves_to(monkeypatch, ["8.8.8.8", "2606:4700::1"], ["127.0.0.1"])
    assert await pinned("https://Cloud.Example/x?a=b", query=True) == (
        "https://8.8.8.8:443/x?a=b",
        {"host": "cloud.example"},
        {"sni_hostname": "cloud.example"},
    )
    assert asked == ["cloud.example"]
    with pytest.raises(AddressRefused):
        await pinned("https://cloud.example/x")


@pytest.mark.parametrize("among", ["127.0.0.1", "10.0.0.1", "64:ff9b::7f00:1", "fe80::1%eth0", "192.0.0.192"])
async def test_one_address_of_ours_among_a_names_is_enough_to_refuse_it(
    among: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves_to(monkeypatch, ["8.8.8.8", among])
    with pytest.raises(AddressRefused):
        await pinned("https://cloud.example/")


async def test_a_call_does_not_follow_where_it_is_sent_on(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        called.append(head)
        writer.write(
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, family=socket.AF_INET)
    peer = f"localhost:{server.sockets[0].getsockname()[1]}"
    monkeypatch.setenv("POLYPLUS_SANDBOX", "1")
    monkeypatch.setenv("POLYPLUS_SANDBOX_PEERS", peer)
    resolves_to(monkeypatch, ["127.0.0.1"])
    async with server, httpx.AsyncClient(follow_redirects=True, trust_env=False) as http:
        found = await send(http, "GET", f"http://{peer}/x", headers={"accept": "*/*"})
    assert found.status_code == 302
    assert [head.split("\r\n")[0] for head in called] == ["GET /x HTTP/1.1"]
    assert f"host: {peer}" in called[0].lower()
