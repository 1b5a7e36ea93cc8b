"""What `aster run` says to a person of what the daemon tells."""

import pytest

from cli.render import Screen
from cli.run import _Person

OWN = {"device": "aaaa", "name": "Alice", "device_name": "laptop"}
BOB = {"device": "bbbb", "name": "Bob", "device_name": "phone"}
READY = {"event": "ready", "device": "aaaa", "name": "Alice", "addresses": ["/ip4/127.0.0.1/tcp/1/p2p/X"]}


@pytest.fixture
def told(capsys):
    person = _Person(Screen())

    def tell(**event):
        person.tell(event)
        out, err = capsys.readouterr()
        return out + err

    return tell


def test_in_a_circle_the_others_are_told_how_to_let_each_other_in(told):
    shown = told(**READY, federation=False, steward=False)
    assert "ready  Alice  aaaa" in shown
    assert "aster peer add" in shown


@pytest.mark.parametrize("steward", [True, False])
def test_in_a_federation_only_stewards_are_told_of_invites(told, steward):
    shown = told(**READY, federation=True, steward=steward)
    assert "aster peer add" not in shown
    assert ("aster invite create" in shown) is steward


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"event": "connected", **BOB, "address": "/ip4/1"}, "connected  Bob (phone)  /ip4/1"),
        ({"event": "disconnected", **BOB, "why": "gone"}, "disconnected  Bob (phone)  gone"),
        ({"event": "received", **BOB, "entries": 2}, "received  2 entries from Bob (phone)"),
        ({"event": "ended-log", "name": "Bob", "log": "feed", "seq": 3}, "ended  Bob's log feed at entry 3"),
        ({"event": "section", "name": "Berlin", "valid": True}, "section  Berlin is part of"),
        ({"event": "section", "name": "Berlin", "valid": False}, "section  Berlin waits for endorsements"),
        ({"event": "joined", "name": "Bob", "section_name": "Lyon"}, "joined  Bob  Lyon"),
        ({"event": "left", "name": "Bob", "section_name": "Lyon"}, "left  Bob  Lyon"),
        ({"event": "revoked", **BOB}, "revoked  Bob (phone)"),
        ({"event": "revoked", **OWN}, "revoked  this device: it publishes nothing any more"),
        ({"event": "signing", "device": "aaaa"}, "This home has heard its own entries"),
        ({"event": "alone", "why": "gone"}, "Nobody could be reached yet"),
        ({"event": "ended"}, "Ended."),
    ],
)
def test_each_event_is_one_line(told, event, line):
    told(**READY, federation=True, steward=False)
    shown = told(**event)
    assert shown.startswith(line)
    assert shown.count("\n") == 1


def test_where_all_peers_have_hung_up_their_reason_is_guessed(told):
    told(**READY, federation=True, steward=False)
    told(event="connected", **BOB, address="/ip4/1")
    told(event="connected", **OWN, address="/ip4/2")
    hung_up = "connection lost: the other side hung up"
    assert "revocation" not in told(event="disconnected", **BOB, why=hung_up)
    assert "a revocation of this device" in told(event="disconnected", **OWN, why=hung_up)
    assert "revocation" not in told(event="disconnected", **BOB, why="ping timeout")


def test_events_of_later_versions_are_left_out(told):
    assert told(event="something new", device="bbbb") == ""
