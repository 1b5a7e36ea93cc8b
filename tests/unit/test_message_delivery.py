"""How far a message has got: nothing is said that nobody knows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.messaging.delivery import FAILED, LOST_AFTER_MS, STATES, Progress, Share, reached, show
from store.ids import AuthorId

ME, BOB, CAROL = (bytes([number]) * 32 for number in (1, 2, 3))
NAMES = {ME: "alice", BOB: "bob", CAROL: "carol"}


def share(who: bytes, device: int = 0, **known: Any) -> Share:
    given_ = {"is_written": True, "got_ms": 0, "delivered_ms": 0, "read_ms": 0, **known}
    return Share(AuthorId(who[:31] + bytes([device])), who, **given_)


def progress(*shares: Share, **known: Any) -> Progress:
    given_ = {
        "peers": 0,
        "hubs": 0,
        "is_told": True,
        "is_direct": len({each.who for each in shares} - {ME}) < 2,
        "is_to_self": False,
        "age_ms": 0,
        **known,
    }
    return Progress(tuple(shares), **given_)


def state_of(known: Progress) -> str:
    return str(show(known, ME, NAMES)["state"])


@pytest.mark.parametrize(
    ("known", "state"),
    [
        (progress(share(BOB)), "queued"),
        (progress(share(BOB), peers=2), "sent"),
        (progress(share(BOB, got_ms=5)), "sent"),
        (progress(share(BOB), peers=2, hubs=1), "hub"),
        (progress(share(BOB, delivered_ms=5)), "delivered"),
        (progress(share(BOB), share(BOB, 1, delivered_ms=5)), "delivered"),
        (progress(share(BOB, delivered_ms=5, read_ms=6)), "read"),
        (progress(share(BOB, delivered_ms=5), share(CAROL), hubs=1), "hub"),
        (progress(share(BOB, delivered_ms=5), share(CAROL)), "sent"),
        (progress(share(BOB, delivered_ms=5, read_ms=5), share(CAROL, delivered_ms=5)), "delivered"),
        (progress(share(ME, delivered_ms=5), share(BOB), peers=1), "sent"),
        (progress(share(ME, delivered_ms=5), is_to_self=True), "delivered"),
        (progress(is_to_self=True, peers=1), "sent"),
        (progress(is_direct=False, hubs=1), "hub"),
        (progress(peers=1), FAILED),
        (progress(share(ME, delivered_ms=5), peers=1), FAILED),
        (progress(share(BOB), hubs=1, age_ms=LOST_AFTER_MS + 1), FAILED),
        (progress(share(BOB), hubs=1, age_ms=LOST_AFTER_MS + 1, is_told=False), "hub"),
        (progress(share(BOB, delivered_ms=1), share(CAROL), age_ms=LOST_AFTER_MS + 1), "sent"),
    ],
)
def test_the_state_rests_on_what_is_known(known: Progress, state: str) -> None:
    assert state_of(known) == state


def test_why_a_message_waits_or_has_failed_is_said() -> None:
    def why(known: Progress) -> str:
        return str(show(known, ME, NAMES)["why"])

    assert "no peer" in why(progress(share(BOB)))
    assert why(progress(share(BOB, is_written=False), peers=1)).endswith("bob.")
    assert why(progress(share(BOB, is_written=False), share(BOB, 1))) == "It went to no peer yet."
    assert "no device" in why(progress())
    assert "30 days" in why(progress(share(BOB), age_ms=LOST_AFTER_MS + 1))
    assert why(progress(share(BOB, delivered_ms=1))) == ""
    many = [share(bytes([number]) * 32, is_written=False) for number in range(10, 20)]
    assert why(progress(*many, peers=1)).endswith("and 7 more.")


def test_who_waits_for_a_state_is_content_with_a_later_one() -> None:
    for at, state in enumerate(STATES):
        assert [reached(state, wanted) for wanted in STATES] == [at >= other for other in range(len(STATES))]
        assert not reached(FAILED, state)


shares = st.builds(
    share,
    st.sampled_from([ME, BOB, CAROL]),
    st.integers(0, 3),
    is_written=st.booleans(),
    got_ms=st.integers(0, 2),
    delivered_ms=st.integers(0, 2),
    read_ms=st.integers(0, 2),
)


@given(st.lists(shares, max_size=6), st.integers(0, 3), st.integers(0, 1))
def test_what_is_delivered_is_never_said_of_more_than_who_said_so(
    known: list[Share], peers: int, hubs: int
) -> None:
    shown = show(progress(*known, peers=peers, hubs=hubs), ME, NAMES)
    said = {each.who for each in known if each.delivered_ms} - {ME}
    assert shown["delivered_to"] == len(said)
    if shown["state"] == "delivered":
        assert shown["delivered_to"] == shown["people"] > 0
    if shown["state"] == FAILED:
        assert shown["why"]
