"""What is told of people: their devices come and go, and the owner learns it before his next message."""

from node.apps.messenger import conversations, sending
from node.apps.messenger.bodies import Text
from node.apps.messenger.conversations import Notice
from node.apps.messenger.desk import Desk
from node.testing.correspondence import Device, Post
from store.codec import decode

WAIT_MS = 60_000


def say(device: Device, to: Device, text: str) -> None:
    def step(desk: Desk) -> None:
        sending.send_text(desk, conversations.direct(desk, to.who), Text(text))

    device.do(step)


def told(device: Device) -> list[tuple[Notice, object]]:
    rows = device.rows("SELECT kind, content FROM chat_messages WHERE kind >= 100 ORDER BY n")
    return [(Notice(kind), decode(content, 1_000, 100)) for kind, content in rows]


def test_devices_that_came_and_went_are_told_once_before_the_next_message() -> None:
    post = Post()
    alice, bob = post.join("alice"), post.join("bob")
    post.meet()
    post.settle(WAIT_MS)
    say(alice, bob, "First.")
    assert told(alice) == []
    phone = post.join("bob's phone", bob.who)
    post.meet()
    post.settle(WAIT_MS)
    say(alice, bob, "Second.")
    alice.revoked.add(phone.device)
    say(alice, bob, "Third.")
    say(alice, bob, "Fourth.")
    both = (bob.who, phone.device)
    assert told(alice) == [(Notice.DEVICE, both), (Notice.DEVICE_GONE, both)]
