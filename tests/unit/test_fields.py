"""What every message has in common."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.errors import RemoteFault, Severity
from gossip.proto import limits
from gossip.proto.fields import require_addresses, require_version, values_of


def test_a_message_is_a_list_that_begins_with_its_number() -> None:
    assert values_of(b"\x93\x01\xa1a\xc4\x01b") == (1, "a", b"b")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x90",
        b"\x01",
        b"\x91\xa1a",
        b"\x91\xc3",
        b"\x91\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",
        b"\x91\xcc\x01",
        b"\x91\x01\x00",
        b"\x92\x01",
        b"\x81\x01\x02",
    ],
    ids=[
        "nothing",
        "an empty list",
        "a number",
        "text first",
        "true first",
        "a float first",
        "not canonical",
        "trailing bytes",
        "cut",
        "a map",
    ],
)
def test_other_bytes_are_the_peers_fault(data: bytes) -> None:
    with pytest.raises(RemoteFault):
        values_of(data)


def test_a_message_has_bounds() -> None:
    longest = [1] + [0] * (limits.MAX_FRAME_ITEMS - 1)
    assert len(values_of(msgpack.packb(longest))) == limits.MAX_FRAME_ITEMS
    with pytest.raises(RemoteFault):
        values_of(msgpack.packb([*longest, 0]))
    with pytest.raises(RemoteFault):
        values_of(msgpack.packb([1, bytes(limits.MAX_FRAME_BYTES)]))


@given(st.binary(max_size=300))
def test_noise_raises_a_remote_fault_and_nothing_else(data: bytes) -> None:
    try:
        values = values_of(data)
    except RemoteFault:
        return
    assert type(values[0]) is int


def test_another_version_is_a_slight_fault_and_nonsense_a_bad_one() -> None:
    require_version(1)
    with pytest.raises(RemoteFault, match="speaks version 2") as caught:
        require_version(2)
    assert caught.value.severity is Severity.SLIGHT
    for value in (True, None, "1"):
        with pytest.raises(RemoteFault) as caught:
            require_version(value)
        assert caught.value.severity is Severity.BAD


def test_addresses_are_short_printable_ascii() -> None:
    require_addresses(())
    require_addresses(("/ip4/192.0.2.7/tcp/4001",) * limits.MAX_ADDRESSES)
    require_addresses(("a" * limits.MAX_ADDRESS_CHARS,))
    for wrong in (
        None,
        ["/ip4/192.0.2.7/tcp/4001"],
        ("a",) * (limits.MAX_ADDRESSES + 1),
        ("a" * (limits.MAX_ADDRESS_CHARS + 1),),
        ("",),
        ("/dns/\u0435xample.org/tcp/1",),
        ("/ip4/192.0.2.7/tcp/4001\x1b[2J",),
        (b"/ip4/192.0.2.7/tcp/4001",),
    ):
        with pytest.raises(RemoteFault):
            require_addresses(wrong)
