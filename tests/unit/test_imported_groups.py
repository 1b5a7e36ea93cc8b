"""A group that a new device knows from an archive alone: it learns of the group as it would without."""

from node.apps.messenger import conversations, groups, sending
from node.apps.messenger.bodies import Text, content_of
from node.apps.messenger.conversations import Kind
from node.apps.messenger.desk import Desk
from node.messaging.archive import Chat, Header, Kept
from node.messaging.archiving import ReadingIn
from node.testing.correspondence import Post

HOUR_MS = 3_600_000


def test_a_device_that_imported_a_group_takes_part_in_it_once_somebody_writes() -> None:
    post = Post()
    ann, bob = post.join("ann"), post.join("bob")
    post.meet()
    post.settle(HOUR_MS)
    ann.do(lambda desk: groups.create(desk, sending.say, "Kitchen", [bob.who]) and None)
    post.settle(HOUR_MS)
    [(name,)] = bob.rows("SELECT id FROM chat_conversations WHERE kind = ?", Kind.GROUP)
    late = post.join("ann-2", ann.who)
    post.meet()
    post.settle(HOUR_MS)
    header = Header(late.network, ann.who, 1)
    old = content_of(Text("long ago"))
    kept = Kept(name, b"e" * 32, bob.device, bob.who, 1, 1, 1, old, 0, True)

    def read_in(desk: Desk) -> None:
        ReadingIn(header).take(desk, [header, Chat(name, Kind.GROUP, b"", "Kitchen", 1), kept])

    late.do(read_in)

    def write(desk: Desk) -> None:
        conversation = conversations.find(desk.views, name)
        assert conversation is not None
        sending.send_text(desk, conversation, Text("new"))

    bob.do(write)
    post.settle(2 * HOUR_MS)
    assert sorted(late.texts()) == ["long ago", "new"]
    late.do(write)
    post.settle(HOUR_MS)
    assert bob.texts() == ["new", "new"]
