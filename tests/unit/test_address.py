"""Addresses and peer ids as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.errors import BadAddress
from gossip.net.address import (
    Address,
    author_of_peer_id,
    parse_address,
    parse_listen_address,
    peer_id_text,
)
from store.ids import AuthorId

KEYS = st.binary(min_size=32, max_size=32).map(AuthorId)

KNOWN = (
    # From libp2p's specification of peer ids: an Ed25519 public key and its peer id.
    "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e",
    "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq",
)


@given(KEYS)
def test_a_peer_id_names_its_key(key: AuthorId) -> None:
    text = peer_id_text(key)
    assert text.startswith("12D3KooW")
    assert len(text) == 52
    assert author_of_peer_id(text) == key


@given(st.text(max_size=70))
def test_foreign_text_is_no_peer_id(text: str) -> None:
    with pytest.raises(BadAddress):
        author_of_peer_id(text)


@given(
    KEYS, st.integers(0, 51), st.sampled_from("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
)
def test_a_changed_peer_id_never_names_the_same_key(key: AuthorId, at: int, character: str) -> None:
    text = peer_id_text(key)
    changed = text[:at] + character + text[at + 1 :]
    if changed == text:
        return
    try:
        other = author_of_peer_id(changed)
    except BadAddress:
        return
    assert other != key


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/ip4/192.0.2.7/tcp/4001", Address("ip4", "192.0.2.7", 4001, None)),
        ("/ip6/2001:DB8:0::7/tcp/1", Address("ip6", "2001:db8::7", 1, None)),
        ("/dns/Hub.Example.org./tcp/65535", Address("dns", "hub.example.org", 65535, None)),
        ("/dns4/localhost/tcp/80", Address("dns4", "localhost", 80, None)),
        ("/dns6/a-b.c/tcp/080", Address("dns6", "a-b.c", 80, None)),
    ],
)
def test_each_form_is_understood(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert parse_address(address.text) == address


@given(KEYS, st.integers(1, 65535), st.ip_addresses())
def test_an_address_survives_its_own_spelling(key: AuthorId, port: int, ip: object) -> None:
    kind = "ip6" if ":" in str(ip) else "ip4"
    address = Address(kind, str(ip), port, key)
    assert parse_address(address.full_text) == address
    assert parse_address(address.text) == address._replace(peer=None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "192.0.2.7:4001",
        "ip4/192.0.2.7/tcp/4001",
        "/ip4/192.0.2.7/tcp",
        "/ip4/192.0.2.7/tcp/",
        "/ip4/192.0.2.7/tcp/4001/",
        "/ip4/192.0.2.256/tcp/4001",
        "/ip4/192.0.2.7/tcp/65536",
        "/ip4/192.0.2.7/tcp/-1",
        "/ip4/192.0.2.7/tcp/٤",
        "/ip4/192.0.2.7/tcp/0",
        "/ip4/2001:db8::7/tcp/4001",
        "/ip6/192.0.2.7/tcp/4001",
        "/ip6/fe80::1%eth0/tcp/4001",
        "/ip4/192.0.2.7/udp/4001/quic-v1",
        "/ip4/192.0.2.7/tcp/4001/ws",
        "/ip4/192.0.2.7/tcp/4001/p2p/",
        "/ip4/192.0.2.7/tcp/4001/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
        "/ip4/192.0.2.7/tcp/4001/ws/12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq",
        "/dns/-a.example/tcp/1",
        "/dns/a..example/tcp/1",
        "/dns//tcp/1",
        "/dns/a b/tcp/1",
        "/dns/" + "a" * 64 + "/tcp/1",
        "/unix/tmp/tcp/1",
        "/ip4/192.0.2.7/tcp/4001\n",
        "/dns/" + "a." * 200 + "a/tcp/1",
    ],
)
def test_malformed_addresses_are_refused_in_one_printable_line(text: str) -> None:
    with pytest.raises(BadAddress) as caught:
        parse_address(text)
    message = str(caught.value)
    assert message.replace("…", "").isascii()
    assert message.isprintable()
    assert len(message) < 400


@given(st.text(max_size=400))
def test_noise_is_refused_or_understood(text: str) -> None:
    try:
        address = parse_address(text)
    except BadAddress:
        return
    assert parse_address(address.full_text) == address


def test_the_specifications_example_holds() -> None:
    key, text = KNOWN
    assert peer_id_text(AuthorId(bytes.fromhex(key))) == text


def test_listening_needs_an_ip_address_and_allows_port_zero() -> None:
    assert parse_listen_address("/ip4/127.0.0.1/tcp/0") == Address("ip4", "127.0.0.1", 0, None)
    for text in ("/dns/localhost/tcp/0", f"/ip4/127.0.0.1/tcp/1/p2p/{KNOWN[1]}"):
        with pytest.raises(BadAddress):
            parse_listen_address(text)
