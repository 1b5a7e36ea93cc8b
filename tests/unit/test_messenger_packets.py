"""Packets in a device's box: floods starve nobody, and what was opened once asks for nothing again."""

import pytest

from node.apps.messenger import bodies, conversations, receiving, sending
from node.apps.messenger.bodies import Text
from node.apps.messenger.conversations import Notice
from node.apps.messenger.desk import Desk
from node.secrecy import envelope
from node.testing.correspondence import Device, Post

WAIT_MS = 60_000


@pytest.fixture
def post() -> Post:
    post = Post()
    for name in ("alice", "bob", "eve"):
        post.join(name)
    post.meet()
    post.settle(WAIT_MS)
    return post


def of(post: Post, name: str) -> Device:
    [found] = [device for device in post.devices.values() if device.name == name]
    return found


def say(device: Device, to: Device, text: str) -> None:
    def step(desk: Desk) -> None:
        sending.send_text(desk, conversations.direct(desk, to.who), Text(text))

    device.do(step)


def flood(eve: Device, bob: Device, count: int) -> None:
    """Packets in the box of Bob that he cannot open."""
    nobody = envelope.public_of(envelope.new_key())
    log = bodies.box_of(bob.device)

    def step(desk: Desk) -> None:
        for _ in range(count):
            sealed = envelope.seal(nobody, b"", bytes(16))
            desk.write(log, lambda salt, sealed=sealed: bodies.compose_packet(sealed, salt))

    eve.do(step)


def renewals(device: Device) -> int:
    notices = device.rows("SELECT count(*) FROM chat_messages WHERE kind = ?", Notice.RENEWED)
    anew = device.rows("SELECT count(*) FROM chat_notes WHERE name GLOB 'anew:*'")
    return int(notices[0][0]) + int(anew[0][0])


def packets_of(device: Device, author: Device) -> int:
    return int(device.rows("SELECT count(*) FROM chat_packets WHERE author = ?", author.device)[0][0])


def test_when_all_is_looked_at_again_nothing_is_said_or_renewed(post: Post) -> None:
    alice, bob = of(post, "alice"), of(post, "bob")
    for number in range(3):
        say(alice, bob, f"to Bob {number}")
        post.settle(WAIT_MS)
        say(bob, alice, f"to Alice {number}")
        post.settle(WAIT_MS)
    before = alice.texts(), bob.texts()
    assert len(before[0]) == 6
    for device in (alice, bob):
        device.fold_again(len(device.entries_held))
        device.take_all()
        assert renewals(device) == 0
    assert (alice.texts(), bob.texts()) == before


def test_a_session_that_is_lost_is_begun_anew_with_a_note_and_nothing_stays_unread(post: Post) -> None:
    alice, bob = of(post, "alice"), of(post, "bob")
    say(alice, bob, "first")
    post.settle(WAIT_MS)
    say(bob, alice, "second")
    post.settle(WAIT_MS)
    bob.change("DELETE FROM chat_pairs")
    alice.change("UPDATE chat_senders SET current = 0")
    say(alice, bob, "third")
    post.settle(10 * WAIT_MS)
    assert renewals(bob) == 1
    assert sorted(bob.texts()) == ["first", "second", "third"]


def test_of_many_packets_of_one_device_the_others_do_not_wait(post: Post) -> None:
    alice, bob, eve = of(post, "alice"), of(post, "bob"), of(post, "eve")
    flood(eve, bob, 50)
    post.carry(eve, bob)
    say(alice, bob, "here I am")
    post.carry(alice, bob)
    bob.take(attempts=2)
    bob.take(attempts=2)
    assert bob.texts() == ["here I am"]
    assert packets_of(bob, eve) >= 46


def test_of_too_many_packets_those_go_whose_sender_has_most(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "MAX_PACKETS_WAITING", 10)
    alice, bob, eve = of(post, "alice"), of(post, "bob"), of(post, "eve")
    flood(eve, bob, 30)
    say(alice, bob, "here I am")
    post.carry(eve, bob)
    post.carry(alice, bob)
    bob.take(attempts=0)
    assert packets_of(bob, eve) == 9
    assert packets_of(bob, alice) == 1
    bob.take_all()
    assert bob.texts() == ["here I am"]


def test_a_flood_is_gone_through_and_nothing_of_it_stays(post: Post) -> None:
    bob, eve = of(post, "bob"), of(post, "eve")
    flood(eve, bob, 30)
    post.carry(eve, bob)
    bob.take_all()
    assert packets_of(bob, eve) == 0
    assert bob.texts() == []
    assert renewals(bob) == 0
