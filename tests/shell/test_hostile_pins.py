"""Thieves of revoked devices: what a cut leaves stays, whatever the stolen key signs afterwards."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from gossip.proto.events import Accepted, Rejected, Stopped, Unwanted, Verdict
from node.bus import Bus
from node.federation.cuts import LogEnd, make_cut
from node.intake import Intake
from node.testing.citizens import Device
from node.testing.federations import Federation
from node.testing.homes import temporary_home
from node.testing.people import Person, spoiled
from store.entry import SALT_BYTES, Entry, sign
from store.ids import LOG_FEED, LOG_ID, AuthorId
from store.interface import NOTHING_HELD, LogState
from store.log import FORK, Head, LogId, fork_proof

DEADLINE_S = 60
PEER = AuthorId(b"p" * 32)
POSTS = 5


class Theft:
    """A hub, a member whose laptop is stolen, and the phone with which he revokes it."""

    def __init__(self, intake: Intake, federation: Federation) -> None:
        self.intake = intake
        steward = federation.stewards[0][0]
        self.laptop = federation.join("bob", federation.invite(steward))
        self.phone = federation.device(self.laptop.citizen, "phone")
        self.steward = steward
        self.posts = Person("bob", federation.network, self.laptop.seed).posts(POSTS)

    async def give(self, *entries: Entry) -> Verdict:
        [verdict] = await self.intake.ingest([tuple(entries)], PEER, each_signature=False)
        await self.intake.settled()
        return verdict

    async def begin(self) -> None:
        for device in (self.steward, self.laptop, self.phone):
            await self.give(*device.log)
        await self.give(*self.posts)

    async def revoke(self, seq: int = POSTS, branch: Sequence[Entry] = ()) -> None:
        last = (branch or self.posts)[seq - 1]
        known = LogEnd(LOG_ID, len(self.laptop.log), self.laptop.log[-1].id)
        self.phone.cut(make_cut(self.laptop.id, [known, LogEnd(LOG_FEED, seq, last.id)]))
        await self.give(*self.phone.log)

    def lie(self, seq: int) -> Entry:
        """What the thief signs in the place of an old post."""
        before = self.posts[seq - 2].id if seq > 1 else b""
        return forged(self.laptop, seq, before, b"a lie")

    @property
    def feed(self) -> LogState:
        return self.intake.state(LogId(self.laptop.id, LOG_FEED)) or NOTHING_HELD

    def held(self) -> int:
        return 0 if self.feed.head is None else self.feed.head.seq


def forged(device: Device, seq: int, back: bytes, text: bytes) -> Entry:
    salt = text[:SALT_BYTES].ljust(SALT_BYTES, b".")
    return sign(device.key, device.network, LOG_FEED, seq, back, salt + b"\x91\x01", 1)


@asynccontextmanager
async def theft() -> AsyncIterator[Theft]:
    federation = Federation()
    root = federation.stewards[0][0].citizen.key
    with temporary_home("hub", charter=federation.charter, root=root) as home, trio.fail_after(DEADLINE_S):
        async with trio.open_nursery() as nursery:
            intake = Intake(home.shelf, home.network, home.allowed, Bus())
            nursery.start_soon(intake.run)
            found = Theft(intake, federation)
            await found.begin()
            yield found
            nursery.cancel_scope.cancel()


async def test_a_thief_takes_back_nothing_of_what_the_cut_leaves() -> None:
    async with theft() as found:
        await found.revoke()
        assert isinstance(await found.give(found.lie(1)), Unwanted)
        proof = fork_proof(found.posts[2], found.lie(3), found.laptop.network)
        assert await found.intake.ingest_evidence(proof.encode(), PEER)
        await found.intake.settled()
        assert (found.held(), found.feed.evidence) == (POSTS, None)


async def test_what_a_thief_took_back_before_the_cut_was_known_comes_again() -> None:
    async with theft() as found:
        assert isinstance(await found.give(found.lie(2)), Stopped)
        assert found.held() == 1
        await found.revoke()
        assert found.feed.evidence is None
        await found.give(*found.posts[1:])
        assert found.held() == POSTS
        assert isinstance(await found.give(found.lie(2)), Unwanted)
        assert found.held() == POSTS


async def test_who_heard_the_thief_first_ends_with_what_the_cut_names() -> None:
    async with theft() as found:
        await found.revoke(POSTS - 1)
        lie = found.lie(3)
        laptop = found.laptop
        async with another(found) as fresh:
            for device in (found.steward, laptop):
                await fresh.give(*device.log)
            await fresh.give(*found.posts[:2], lie, forged(laptop, 4, lie.id, b"another"))
            await fresh.give(*found.phone.log)
            assert fresh.held() == 4
            await fresh.give(*found.posts[2:3])  # shows that it forked, and is cured of that
            assert (fresh.held(), fresh.feed.evidence) == (2, None)
            await fresh.give(lie)
            await fresh.give(*found.posts[2:])
            assert fresh.feed.head == found.feed.head


@asynccontextmanager
async def another(first: Theft) -> AsyncIterator[Theft]:
    """A further hub of the same federation, which holds nothing."""
    federation = Federation()
    root = federation.stewards[0][0].citizen.key
    with temporary_home("hub", charter=federation.charter, root=root) as home:
        async with trio.open_nursery() as nursery:
            intake = Intake(home.shelf, home.network, home.allowed, Bus())
            nursery.start_soon(intake.run)
            found = Theft(intake, federation)
            found.phone = first.phone
            yield found
            nursery.cancel_scope.cancel()


async def test_the_branch_that_a_cut_names_takes_the_place_of_another_one() -> None:
    async with theft() as found:
        lie = found.lie(POSTS)
        await found.revoke(POSTS, [*found.posts[:-1], lie])
        assert found.feed.head == Head(POSTS, found.posts[-1].id)
        assert isinstance(await found.give(*found.posts[:-1], lie), Accepted)
        assert found.feed == LogState(Head(POSTS, lie.id), found.feed.checked_seq, None)
        assert isinstance(await found.give(found.posts[-1]), Unwanted)
        assert found.feed.head == Head(POSTS, lie.id)


async def test_a_branch_that_nobody_signed_takes_no_place() -> None:
    async with theft() as found:
        lie = spoiled(found.lie(POSTS))
        await found.revoke(POSTS, [*found.posts[:-1], lie])
        assert isinstance(await found.give(*found.posts[:-1], lie), Rejected)
        assert found.feed.head == Head(POSTS, found.posts[-1].id)


async def test_a_fork_behind_the_cut_is_none_of_anybodys_business_and_one_without_a_cut_is() -> None:
    async with theft() as found:
        assert isinstance(await found.give(found.lie(4)), Stopped)
        assert found.feed.evidence is not None
        assert (found.feed.evidence.kind, found.feed.evidence.seq) == (FORK, 4)
        await found.revoke(3)
        assert (found.held(), found.feed.evidence) == (3, None)
