"""Conversations that are read in from an archive: who was answered is no stranger, who was not is one."""

import pytest

from node.apps.messenger import conversations, people
from node.apps.messenger.bodies import Text, content_of
from node.apps.messenger.conversations import Kind, State
from node.apps.messenger.desk import Desk
from node.messaging.archive import Chat, Header, Kept
from node.messaging.archiving import ReadingIn
from node.testing.correspondence import Device, Post

HOUR_MS = 3_600_000


@pytest.mark.parametrize(("answered", "state"), [(True, State.OPEN), (False, State.REQUEST)])
@pytest.mark.parametrize("was_here", [True, False])
def test_what_the_owner_wrote_in_is_open(answered: bool, state: State, was_here: bool) -> None:
    post = Post()
    ann, bob = post.join("ann"), post.join("bob")
    post.meet()
    post.settle(HOUR_MS)
    bob.strangers = {ann.who}
    name = conversations.direct_id(bob.network, bob.who, ann.who)
    if was_here:
        bob.do(lambda desk: conversations.add(desk, name, Kind.DIRECT, State.REQUEST, ann.who) and None)
    header = Header(bob.network, bob.who, 1)
    kept = [said(name, ann, 1, "hello?")] + [said(name, bob, 2, "hello")] * answered

    def read_in(desk: Desk) -> None:
        ReadingIn(header).take(desk, [header, Chat(name, Kind.DIRECT, ann.who, "", 1), *kept])
        assert people.is_stranger(desk, ann.who) is not answered

    bob.do(read_in)
    assert bob.rows("SELECT state FROM chat_conversations") == [(state,)]
    assert bob.texts() == ["hello?", "hello"][: 1 + answered]


def said(conversation: bytes, by: Device, at_ms: int, text: str) -> Kept:
    entry = bytes([at_ms]) * 32
    return Kept(conversation, entry, by.device, by.who, at_ms, at_ms, 1, content_of(Text(text)), 0, True)
