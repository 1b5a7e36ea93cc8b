"""Requests of strangers become conversations: by an answer, and on all devices of the one who was asked."""

import pytest

from node.apps.messenger import conversations, groups, sending
from node.apps.messenger.bodies import Text
from node.apps.messenger.conversations import Kind, State
from node.testing.correspondence import Device, Post

HOUR_MS = 3_600_000


@pytest.fixture
def post() -> Post:
    return Post()


def people(post: Post, *names: str) -> list[Device]:
    found = [post.join(name) for name in names]
    post.meet()
    post.settle(HOUR_MS)
    return found


def say(device: Device, to: Device, text: str) -> None:
    device.do(lambda desk: sending.send_text(desk, conversations.direct(desk, to.who), Text(text)))


def acknowledged(device: Device) -> int:
    """Own messages of which some device has said that they came."""
    [(count,)] = device.rows("SELECT count(DISTINCT n) FROM chat_receipts WHERE delivered_ms > 0")
    assert isinstance(count, int)
    return count


def states(device: Device) -> set[State]:
    return {State(state) for (state,) in device.rows("SELECT state FROM chat_conversations")}


def test_an_answer_to_a_request_says_that_its_messages_came(post: Post) -> None:
    ann, bob = people(post, "ann", "bob")
    bob.strangers = {ann.who}
    say(ann, bob, "one")
    say(ann, bob, "two")
    post.settle(HOUR_MS)
    assert (states(bob), acknowledged(ann)) == ({State.REQUEST}, 0)
    say(bob, ann, "I see both")
    post.settle(HOUR_MS)
    assert (states(bob), acknowledged(ann)) == ({State.OPEN}, 2)


def test_a_request_answered_on_one_device_is_none_on_the_other_and_that_says_what_came(post: Post) -> None:
    ann, bob = people(post, "ann", "bob")
    phone = post.join("bob-2", bob.who)
    post.meet()
    bob.strangers = phone.strangers = {ann.who}
    post.settle(HOUR_MS)
    say(ann, bob, "one")
    post.settle(HOUR_MS)
    assert states(phone) == {State.REQUEST}
    say(bob, ann, "I see it")
    post.settle(HOUR_MS)
    assert states(phone) == {State.OPEN}
    [(devices,)] = ann.rows("SELECT count(*) FROM chat_receipts WHERE delivered_ms > 0")
    assert devices == 2


def test_whom_one_brought_into_a_group_is_a_stranger_on_no_device_of_ones_own(post: Post) -> None:
    ann, bob = people(post, "ann", "bob")
    phone = post.join("ann-2", ann.who)
    post.meet()
    ann.strangers = phone.strangers = {bob.who}
    post.settle(HOUR_MS)
    say(bob, ann, "you do not know me")
    post.settle(HOUR_MS)
    assert states(phone) == {State.REQUEST}
    ann.do(lambda desk: groups.create(desk, sending.say, "Kitchen", [bob.who]) and None)
    post.settle(HOUR_MS)
    kinds = phone.rows("SELECT kind, state FROM chat_conversations ORDER BY kind")
    assert kinds == [(Kind.DIRECT, State.OPEN), (Kind.GROUP, State.OPEN)]
    assert states(ann) == {State.OPEN}
