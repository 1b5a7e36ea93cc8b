"""Which bodies of the messenger are let go, and when: in a running node, by a clock of the test's."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from node.apps.messenger import bodies
from node.desk import Room
from node.messaging.expiry import AT_ONCE, KEPT_MS, Expiry
from node.naming import NameBook
from node.queries import now_ms
from node.secrecy import envelope
from node.secrecy.bundles import Bundle
from node.secrecy.pairwise import Account
from node.signing import Intent
from node.testing.citizens import Citizen, found, inception
from node.testing.gatherings import gathering
from node.testing.nodes import Node
from store.entry import SALT_BYTES, Entry
from store.ids import LOG_BOX_0, LOG_FEED, LOG_KEYS, LOG_SEALED, LogNo
from store.log import LogId
from store.sqlite.bodies_gone import LET_GO

ALICE = Citizen("Alice")
TOWN = found([inception("Lyon", [ALICE])])
DAY_MS = 86_400_000
MAX_BYTES = 10**7


@asynccontextmanager
async def at_home() -> AsyncIterator[Node]:
    async with gathering(TOWN, ALICE) as [node]:
        yield node


def in_days(node: Node, days: int) -> Expiry:
    """What lets go of bodies, so many days from now."""
    names = NameBook(node.home, now_ms)
    room = Room(
        node.home, node.intake, node.author, node.mesh, names, clock_ms=lambda: now_ms() + days * DAY_MS
    )
    return Expiry(room)


async def write(node: Node, log: LogNo, wire_bodies: Sequence[bytes]) -> list[Entry]:
    return await node.author.write(log, [Intent(body) for body in wire_bodies])


def sealed(number: int) -> bytes:
    return bodies.compose_sealed(b"a tag.. ", b"sealed %d" % number, (), bytes(SALT_BYTES))


def bundle() -> bytes:
    account = Account.new()
    keys = Bundle(account.identity, account.fallback, envelope.public_of(envelope.new_key()))
    return bodies.compose_bundle(keys, bytes(SALT_BYTES))


def held(node: Node, log: LogNo) -> list[bool]:
    """Of each entry in a log of our own: is its body here?"""
    log_id = LogId(node.home.device, log)
    state = node.intake.state(log_id)
    last = 0 if state is None or state.head is None else state.head.seq
    return [entry.body is not None for entry in node.home.entries.range(log_id, 1, last, MAX_BYTES)]


async def until_it_has_keys(node: Node) -> None:
    """A node publishes its own keys once it runs."""
    with trio.fail_after(60):
        while True:
            news = node.api.messaging.courier.news
            if held(node, LOG_KEYS):
                return
            await news.wait()


def rows(node: Node, table: str) -> int:
    with node.home.entries.views() as views:
        [(count,)] = views.execute(f"SELECT count(*) FROM {table}")
    return int(count)


async def test_ciphertexts_are_let_go_after_thirty_days_and_not_before() -> None:
    async with at_home() as node:
        [letter] = await write(node, LOG_SEALED, [sealed(1)])
        box = LogNo(LOG_BOX_0 + 3)
        await write(node, box, [bodies.compose_packet(b"an envelope", bytes(SALT_BYTES))])

        await in_days(node, KEPT_MS // DAY_MS - 1).look()
        assert (held(node, LOG_SEALED), held(node, box)) == ([True], [True])

        assert not await in_days(node, KEPT_MS // DAY_MS + 1).look()
        assert (held(node, LOG_SEALED), held(node, box)) == ([False], [False])
        assert node.home.shelf.why_gone(letter.id) == (LET_GO, None)
        assert rows(node, "chat_bodies") == 0


async def test_posts_are_nobodys_to_let_go() -> None:
    async with at_home() as node:
        await node.api.social.post("for years")
        await in_days(node, 400).look()
        assert held(node, LOG_FEED) == [True]


async def test_of_the_keys_of_a_device_the_newest_are_kept() -> None:
    async with at_home() as node:
        await until_it_has_keys(node)
        await write(node, LOG_KEYS, [bundle(), bundle()])
        assert held(node, LOG_KEYS) == [True, True, True]

        await in_days(node, 0).look()
        assert held(node, LOG_KEYS) == [False, False, True]

        await in_days(node, 400).look()
        assert held(node, LOG_KEYS) == [False, False, True]


async def test_what_is_much_goes_in_several_steps() -> None:
    async with at_home() as node:
        await write(node, LOG_SEALED, [sealed(number) for number in range(AT_ONCE + 1)])
        expiry = in_days(node, 31)
        assert await expiry.look()
        assert sum(held(node, LOG_SEALED)) == 1
        assert not await expiry.look()
        assert sum(held(node, LOG_SEALED)) == 0


async def test_what_is_gone_as_a_message_goes_as_a_ciphertext() -> None:
    async with at_home() as node:
        said = [await node.api.messaging.chat_send(ALICE.name, text) for text in ("one", "two")]
        await node.api.messaging.chat_delete([said[0]["id"]])

        await in_days(node, 0).look()

        assert held(node, LOG_SEALED) == [False, True]
        assert rows(node, "chat_dropping") == 0


async def test_what_was_never_opened_is_forgotten_with_its_body() -> None:
    async with at_home() as node:
        [letter] = await write(node, LOG_SEALED, [sealed(1)])
        key = node.home.entries.key_of(letter.id)
        await node.intake.change(
            lambda views: views.execute(
                "INSERT INTO chat_keyless VALUES (?, ?)", (bodies.tag_number(b"a tag.. "), key)
            )
        )
        await in_days(node, 31).look()
        assert rows(node, "chat_keyless") == 0
