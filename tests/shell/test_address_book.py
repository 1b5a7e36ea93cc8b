"""What is learned of where devices are is written down, also in the last second."""

import trio

from gossip.proto.events import Learned
from node.address_book import AddressBook
from node.testing.homes import temporary_home
from node.testing.people import Person

BOB = Person("bob")
AT = "/ip4/127.0.0.1/tcp/4711"


async def test_what_was_learned_a_moment_ago_is_written_when_the_daemon_ends():
    with temporary_home(friends=[BOB]) as home:
        book = AddressBook(home, lambda: 1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(book.run)
            book.learn(Learned(BOB.id, (AT,), hub=True, met=True))
            await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert [known.address for known in home.tables.addresses(BOB.id)] == [AT]


async def test_an_end_without_news_writes_nothing():
    with temporary_home(friends=[BOB]) as home:
        book = AddressBook(home, lambda: 1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(book.run)
            await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert home.tables.known_devices() == []


async def test_strangers_are_not_written_down():
    with temporary_home() as home:
        book = AddressBook(home, lambda: 1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(book.run)
            book.learn(Learned(BOB.id, (AT,), hub=True, met=True))
            await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert home.tables.known_devices() == []
