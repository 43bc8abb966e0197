import tracemalloc

import pytest

from libs.kit.proxies import household, networks, origin
from libs.kit.settings import UnsafeSetting

TRUSTED = networks("X", "10.0.0.0/8, 192.168.1.1,2001:db8::/32")


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", ["1.1.1.1"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["1.1.1.1"], "1.1.1.1"),
        ("::ffff:10.0.0.1", ["1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6", "1.1.1.1, 10.9.9.9"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6, 1.1.1.1", "192.168.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["1.1.1.1:443"], "1.1.1.1"),
        ("10.0.0.1", ["[2001:4860::8]:443"], "2001:4860::8"),
        ("2001:db8::1", ["::ffff:1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["6.6.6.6, <script>, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
    ],
)
def test_where_a_request_comes_from_is_what_the_last_trusted_proxy_heard(
    peer: str, forwarded: list[str], found: str
) -> None:
    assert origin(peer, tuple(line.encode() for line in forwarded), TRUSTED) == found


def test_of_a_long_list_the_end_is_read_and_none_is_kept() -> None:
    trusted = b"6.6.6.6, " + b", ".join([b"10.1.1.1"] * 3000)
    assert {origin("10.0.0.1", (trusted + b" " * n,), TRUSTED) for n in range(12)} == {"10.1.1.1"}
    tracemalloc.start()
    try:
        for n in range(300):
            lines = (b"1.1.1.1, " * 3000 + b"%d" % n, b"203.0.113.%d, 10.9.9.9" % (n % 250))
            assert origin("10.0.0.1", lines, TRUSTED) == f"203.0.113.{n % 250}"
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", ["10.0.0.1/8", "proxy.example", "*", "10.0.0.0/33", "10.0.0.1 10.0.0.2"])
def test_a_setting_that_cannot_be_read_ends_the_start_with_one_line(text: str) -> None:
    with pytest.raises(UnsafeSetting, match=r"^POLYPLUS_GATEWAY_TRUSTED_PROXIES: .*\.$"):
        networks("GATEWAY_TRUSTED_PROXIES", text)


def test_of_ipv6_a_household_is_a_64() -> None:
    assert household("2001:4860:1:2:3::4") == household("2001:4860:1:2:ffff::1") != household("2001:4860:1:3::4")
    assert (household("203.0.113.1"), household("::ffff:203.0.113.1")) == ("203.0.113.1", "203.0.113.1")
    assert household("fe80::1%eth0") == "fe80::/64"
