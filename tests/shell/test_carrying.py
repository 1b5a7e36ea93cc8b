"""The intake of a federation over a real store: who becomes known, who waits, and what is cut."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from gossip.proto.events import Accepted, Committed, Rejected, Stopped, Unwanted, Verdict
from node.belonging import carrying
from node.bus import Bus
from node.federation import statements
from node.federation.cuts import LogEnd
from node.federation.views import Standing
from node.home import Home, open_home
from node.intake import Intake
from node.paths import Paths
from node.testing.citizens import Device
from node.testing.federations import Federation, cut_at
from node.testing.homes import make_home, temporary_home
from node.testing.people import Person, spoiled
from store.entry import SALT_BYTES, Entry, sign
from store.errors import StorageFull
from store.ids import LOG_FEED, LOG_ID, AuthorId, LogNo
from store.interface import LogState
from store.log import Head, LogId, fork_proof

DEADLINE_S = 60
PEER = AuthorId(b"p" * 32)


class Hub:
    """A home of the first steward with a running intake, and the federation around it."""

    def __init__(self, home: Home, federation: Federation) -> None:
        self.home = home
        self.federation = federation
        self.steward = federation.stewards[0][0]
        self.intake = Intake(home.shelf, home.network, home.allowed, Bus())
        assert home.membership is not None
        self.members = home.membership
        self.told: list[Committed] = []
        self.admissions = 0
        self.intake.listen(self.told.append)
        self.members.listen(self._admit)

    def _admit(self) -> None:
        self.admissions += 1

    async def give(self, *entries: Entry, each: bool = False) -> Verdict:
        [verdict] = await self.intake.ingest([tuple(entries)], PEER, each_signature=each)
        return verdict

    async def bring(self, *devices: Device) -> None:
        for device in devices:
            await self.give(*device.log)

    def head(self, device: Device, log: LogNo = LOG_ID) -> int:
        state = self.intake.state(LogId(device.id, log))
        return 0 if state is None or state.head is None else state.head.seq

    async def until_cut(self, device: Device, log: LogNo, seq: int) -> None:
        while self.head(device, log) != seq:
            await self.intake.changed(self.intake.commits)

    def shown(self) -> int:
        """How many posts the feed's view has."""
        with self.home.entries.views() as views:
            return len(views.execute("SELECT k FROM feed_timeline"))


@asynccontextmanager
async def open_hub() -> AsyncIterator[Hub]:
    federation = Federation()
    root = federation.stewards[0][0].citizen.key
    with temporary_home("hub", charter=federation.charter, root=root) as home:
        async with running(home, federation) as hub:
            yield hub


@asynccontextmanager
async def running(home: Home, federation: Federation) -> AsyncIterator[Hub]:
    hub = Hub(home, federation)
    with trio.fail_after(DEADLINE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hub.intake.run)
            yield hub
            nursery.cancel_scope.cancel()


def author(device: Device) -> Person:
    """Whoever writes on a device."""
    return Person("somebody", device.network, device.seed)


def admitted(hub: Hub, name: str = "bob") -> Device:
    return hub.federation.join(name, hub.federation.invite(hub.steward))


async def test_a_home_knows_its_own_device_and_the_founding_stewards() -> None:
    async with open_hub() as hub:
        assert hub.members.standing(hub.home.device) is Standing.MEMBER
        assert await hub.give(*hub.steward.log) == Accepted(
            LogId(hub.steward.id, LOG_ID), Head(1, hub.steward.log[0].id), 1
        )
        assert hub.members.admits_peer(hub.steward.id)
        assert hub.admissions == 1


async def test_a_strangers_log_waits_and_is_written_whole_once_he_claims_an_invite() -> None:
    async with open_hub() as hub:
        bob = admitted(hub)
        posts = author(bob).posts(2)
        await hub.bring(hub.steward)
        hub.told.clear()
        assert isinstance(await hub.give(*posts), Unwanted)
        assert isinstance(await hub.give(bob.log[0]), Unwanted)
        assert (hub.told, hub.head(bob)) == ([], 0)
        assert await hub.give(bob.log[1]) == Accepted(LogId(bob.id, LOG_ID), Head(2, bob.log[1].id), 2)
        assert hub.told == [Committed((tuple(bob.log),), PEER)]
        assert isinstance(await hub.give(*posts), Accepted)
        assert hub.shown() == 2


async def test_those_who_waited_for_somebody_are_written_when_he_comes() -> None:
    async with open_hub() as hub:
        bob = admitted(hub)
        assert isinstance(await hub.give(*bob.log), Unwanted)
        await hub.bring(hub.steward)
        await hub.until_cut(bob, LOG_ID, 2)
        assert hub.members.waiting == 0
        assert hub.told[-1] == Committed((tuple(bob.log),), PEER)


async def test_a_stranger_with_a_wrong_signature_is_rejected() -> None:
    async with open_hub() as hub:
        bob = admitted(hub)
        assert isinstance(await hub.give(spoiled(bob.log[0])), Rejected)
        assert hub.members.waiting == 0


async def test_a_revoked_devices_tail_goes_from_store_views_and_gossip_and_does_not_come_back() -> None:
    async with open_hub() as hub:
        laptop = admitted(hub)
        phone = hub.federation.device(laptop.citizen, "phone")
        posts = author(laptop).posts(5)
        await hub.bring(hub.steward, laptop)
        await hub.give(*posts)
        cut = cut_at(laptop)._replace(ends=(*cut_at(laptop).ends, LogEnd(LOG_FEED, 2, posts[1].id)))
        phone.cut(cut)
        hub.told.clear()
        await hub.bring(phone)
        await hub.until_cut(laptop, LOG_FEED, 2)
        assert hub.told[-1] == Committed((), None, (), (LogId(laptop.id, LOG_FEED),))
        assert hub.shown() == 2
        assert hub.head(laptop) == 2
        assert isinstance(await hub.give(*posts[2:]), Unwanted)
        assert await hub.give(*posts) == Accepted(LogId(laptop.id, LOG_FEED), Head(2, posts[1].id), 0)
        assert hub.shown() == 2


async def test_a_cut_that_counts_no_longer_lets_the_rest_of_the_log_come_again() -> None:
    async with open_hub() as hub:
        laptop = admitted(hub)
        phone = hub.federation.device(laptop.citizen, "phone")
        posts = author(laptop).posts(5)
        await hub.bring(hub.steward, laptop)
        await hub.give(*posts)
        phone.cut(cut_at(laptop))
        await hub.bring(phone)
        await hub.intake.settled()
        assert hub.head(laptop, LOG_FEED) == 0
        told = hub.admissions
        twin = hub.federation.device(laptop.citizen, "phone")
        twin.admit(hub.federation.state(), laptop.citizen.root)
        assert isinstance(await hub.give(*twin.log), Stopped)
        await hub.intake.settled()
        assert hub.members.admits_peer(laptop.id)
        assert await hub.give(*posts) == Accepted(LogId(laptop.id, LOG_FEED), Head(5, posts[4].id), 5)
        while hub.admissions == told:  # noqa: ASYNC110 (no event)
            await trio.sleep(0.01)
        assert hub.shown() == 5


async def test_who_is_settled_out_vanishes_and_waits() -> None:
    async with open_hub() as hub:
        invite = hub.federation.invite(hub.steward)
        bob = hub.federation.join("bob", invite)
        posts = author(bob).posts(3)
        await hub.bring(hub.steward, bob)
        await hub.give(*posts)
        assert hub.shown() == 3
        hub.steward.settle(hub.federation.state(), invite.grant, [])
        await hub.bring(hub.steward)
        await hub.until_cut(bob, LOG_FEED, 0)
        await hub.until_cut(bob, LOG_ID, 0)
        assert hub.shown() == 0
        assert bob.id not in {log_id.author for log_id in hub.intake.states()}
        assert hub.members.waiting == 1
        assert not hub.members.admits_peer(bob.id)
        assert isinstance(await hub.give(*bob.log), Unwanted)


async def test_a_log_of_a_known_device_that_forks_where_it_was_let_in_does_not_come_back() -> None:
    async with open_hub() as hub:
        bob = admitted(hub)
        await hub.bring(hub.steward, bob)
        twin = bob.citizen.device(bob.network)
        other = twin.admit(hub.federation.state(), bob.citizen.root)
        proof = fork_proof(bob.log[1], other, bob.network)
        assert await hub.give(*twin.log) == Stopped(LogId(bob.id, LOG_ID), proof)
        await hub.until_cut(bob, LOG_ID, 0)
        assert hub.intake.state(LogId(bob.id, LOG_ID)) == LogState(None, 0, proof)
        assert hub.members.standing(bob.id) is Standing.UNKNOWN
        assert await hub.give(*bob.log) == Stopped(LogId(bob.id, LOG_ID), proof)


async def test_evidence_about_strangers_is_not_kept() -> None:
    async with open_hub() as hub:
        eve, twin = (hub.federation.newcomer("eve") for _ in range(2))
        one = eve.admit(hub.federation.state(), eve.citizen.root)
        other = twin.admit(hub.federation.state(), hub.steward.citizen.root)
        proof = fork_proof(one, other, eve.network)
        assert await hub.intake.ingest_evidence(proof.encode(), PEER)
        assert hub.intake.state(LogId(eve.id, LOG_ID)) is None


def own_statement(hub: Hub, body: bytes) -> Entry:
    """The next entry of the home's own `id` log."""
    log = hub.home.entries.range(LogId(hub.home.device, LOG_ID), 1, 9, 10**6)
    return sign(hub.home.key, hub.home.network, LOG_ID, len(log) + 1, log[-1].id, body, log[-1].time_ms)


async def test_what_we_say_ourselves_is_folded_before_publish_returns() -> None:
    async with open_hub() as hub:
        carol = hub.federation.newcomer("carol")
        await hub.give(*carol.log)
        body = statements.compose_admission(bytes(SALT_BYTES), hub.federation.state(), carol.citizen.root)
        await hub.intake.publish(((own_statement(hub, body),),))
        assert hub.members.standing(carol.id) is Standing.MEMBER
        await hub.until_cut(carol, LOG_ID, 1)


async def test_what_was_said_offline_counts_and_leftovers_go_when_a_home_is_opened_again(
    tmp_path: Path,
) -> None:
    federation = Federation()
    steward = federation.stewards[0][0]
    home = make_home(tmp_path, "hub", federation.charter, steward.citizen.key)
    invite = federation.invite(steward)
    bob = federation.join("bob", invite)
    async with running(home, federation) as hub:
        await hub.bring(steward, bob)
        await hub.give(*author(bob).posts(3))
    steward.settle(federation.state(), invite.grant, [])
    home.shelf.append([steward.log[-1:]], checked=True, durable=True)
    assert home.membership is not None
    assert home.membership.standing(bob.id) is Standing.MEMBER
    home.fold_members()
    assert home.membership.standing(bob.id) is Standing.UNKNOWN
    home.close()
    with open_home(Paths(tmp_path), lambda: None, writing=True) as home:
        async with running(home, federation) as hub:
            assert hub.members.standing(bob.id) is Standing.UNKNOWN
            await hub.until_cut(bob, LOG_FEED, 0)
            await hub.until_cut(bob, LOG_ID, 0)
            assert hub.head(steward) == 3


async def test_a_cut_that_the_full_disk_refused_is_made_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "REST_S", 0.01)
    async with open_hub() as hub:
        laptop = admitted(hub)
        phone = hub.federation.device(laptop.citizen, "phone")
        await hub.bring(hub.steward, laptop)
        await hub.give(*author(laptop).posts(3))
        phone.cut(cut_at(laptop))
        refused: list[object] = []
        truncate = hub.home.shelf.truncate

        def refuse(log_id: LogId, last_seq: int) -> None:
            refused.append(log_id)
            monkeypatch.undo()
            monkeypatch.setattr(carrying, "REST_S", 0.01)
            raise_full()

        monkeypatch.setattr(hub.home.shelf, "truncate", refuse)
        await hub.bring(phone)
        await hub.until_cut(laptop, LOG_FEED, 0)
        assert refused == [LogId(laptop.id, LOG_FEED)]
        assert hub.home.shelf.truncate == truncate


def raise_full() -> None:
    raise StorageFull("the disk is full")


async def test_who_cannot_be_kept_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_hub() as hub:
        bob = admitted(hub)
        await hub.bring(hub.steward)
        monkeypatch.setattr(hub.home.shelf, "append", lambda *given, **named: raise_full())
        await hub.give(*bob.log)
        assert hub.members.standing(bob.id) is Standing.UNKNOWN
        monkeypatch.undo()
        assert isinstance(await hub.give(*bob.log), Accepted)
        assert hub.members.standing(bob.id) is Standing.MEMBER


async def test_a_statement_whose_body_was_damaged_counts_again_when_it_is_back() -> None:
    async with open_hub() as hub:
        bob = admitted(hub)
        await hub.bring(hub.steward)
        entry = hub.steward.log[1]
        assert entry.body is not None
    # the body of the grant is lost on the disk, and the home is opened again
    federation = hub.federation
    with temporary_home("hub", charter=federation.charter, root=hub.steward.citizen.key) as home:
        home.shelf.append([hub.steward.log, bob.log], checked=True, durable=True)
        home.shelf.drop_body(entry.id)
        async with running(home, federation) as hub:
            assert hub.members.torn == {hub.steward.id}
            assert hub.members.standing(bob.id) is Standing.UNKNOWN
            assert await hub.intake.ingest_body(entry.id, entry.body, PEER)
            assert hub.members.torn == set()
            await hub.until_cut(bob, LOG_ID, 2)
            assert hub.members.standing(bob.id) is Standing.MEMBER
