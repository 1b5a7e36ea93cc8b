"""Codes of invites and contacts: round trips, how they may be typed, and what is said about wrong ones."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.net.address import parse_address
from node.federation.code import (
    CONTACT_CHARS,
    INVITE_CHARS,
    MAX_NAME_BYTES,
    BadCode,
    Contact,
    Invite,
    Place,
    encode,
    parse,
    place_of,
)
from store.crypto import digest
from store.ids import AuthorId

HALVES = st.binary(min_size=16, max_size=16)
KEYS = st.binary(min_size=32, max_size=32).map(AuthorId)
PORTS = st.integers(1, 65_535)
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
NAMES = (
    st.lists(LABELS, min_size=1, max_size=3)
    .map(".".join)
    .filter(lambda name: len(name) <= MAX_NAME_BYTES and not name.replace(".", "").isdecimal())
)
IPS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
PLACES = st.builds(Place, st.one_of(IPS, NAMES), PORTS)
INVITES = st.builds(Invite, HALVES, HALVES, KEYS, PLACES)
CONTACTS = st.builds(Contact, HALVES, KEYS, PLACES)

INVITE = Invite(bytes(range(16)), bytes([7] * 16), AuthorId(bytes([1] * 32)), Place("192.0.2.7", 4001))
CONTACT = Contact(INVITE.network, INVITE.hub, Place("hub.example.org", 4001))
TEXT = encode(INVITE)


def message_for(text: str) -> str:
    with pytest.raises(BadCode) as caught:
        parse(text)
    return caught.value.message


def sealed(data: bytes) -> str:
    """A code of these bytes with the right checksum."""
    check = digest(b"asterism/code/1\0" + data)[:4]
    return base64.b32encode(data + check).decode().rstrip("=")


def with_place(packed: bytes) -> str:
    return sealed(b"\x01" + INVITE.network + INVITE.secret + INVITE.hub + packed.ljust(24, b"\0"))


@given(st.one_of(INVITES, CONTACTS))
def test_parsing_what_was_encoded_gives_the_code(code: Invite | Contact) -> None:
    text = encode(code)
    assert parse(text) == code
    assert len(text) == (INVITE_CHARS if isinstance(code, Invite) else CONTACT_CHARS) <= 150
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def test_a_code_has_the_bytes_of_the_specification() -> None:
    data = b"\x01" + INVITE.network + INVITE.secret + INVITE.hub
    data += b"\x04\xc0\x00\x02\x07\x0f\xa1" + bytes(17)
    assert sealed(data) == TEXT
    data = b"\x02" + CONTACT.network + CONTACT.hub
    data += b"\x19hub.example.org\x0f\xa1" + bytes(6)
    assert sealed(data) == encode(CONTACT)


@given(st.one_of(INVITES, CONTACTS), st.sampled_from(["-", " ", "\n", "\r\n  ", "\u2011"]), st.integers(1, 9))
def test_case_spaces_line_breaks_and_hyphens_do_not_matter(
    code: Invite | Contact, between: str, size: int
) -> None:
    text = encode(code)
    typed = between.join(text[at : at + size] for at in range(0, len(text), size))
    assert parse(typed) == parse(typed.lower()) == parse(f"\t{typed}\n") == code


@given(st.one_of(INVITES, CONTACTS), st.data())
def test_any_one_other_character_is_refused(code: Invite | Contact, data: st.DataObject) -> None:
    text = encode(code)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(
        st.sampled_from([char for char in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" if char != text[at]])
    )
    assert message_for(text[:at] + other + text[at + 1 :])


@given(st.one_of(INVITES, CONTACTS), st.data())
def test_any_one_flipped_bit_is_refused(code: Invite | Contact, data: st.DataObject) -> None:
    text = encode(code)
    raw = bytearray(base64.b32decode(text + "=" * (-len(text) % 8)))
    flip = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[flip // 8] ^= 1 << flip % 8
    assert message_for(base64.b32encode(raw).decode().rstrip("="))


@given(st.integers(0, INVITE_CHARS - 2))
def test_two_neighbours_that_changed_places_are_noticed(at: int) -> None:
    swapped = TEXT[:at] + TEXT[at + 1] + TEXT[at] + TEXT[at + 2 :]
    if swapped != TEXT:
        assert "mistyped" in message_for(swapped) or "newer" in message_for(swapped)


@given(st.text(max_size=200))
def test_noise_is_refused_with_our_error(text: str) -> None:
    with pytest.raises(BadCode):
        parse(text)


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", max_size=160))
def test_noise_of_the_right_characters_is_refused_with_our_error(text: str) -> None:
    with pytest.raises(BadCode):
        parse(text)


@given(st.binary(max_size=24))
def test_a_foreign_address_in_a_good_code_is_refused_or_reads_back(packed: bytes) -> None:
    text = with_place(packed)
    try:
        code = parse(text)
    except BadCode:
        return
    assert encode(code) == text


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "There is no code"),
        (" \n- ", "There is no code"),
        (TEXT[:-1], "it has 148 characters, not 149"),
        (TEXT + TEXT, "it has 298 characters, not 149"),
        (TEXT[:-1] + ("A" if TEXT[-1] != "A" else "B"), "its checksum does not fit"),
        (TEXT.replace("A", "0", 1), "'0' does not occur in codes"),
        (TEXT.replace("A", "é", 1), r"'\xe9' does not occur in codes"),
        (encode(CONTACT)[:100], "it has 100 characters, not 124"),
        ("ZZZZ", "it has 4 characters; an invite has 149, a contact 124"),
        ("A" * 2_000, "too long for a code"),
        (sealed(b"\x03" + bytes(88)), "newer version"),
        (sealed(b"\x03" + bytes(20)), "newer version"),
        (sealed(b"\x01" + bytes(87)), "too short or too long"),
        (sealed(b"\x02" + bytes(88)), "too short or too long"),
        (with_place(b"\x04\x7f\x00\x00\x01\x00\x00"), "no address that can be dialled"),
        (with_place(b"\x04\x7f\x00\x00\x01\x0f\xa1\x01"), "no address that can be dialled"),
        (with_place(b"\x0ba\x00\x00"), "no address that can be dialled"),
        (with_place(b"\x0bA\x0f\xa1"), "no address that can be dialled"),
        (with_place(b"\x13127.0.0.1\x0f\xa1"), "no address that can be dialled"),
        (with_place(b"\x0b\xe9\x0f\xa1"), "no address that can be dialled"),
        (with_place(b"\x05" + bytes(6)), "address of a kind"),
        (with_place(b"\x20" + bytes(6)), "address of a kind"),
    ],
)
def test_each_fault_has_its_own_message(text: str, part: str) -> None:
    assert part in message_for(text)


@pytest.mark.parametrize(
    ("address", "place", "text"),
    [
        ("/ip4/192.0.2.7/tcp/4001", Place("192.0.2.7", 4001), "/ip4/192.0.2.7/tcp/4001"),
        ("/ip6/2001:DB8:0::7/tcp/1", Place("2001:db8::7", 1), "/ip6/2001:db8::7/tcp/1"),
        ("/dns/Hub.Example.org/tcp/65535", Place("hub.example.org", 65535), "/dns/hub.example.org/tcp/65535"),
        ("/dns4/hub.example.org/tcp/2", Place("hub.example.org", 2), "/dns/hub.example.org/tcp/2"),
        ("/dns/192.0.2.7/tcp/2", Place("192.0.2.7", 2), "/ip4/192.0.2.7/tcp/2"),
        (
            "/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq",
            Place("192.0.2.7", 4001),
            "/ip4/192.0.2.7/tcp/4001",
        ),
    ],
)
def test_an_address_becomes_a_place_and_an_address_again(address: str, place: Place, text: str) -> None:
    assert place_of(address) == place == place_of(parse_address(address))
    assert place.text() == text
    assert parse(encode(CONTACT._replace(place=place))) == CONTACT._replace(place=place)


def test_a_dns_name_fits_up_to_its_limit() -> None:
    longest = "a" * 9 + "." + "b" * 11
    assert place_of(f"/dns/{longest}/tcp/1") == Place(longest, 1)
    with pytest.raises(BadCode, match="of up to 21 characters, this has 22"):
        place_of(f"/dns/{longest}b/tcp/1")


@pytest.mark.parametrize(
    "address", ["", "hub.example.org:4001", "/ip4/192.0.2.7/udp/1", "/ip4/192.0.2.7/tcp/0"]
)
def test_what_is_no_address_to_dial_fits_no_code(address: str) -> None:
    with pytest.raises(BadCode):
        place_of(address)


@pytest.mark.parametrize(
    "place",
    [
        Place("192.0.2.7", 0),
        Place("192.0.2.7", 65_536),
        Place("HUB", 1),
        Place("2001:0db8::7", 1),
        Place("a" * 22, 1),
        Place("", 1),
        Place("a b", 1),
    ],
)
def test_a_place_that_is_not_in_its_usual_form_is_not_encoded(place: Place) -> None:
    with pytest.raises(BadCode):
        encode(INVITE._replace(place=place))


@pytest.mark.parametrize("broken", [INVITE._replace(network=b""), INVITE._replace(secret=bytes(15))])
def test_a_value_of_another_length_is_not_encoded(broken: Invite) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        encode(broken)


def test_an_invite_does_not_show_its_secret() -> None:
    assert INVITE.secret.hex() not in repr(INVITE)
    assert repr(INVITE.secret) not in str(INVITE)
