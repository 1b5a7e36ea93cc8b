"""Several intakes of one federation that get everything in different orders, forks and cuts among it: once
they have told each other what they hold, they hold the same and know the same of everybody."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager

import pytest
import trio

from gossip.proto.events import Stopped
from node.belonging.membership import Membership
from node.bus import Bus
from node.federation.names import StateId
from node.home import Home
from node.intake import Intake
from node.testing.citizens import Device
from node.testing.federations import Federation, cut_at, terms_of
from node.testing.homes import temporary_home
from node.testing.people import Person
from store.entry import Entry
from store.ids import LOG_FEED, LOG_ID, AuthorId
from store.log import Head, LogId

DEADLINE_S = 120
ROUNDS = 12
PEER = AuthorId(b"p" * 32)
MINUTE = 60_000


class Story:
    """Everything that anybody signed in a small federation, as branches of logs from their first entry."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.federation = federation = Federation(sections=2, stewards=2, endorsements=1)
        self.stewards = [device for section in federation.stewards for device in section]
        self.feeds: list[tuple[Entry, ...]] = []
        self.branches: list[tuple[Entry, ...]] = []
        self.invites = [
            (federation.invite(steward, federation.state(at // 2), uses=2), steward, at // 2)
            for at, steward in enumerate(self.stewards)
        ]
        self.members = [self._joined(number) for number in range(chance.randint(2, 6))]
        for _ in range(chance.randint(1, 6)):
            chance.choice((self._settle, self._phone, self._end, self._change, self._fork, self._newcomer))()
        for device in list(federation.devices.values()):
            self._post(device)

    def _joined(self, number: int) -> Device:
        invite, _, _ = self.chance.choice(self.invites)
        return self.federation.join(f"member {number}", invite)

    def _settle(self) -> None:
        """A steward settles an invite, without some of those who used it."""
        invite, steward, section = self.chance.choice(self.invites)
        roots = [device.citizen.root for device in self.members if self.chance.random() < 0.5]
        steward.settle(self.federation.state(section), invite.grant, roots)

    def _phone(self) -> None:
        """A member links a phone and perhaps cuts his laptop."""
        laptop = self.chance.choice(self.members + self.stewards)
        phone = self.federation.device(laptop.citizen, f"phone {self.chance.randrange(10**6)}")
        if self.chance.random() < 0.7:
            seq = self.chance.randint(1, len(laptop.log))
            phone.cut(cut_at(laptop, seq, [(LOG_FEED, self.chance.randint(1, 3))]))

    def _end(self) -> None:
        """Both stewards of a section end a membership."""
        section = self.chance.randrange(2)
        device = self.chance.choice(self.members)
        one, other = self.federation.stewards[section]
        cuts = [cut_at(device)] if self.chance.random() < 0.5 else []
        entry = one.end(self.federation.state(section), device.citizen.root, cuts)
        other.consent(self.federation.act(entry))

    def _change(self) -> None:
        """A section gets another steward."""
        section = self.chance.randrange(2)
        one, other = self.federation.stewards[section]
        third = self.chance.choice(self.members)
        entry = one.change([self.federation.state(section)], terms_of([one, other, third]))
        other.consent(self.federation.act(entry))
        grant = self.federation.invite(third, StateId(self.federation.act(entry)))
        self.members.append(self.federation.join(f"guest of {third.citizen.name} {len(self.members)}", grant))

    def _newcomer(self) -> None:
        """Somebody whom nobody admits."""
        self.federation.newcomer(f"stranger {self.chance.randrange(10**6)}").admit(
            self.federation.state(), self.stewards[0].citizen.root
        )

    def _fork(self) -> None:
        """A device goes on twice after the same entry of its `id` log."""
        device = self.chance.choice(self.members + self.stewards)
        twin = device.citizen.device(device.network)
        at = self.chance.randint(1, len(device.log))
        if twin.id != device.id:
            return
        twin.log[:] = device.log[:at]
        twin.admit(self.federation.state(), self.chance.choice(self.members).citizen.root)
        self.branches.append(tuple(twin.log))

    def _post(self, device: Device) -> None:
        person = Person("somebody", device.network, device.seed)
        feed = person.posts(self.chance.randint(1, 4))
        self.feeds.append(feed)
        if self.chance.random() < 0.2:
            at = self.chance.randrange(len(feed))
            back = feed[at - 1].id if at else b""
            self.feeds.append((*feed[:at], person.sign_at(at + 1, back, [1, "other", ""])))

    def logs(self) -> list[tuple[Entry, ...]]:
        """All branches of all logs."""
        whole = [tuple(device.log) for device in self.federation.devices.values()]
        return [*whole, *self.branches, *self.feeds]


class Desk:
    """An intake over a home."""

    def __init__(self, home: Home) -> None:
        assert home.membership is not None
        self.home = home
        self.members: Membership = home.membership
        self.intake = Intake(home.shelf, home.network, home.membership, Bus())

    async def get(self, piece: Sequence[Entry]) -> bytes:
        """Take a piece in; the evidence with which it was answered."""
        [verdict] = await self.intake.ingest([tuple(piece)], PEER, each_signature=False)
        await self.intake.settled()
        return verdict.evidence.encode() if isinstance(verdict, Stopped) else b""

    async def tell(self, other: "Desk") -> None:
        """Tell another one everything that is held here, first of all `id` logs; take what it answers."""
        for log_id, state in sorted(self.intake.states().items(), key=lambda item: item[0].log):
            held = await self.intake.read_held(log_id, 1, 10**6, 10**8)
            if held and (answer := await other.get(held)):
                await self.intake.ingest_evidence(answer, PEER)
            if state.evidence is not None and other.members.last_carried(log_id) >= state.evidence.seq:
                await other.intake.ingest_evidence(state.evidence.encode(), PEER)
        await self.intake.settled()
        await other.intake.settled()

    def held(self) -> dict[LogId, tuple[Head | None, bytes]]:
        """What a frontier says of it; our own device is known to nobody else."""
        return {
            log_id: (state.head, b"" if state.evidence is None else state.evidence.digest())
            for log_id, state in self.intake.states().items()
            if (state.head is not None or log_id.log != LOG_ID)
        }


@asynccontextmanager
async def desks(story: Story, count: int) -> AsyncIterator[list[Desk]]:
    """Homes of the first steward, each with a device of its own."""
    charter, root = story.federation.charter, story.stewards[0].citizen.key
    with ExitStack() as stack, trio.fail_after(DEADLINE_S):
        homes = [
            stack.enter_context(temporary_home(f"desk {number}", charter=charter, root=root))
            for number in range(count)
        ]
        async with trio.open_nursery() as nursery:
            made = [Desk(home) for home in homes]
            for desk in made:
                nursery.start_soon(desk.intake.run)
            yield made
            nursery.cancel_scope.cancel()


async def exchange(made: Sequence[Desk]) -> None:
    """Tell each other everything until nothing changes."""
    for _ in range(ROUNDS):
        before = [desk.held() for desk in made]
        for one in made:
            for other in made:
                if one is not other:
                    await one.tell(other)
        if before == [desk.held() for desk in made]:
            return
    pytest.fail("it never ends")


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_came_first_all_hold_and_know_the_same(seed: int) -> None:
    chance = random.Random(seed)
    story = Story(chance)
    async with desks(story, 3) as made:
        for desk in made:
            logs = story.logs()
            for piece in chance.sample(logs, k=chance.randint(len(logs) // 2, len(logs))):
                await desk.get(piece[chance.choice((0, 0, chance.randrange(len(piece)))) :])
        for piece in story.logs():
            await chance.choice(made).get(piece)
        await exchange(made)
        for piece in story.logs():
            await chance.choice(made).get(piece)
        await exchange(made)
        for desk in made[1:]:
            assert desk.held() == made[0].held()
            assert desk.members.roster.digest() == made[0].members.roster.digest()
        for desk in made:
            for log_id, (head, _) in desk.held().items():
                assert head is None or head.seq <= max(desk.members.last_good(log_id), 0)
                assert desk.members.carries(log_id.author)
