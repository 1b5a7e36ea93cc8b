"""The list of peers through the api: adding, naming, removing, and syncing with whom it names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from gossip.net.address import peer_id_text
from gossip.net.memory import MemoryNet
from gossip.proto.events import Learned
from node.address_book import AddressBook
from node.errors import Ambiguous, BadData, BadRequest, Missing, TextTooLarge
from node.testing.homes import temporary_home
from node.testing.nodes import Node, running
from node.testing.people import Person, people
from store.ids import AuthorId, to_text
from store.sqlite.home import MAX_ADDRESSES_PER_DEVICE

DEADLINE_S = 60
BOB, CAROL = people(("bob", "carol"))


def place(person: Person, port: int = 4_001) -> str:
    return f"/ip4/192.0.2.7/tcp/{port}/p2p/{peer_id_text(person.id)}"


@asynccontextmanager
async def alone() -> AsyncIterator[Node]:
    with trio.fail_after(DEADLINE_S), temporary_home("alice") as home:
        async with running(home) as node:
            yield node


async def names(node: Node) -> list[str]:
    return [peer["name"] for peer in (await node.api.peer_list())["peers"]]


async def test_a_peer_is_added_by_address_and_shown_everywhere() -> None:
    async with alone() as node:
        added = await node.api.peer_add(address=place(BOB), name="  bob ")
        assert added == {
            "device": to_text(BOB.id),
            "name": "bob",
            "addresses": ["/ip4/192.0.2.7/tcp/4001"],
            "federation": False,
        }
        assert node.home.allowed.admits_peer(BOB.id)
        [peer] = (await node.api.peer_list())["peers"]
        [same] = (await node.api.status())["peers"]
        expected = {
            "device": to_text(BOB.id),
            "name": "bob",
            "address": "/ip4/192.0.2.7/tcp/4001",
            "connected": False,
            "hub": False,
        }
        assert expected.items() <= peer.items()
        assert expected.items() <= same.items()


async def test_what_is_added_twice_keeps_what_it_had() -> None:
    async with alone() as node:
        first = await node.api.peer_add(address=place(BOB, 1), name="bob")
        again = await node.api.peer_add(device=to_text(BOB.id), addresses=[place(BOB, 2), "/dns/x.org/tcp/3"])
        assert again["name"] == "bob"
        assert again["addresses"] == ["/ip4/192.0.2.7/tcp/2", "/dns/x.org/tcp/3", *first["addresses"]]
        assert (await node.api.peer_add(device="bob", name="uncle"))["addresses"] == again["addresses"]
        assert await names(node) == ["uncle"]
        for port in range(10, 40):
            last = await node.api.peer_add(address=place(BOB, port))
        assert len(last["addresses"]) == MAX_ADDRESSES_PER_DEVICE
        assert last["addresses"][0] == "/ip4/192.0.2.7/tcp/39"


@pytest.mark.parametrize(
    "written", [to_text(BOB.id), to_text(BOB.id).upper(), f" {to_text(BOB.id)}\n", peer_id_text(BOB.id)]
)
async def test_a_device_may_be_spelled_as_ours_or_as_libp2ps(written: str) -> None:
    async with alone() as node:
        assert (await node.api.peer_add(device=written))["device"] == to_text(BOB.id)


async def test_what_is_wrong_with_a_peer_is_told_and_nothing_is_added() -> None:
    weak = AuthorId(bytes(32))
    async with alone() as node:
        own = peer_id_text(node.home.device)
        for error, given in (
            (BadRequest, {}),
            (BadRequest, {"address": "/ip4/192.0.2.7/tcp/4001"}),
            (BadRequest, {"addresses": []}),
            (BadData, {"address": place(BOB), "device": to_text(CAROL.id)}),
            (BadData, {"addresses": [place(BOB), place(CAROL)]}),
            (BadData, {"device": to_text(weak)}),
            (BadData, {"device": to_text(node.home.device)}),
            (BadData, {"device": "alice"}),
            (BadData, {"address": f"/ip4/192.0.2.7/tcp/1/p2p/{own}"}),
            (BadData, {"device": "nobody"}),
            (BadData, {"device": ""}),
            (BadData, {"device": to_text(BOB.id)[:51]}),
            (BadData, {"address": "/ip4/300.0.0.1/tcp/1"}),
            (BadData, {"address": "/ip4/192.0.2.7/tcp/0"}),
            (BadData, {"address": "/ip4/192.0.2.7/udp/1/quic"}),
            (BadData, {"address": place(BOB), "name": ""}),
            (BadData, {"address": place(BOB), "name": "a\nb"}),
            (BadData, {"address": place(BOB), "name": "x" * 65}),
            (TextTooLarge, {"addresses": [place(BOB, port + 1) for port in range(17)]}),
        ):
            with pytest.raises(error) as caught:
                await node.api.peer_add(**given)  # type: ignore[arg-type]
            assert caught.value.advice
        assert await names(node) == []
        assert not node.home.allowed.admits_peer(BOB.id)


async def test_a_peer_is_removed_by_what_it_is_called() -> None:
    async with alone() as node:
        await node.api.peer_add(device=to_text(BOB.id), name="bob")
        await node.api.peer_add(device=to_text(CAROL.id))
        profile = CAROL.write([64, "Carol"], log=6)
        await node.intake.ingest([(profile,)], CAROL.id, each_signature=True)
        assert await names(node) == ["bob", "Carol"] or await names(node) == ["Carol", "bob"]
        gone = {"device": to_text(CAROL.id), "name": "Carol", "federation": False}
        assert await node.api.peer_remove("carol") == gone
        assert not node.home.allowed.admits_peer(CAROL.id)
        with pytest.raises(Missing, match="not on the list"):
            await node.api.peer_remove("carol")
        with pytest.raises(Missing, match="not on the list"):
            await node.api.peer_remove("alice")
        assert (await node.api.peer_remove(to_text(BOB.id)[:8]))["name"] == "bob"
        assert await names(node) == []


async def test_who_is_not_on_the_list_makes_no_name_on_it_unclear() -> None:
    """A removed device keeps its logs and the name in them."""
    async with alone() as node:
        for person in (BOB, CAROL):
            await node.api.peer_add(device=to_text(person.id))
            profile = Person(person.name).write([64, "twin"], log=6)
            await node.intake.ingest([(profile,)], person.id, each_signature=True)
        with pytest.raises(Ambiguous, match="may be twin~"):
            await node.api.peer_remove("twin")
        await node.api.peer_remove(f"twin~{to_text(CAROL.id)[:4]}")
        assert (await node.api.peer_remove("twin"))["device"] == to_text(BOB.id)


async def test_names_change_as_soon_as_they_are_given_or_published() -> None:
    async with alone() as node:
        await node.api.peer_add(device=to_text(BOB.id))
        assert await names(node) == [to_text(BOB.id)[:10]]
        bob = Person("bob")
        for name in ("Robert", "Bob"):
            await node.intake.ingest([(bob.write([64, name], log=6),)], bob.id, each_signature=True)
            assert await names(node) == [name]
        await node.api.peer_add(device="bob", name="uncle")
        assert await names(node) == ["uncle"]
        log_id = bob.log_id(6)  # type: ignore[arg-type]
        [_, last] = node.home.entries.range(log_id, 1, 2, 10**6)
        node.home.shelf.drop_body(last.id)
        await node.api.peer_remove("uncle")
        await node.api.peer_add(device=to_text(BOB.id))
        assert await names(node) == ["Robert"]


async def test_where_peers_are_is_learned_of_those_who_are_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    written = trio.Event()
    write = AddressBook._write

    def noted(self: AddressBook, news: list[Learned]) -> None:
        write(self, news)
        trio.from_thread.run_sync(written.set)

    monkeypatch.setattr(AddressBook, "_write", noted)
    async with alone() as node:
        await node.api.peer_add(address=place(BOB, 1))
        learned = ("/ip4/192.0.2.8/tcp/2", "no address", "/ip4/192.0.2.9/tcp/3")
        node.api.learned(Learned(BOB.id, learned, hub=False, met=True))
        node.api.learned(Learned(CAROL.id, learned, hub=False, met=True))
        await written.wait()
        assert node.home.tables.known_devices() == [BOB.id]
        [peer] = (await node.api.peer_list())["peers"]
        assert peer["addresses"] == [
            "/ip4/192.0.2.7/tcp/1",
            "/ip4/192.0.2.8/tcp/2",
            "/ip4/192.0.2.9/tcp/3",
        ]
        assert peer["last_seen_ms"] > 0


async def test_a_sync_tells_progress_and_a_result_for_each_peer() -> None:
    with trio.fail_after(DEADLINE_S), temporary_home("alice") as first, temporary_home("bob") as second:
        async with trio.open_nursery() as nursery:
            net = MemoryNet(nursery)
            async with running(first, net) as alice, running(second, net) as bob:
                with pytest.raises(Missing, match="nobody"):
                    _ = [news async for news in bob.api.sync()]
                await alice.api.social.post_lines([f"post {number}" for number in range(300)])
                await alice.api.peer_add(device=to_text(bob.home.device))
                await bob.api.peer_add(address=alice.address, name="Alice")
                results = [news async for news in bob.api.sync() if news["event"] == "result"]
                [result] = [news async for news in bob.api.sync("alice") if news["event"] == "result"]
                assert [each["peer"] for each in results] == [to_text(alice.home.device)] == [result["peer"]]
                assert (result["name"], result["ok"], result["rounds"]) == ("Alice", True, 1)
                assert await bob.api.wait(DEADLINE_S, entries=302) == {"ok": True}
                status = await bob.api.status()
                assert [peer["connected"] for peer in status["peers"]] == [True]
                with pytest.raises(Missing):
                    _ = [news async for news in bob.api.sync("carol")]
            nursery.cancel_scope.cancel()
