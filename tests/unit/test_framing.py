"""Frames: a length before each message, whatever pieces the bytes come in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.errors import RemoteFault, Severity
from gossip.proto.framing import LENGTH_BYTES, Deframer, frame
from gossip.proto.limits import MAX_FRAME_BYTES

PAYLOADS = st.lists(st.binary(min_size=1, max_size=40), max_size=8)


def test_a_frame_is_four_bytes_of_length_and_the_payload() -> None:
    assert frame(b"abc") == b"\0\0\0\3abc"
    assert LENGTH_BYTES == 4


@given(PAYLOADS, st.lists(st.integers(1, 9)))
def test_whole_payloads_come_back_however_the_stream_is_cut(payloads: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(frame, payloads))
    deframer = Deframer()
    found: list[bytes] = []
    for cut in cuts:
        found += deframer.feed(stream[:cut])
        stream = stream[cut:]
    found += deframer.feed(stream)
    assert found == payloads
    deframer.finish()


@given(PAYLOADS, st.binary(min_size=1, max_size=40), st.data())
def test_a_cut_frame_is_refused_at_the_end(payloads: list[bytes], last: bytes, data: st.DataObject) -> None:
    whole = frame(last)
    cut = data.draw(st.integers(1, len(whole) - 1))
    deframer = Deframer()
    assert deframer.feed(b"".join(map(frame, payloads)) + whole[:cut]) == payloads
    with pytest.raises(RemoteFault) as caught:
        deframer.finish()
    assert caught.value.severity is Severity.SLIGHT, "a killed process looks like this"


@pytest.mark.parametrize("length", [0, MAX_FRAME_BYTES + 1, 2**32 - 1])
def test_a_length_out_of_bounds_is_refused_before_anything_is_kept_for_it(length: int) -> None:
    deframer = Deframer()
    with pytest.raises(RemoteFault, match=f"a frame of {length} bytes") as caught:
        deframer.feed(length.to_bytes(4, "big"))
    assert caught.value.severity is Severity.BAD


def test_a_protocol_of_short_messages_refuses_long_ones_as_early() -> None:
    assert Deframer(100).feed(frame(bytes(100))) == [bytes(100)]
    with pytest.raises(RemoteFault, match="a frame of 101 bytes"):
        Deframer(100).feed((101).to_bytes(4, "big"))


def test_the_longest_frame_passes() -> None:
    payload = bytes(MAX_FRAME_BYTES)
    assert Deframer().feed(frame(payload)) == [payload]


@pytest.mark.parametrize("payload", [b"", bytes(MAX_FRAME_BYTES + 1)])
def test_we_make_no_frame_that_others_refuse(payload: bytes) -> None:
    with pytest.raises(ValueError, match="a frame has 1 to"):
        frame(payload)


@given(st.lists(st.binary(max_size=200)))
def test_noise_is_payloads_or_a_remote_fault(chunks: list[bytes]) -> None:
    deframer = Deframer()
    try:
        for chunk in chunks:
            deframer.feed(chunk)
        deframer.finish()
    except RemoteFault:
        return
