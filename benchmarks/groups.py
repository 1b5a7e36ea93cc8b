"""A group of 500 members with 700 devices: what making it, a message in it, and new keys for all of it cost.

    python benchmarks/groups.py [members] [devices]

One home of an open circle with an encrypted store, that knows the keys of all the other devices; nothing goes
over a network. That some members have two devices is said to the steps in place of a roster.

    create     the group is made: its operation, and for each device a packet with the key of the session, the
               first that it gets from us; until all of it is durable
    message    300 bytes to all of them: one entry
    rekey      somebody was removed, and the next message goes out: a new key for each device that is left, in
               running Olm sessions; until all of it is durable

The last line is one JSON object. `*_bytes`: entries as they travel.
"""

import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import trio
from secrecy import at_work, log_of, take_in

from node.apps.messenger import bodies, conversations, groups, sending, upkeep
from node.apps.messenger.bodies import Text
from node.apps.messenger.conversations import Conversation, Kind
from node.apps.messenger.desk import Desk, World
from node.apps.messenger.steps import Step
from node.home import Home
from node.limits import THREAD_SWITCH_S
from node.secrecy import envelope
from node.secrecy.pairwise import Account
from node.testing.homes import temporary_home
from node.testing.people import Person
from store.entry import Entry
from store.ids import LOG_BOX_0, LOG_KEYS, LOG_SEALED, AuthorId, LogNo

MEMBERS = 500
DEVICES = 700
MESSAGES = 20
TEXT = "a" * 300


class Roster:
    """The world of a step, in which some members have a second device."""

    def __init__(self, world: World, owners: dict[AuthorId, bytes]) -> None:
        """`owners`: of second devices."""
        self._world = world
        self._owners = owners
        self._second = {who: device for device, who in owners.items()}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever it is)
        """Everything else is as in the open circle."""
        return getattr(self._world, name)

    def devices(self, who: bytes) -> Sequence[AuthorId]:
        """The device by which a member is called, and his second one."""
        second = self._second.get(who)
        return self._world.devices(who) if second is None else sorted({AuthorId(who), second})

    def who_of(self, device: AuthorId) -> bytes | None:
        """Whose device it is."""
        return self._owners.get(device) or self._world.who_of(device)


def keys_of(person: Person) -> list[Entry]:
    """What a device publishes."""
    account = Account.new()
    public = envelope.public_of(envelope.new_key())
    return [person.write([bodies.BUNDLE, account.identity, account.fallback, public], LOG_KEYS)]


def size_of(entries: Sequence[Entry]) -> int:
    """Bytes of entries as they travel."""
    return sum(len(each.header) + len(each.signature) + len(each.body or b"") for each in entries)


def group_of(desk: Desk) -> Conversation:
    """The only group."""
    [(name,)] = desk.views.execute("SELECT id FROM chat_conversations WHERE kind = ?", (Kind.GROUP,))
    found = conversations.find(desk.views, name)
    assert found is not None
    return found


async def measure(alice: Home, people: Sequence[Person], members: int) -> dict[str, float]:
    """All figures."""
    # long because it is one story
    whom = [person.id for person in people[: members - 1]]
    owners = {person.id: bytes(whom[at]) for at, person in enumerate(people[members - 1 :])}
    async with at_work(alice) as node:
        boxes = [LogNo(LOG_BOX_0 + number) for number in range(16)]
        lasts: dict[LogNo, int] = {}

        async def do(step: Step) -> float:
            def in_roster(desk: Desk) -> None:
                desk.world = Roster(desk.world, owners)
                step(desk)

            begun = time.perf_counter()
            await node.courier.compose(in_roster)
            return time.perf_counter() - begun

        def written() -> tuple[list[Entry], list[Entry]]:
            """What was written to boxes, and sealed, since the last time."""
            new = {log: log_of(node, log, lasts.get(log, 0)) for log in (*boxes, LOG_SEALED)}
            lasts.update({log: lasts.get(log, 0) + len(entries) for log, entries in new.items()})
            return [each for log in boxes for each in new[log]], new[LOG_SEALED]

        def create(desk: Desk) -> None:
            groups.create(desk, sending.say, "Everybody", whom)

        def say(desk: Desk) -> None:
            sending.send_text(desk, group_of(desk), Text(TEXT))

        await node.courier.compose(upkeep.keep_up)
        await take_in(node, [keys_of(person) for person in people])
        create_s = await do(create)
        packets, sealed = written()
        assert (len(packets), len(sealed)) == (len(people), 1)
        message_s = sum([await do(say) for _ in range(MESSAGES)]) / MESSAGES
        none, messages = written()
        assert (len(none), len(messages)) == (0, MESSAGES)
        remove_s = await do(lambda desk: groups.remove(desk, sending.say, group_of(desk), whom[-1]))
        written()
        rekey_s = await do(say)
        keys, said = written()
        assert (len(keys), len(said)) == (len(people) - 1, 1)
    return {
        "create_s": round(create_s, 2),
        "create_bytes": size_of(packets) + size_of(sealed),
        "message_ms": round(message_s * 1_000, 1),
        "message_bytes": round(size_of(messages) / MESSAGES),
        "message_entries": len(messages) / MESSAGES,
        "remove_ms": round(remove_s * 1_000, 1),
        "rekey_s": round(rekey_s, 2),
        "rekey_bytes": size_of(keys) + size_of(said),
        "members": members,
        "devices": len(people) + 1,
    }


def main() -> None:
    """Measure and print."""
    members = int(sys.argv[1]) if len(sys.argv) > 1 else MEMBERS
    devices = int(sys.argv[2]) if len(sys.argv) > 2 else DEVICES
    people = [Person(f"device {number}") for number in range(devices - 1)]
    sys.setswitchinterval(THREAD_SWITCH_S)  # as node.running does
    with temporary_home("alice", people) as alice:
        report = trio.run(measure, alice, people, members)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
