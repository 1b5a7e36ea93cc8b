"""What this home remembers of people: whom it accepted, whose keys it has seen, whose were compared.

The roster says which keys are a person's. What is remembered here is what the owner was told of them, so that
a change is announced before the next message goes out, and stops what goes to somebody who was verified.
"""

from collections.abc import Iterable
from typing import NamedTuple

from node.apps.messenger import conversations
from node.apps.messenger.conversations import Conversation, Notice
from node.apps.messenger.desk import Desk
from node.errors import Refused
from store.ids import ID_BYTES, AuthorId
from store.sqlite.views import ReadViews


class Person(NamedTuple):
    """A row of `chat_people`."""

    who: bytes
    accepted: bool
    root: bytes
    """As it was when we last wrote to him."""
    verified: bytes | None
    """The root that the owner compared."""
    devices: frozenset[AuthorId]
    """Those the owner was told of."""


def find(views: ReadViews, who: bytes) -> Person | None:
    """What is remembered of a person."""
    rows = views.execute("SELECT accepted, root, verified, devices FROM chat_people WHERE who = ?", (who,))
    if not rows:
        return None
    accepted, root, verified, devices = rows[0]
    cut = (devices[at : at + ID_BYTES] for at in range(0, len(devices), ID_BYTES))
    return Person(who, bool(accepted), root, verified, frozenset(map(AuthorId, cut)))


def keep(desk: Desk, person: Person) -> None:
    """Remember a person so."""
    desk.views.execute(
        "INSERT INTO chat_people VALUES (?, ?, ?, ?, ?) ON CONFLICT (who) DO UPDATE SET"
        " accepted = excluded.accepted, root = excluded.root, verified = excluded.verified,"
        " devices = excluded.devices",
        (person.who, person.accepted, person.root, person.verified, b"".join(sorted(person.devices))),
    )


def met(desk: Desk, who: bytes) -> Person:
    """A person as remembered, or as he is now where nothing is."""
    found = find(desk.views, who)
    if found is not None:
        return found
    return Person(who, False, desk.world.root(who), None, frozenset(desk.world.devices(who)))


def is_stranger(desk: Desk, who: bytes) -> bool:
    """Has the owner neither accepted this person, written to him, nor a name for him?"""
    if who == desk.world.who or desk.world.is_known(who):
        return False
    found = find(desk.views, who)
    return found is None or not found.accepted


def accept(desk: Desk, who: bytes) -> None:
    """This person is no stranger from now on."""
    keep(desk, met(desk, who)._replace(accepted=True))


def verify(desk: Desk, who: bytes) -> None:
    """The owner compared the safety number with this person, as his keys are now."""
    world = desk.world
    root, devices = world.root(who), frozenset(world.devices(who))
    keep(desk, met(desk, who)._replace(root=root, verified=root, devices=devices))


def announce_changes(desk: Desk, conversation: Conversation, whom: Iterable[bytes]) -> None:
    """Note in a conversation whose keys have changed since we last wrote, before the next message goes out.

    Raises:
        Refused: somebody who was verified has another root now. Nothing goes out until he is verified anew.
    """
    world = desk.world
    for who in whom:
        person = find(desk.views, who)
        root, devices = world.root(who), frozenset(world.devices(who))
        if person is None:
            keep(desk, met(desk, who))
            continue
        if person.root == root and person.devices == devices:
            continue
        if person.verified is not None and person.verified != root:
            raise Refused(
                "The keys of somebody whom you verified have changed: nothing was sent.",
                "Compare the safety number again: aster chat verify MEMBER; then add --confirm.",
            )
        if person.root != root:
            conversations.note(desk, conversation.c, Notice.KEYS, who, [who])
        for device in sorted(devices - person.devices):
            conversations.note(desk, conversation.c, Notice.DEVICE, who, [who, device])
        for device in sorted(person.devices - devices):
            conversations.note(desk, conversation.c, Notice.DEVICE_GONE, who, [who, device])
        keep(desk, person._replace(root=root, devices=devices))
