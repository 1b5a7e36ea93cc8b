"""Hubs that hear the same in other orders, with forks, cuts and restarts in between, end with the same.

Random federations in which everybody says everything, true or not; whoever contradicts himself does so in any
of his logs, before or after he was cut. The real intake over real stores; what hubs tell each other goes the
shortest way, without gossip.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import trio

from gossip.proto.events import Diverged, Stopped
from node.bus import Bus
from node.federation.cuts import LogEnd, make_cut
from node.home import Home, open_home
from node.intake import Intake
from node.paths import Paths
from node.testing.federation_worlds import World
from node.testing.homes import make_home
from store.entry import SALT_BYTES, Entry, sign
from store.ids import LOG_DOCS, LOG_FEED, LOG_ID, AuthorId, LogNo
from store.interface import NOTHING_HELD, LogState

DEADLINE_S = 120
HUBS = 3
ROUNDS = 12
"""Of everybody with everybody; two or three are enough where nobody changes his mind."""
PEERS = [AuthorId(letter * 32) for letter in (b"p", b"q", b"r")]
START_MS = 1_763_000_000_000


class Hub:
    """A node without a network."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.intake = Intake(home.shelf, home.network, home.allowed, Bus())
        assert home.membership is not None
        self.members = home.membership

    def held(self, leaving_out: set[AuthorId]) -> list[tuple[object, ...]]:
        """What counts in a frontier, but for logs of these authors."""
        return sorted(
            (log_id, state.head, state.evidence and state.evidence.digest())
            for log_id, state in self.intake.states().items()
            if log_id.author not in leaving_out and not (log_id.log == LOG_ID and state.head is None)
        )


class Story:
    """Everything that is said in a random federation, by log and branch."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.world = World(chance).live(25)
        self.charter = self.world.federation.charter
        self.root = self.world.stewards[0].citizen.key
        others = [branch for device in self.world.devices for branch in self._others(device.seed, device.key)]
        self._cut(others)
        own = [list(device.log) for device in self.world.devices]
        self.branches: list[list[Entry]] = (
            own + others + [self._forked(log) for log in own if self._one_in(5)]
        )

    def _one_in(self, number: int) -> bool:
        return self.chance.randrange(number) == 0

    def _others(self, seed: bytes, key) -> list[list[Entry]]:
        """Logs of a device other than `id`, many of them forked."""
        branches: list[list[Entry]] = []
        for log in (LOG_FEED, LOG_DOCS):
            if self._one_in(2):
                branch = self._go_on(key, log, [], self.chance.randint(1, 9))
                branches.append(branch)
                if self._one_in(2):
                    common = branch[: self.chance.randrange(len(branch))]
                    branches.append(self._go_on(key, log, common, self.chance.randint(1, 4)))
        return branches

    def _go_on(self, key, log: LogNo, before: Sequence[Entry], more: int, bodies: Sequence[bytes] = ()):
        branch = list(before)
        for _ in range(more):
            content = self.chance.choice(bodies)[SALT_BYTES:] if bodies else b"\x91\x63"
            body = self.chance.randbytes(SALT_BYTES) + content
            back = branch[-1].id if branch else b""
            time_ms = START_MS + self.chance.randrange(100_000)
            branch.append(sign(key, self.charter.network_id(), log, len(branch) + 1, back, body, time_ms))
        return branch

    def _forked(self, log: Sequence[Entry]) -> list[Entry]:
        [device] = [device for device in self.world.devices if device.id == log[0].author]
        bodies = [entry.body for device in self.world.devices for entry in device.log if entry.body]
        common = log[: self.chance.randrange(len(log))]
        if not common:
            common = self._go_on(device.key, LOG_ID, (), 1, [log[0].body or b""])
        return self._go_on(device.key, LOG_ID, common, self.chance.randint(1, 3), bodies)

    def _cut(self, branches: Sequence[Sequence[Entry]]) -> None:
        """Members cut devices of theirs at some entry of some branch."""
        for device in list(self.world.devices):
            if self._one_in(2):
                ends: dict[LogNo, LogEnd] = {}
                for branch in branches:
                    last = self.chance.choice(branch)
                    if last.author == device.id and (last.log not in ends or self._one_in(2)):
                        ends[last.log] = LogEnd(last.log, last.seq, last.id)
                last = self.chance.choice(device.log)
                cut = make_cut(device.id, [LogEnd(LOG_ID, last.seq, last.id), *ends.values()])
                self.chance.choice(
                    [each for each in self.world.devices if each.citizen is device.citizen]
                ).cut(cut)

    async def tell(self, hub: Hub) -> None:
        """Tell a hub most of it, in pieces, in any order."""
        pieces: list[tuple[Entry, ...]] = []
        for branch in self.branches:
            at = 0
            while at < len(branch):
                end = self.chance.randint(at + 1, len(branch))
                pieces.append(tuple(branch[at:end]))
                at = end
        self.chance.shuffle(pieces)
        for piece in pieces:
            if not self._one_in(5):
                await hub.intake.ingest([piece], self.chance.choice(PEERS), each_signature=self._one_in(2))


async def hand_over(giver: Hub, taker: Hub) -> None:
    """Give what the other one lacks and wants, and hear what it has against it."""
    for log_id, state in sorted(giver.intake.states().items()):
        if state.evidence is not None:
            await taker.intake.ingest_evidence(state.evidence.encode(), giver.home.device)
        held = taker.intake.state(log_id) or NOTHING_HELD
        if state.head is None or state.head == held.head or not taker.home.allowed.last_carried(log_id):
            continue
        for first_seq in (_next(held, state), 1):
            run = await giver.intake.read_run(log_id, first_seq, state.head.seq, 10**7)
            if not run:
                break
            [verdict] = await taker.intake.ingest([run], giver.home.device, each_signature=False)
            if isinstance(verdict, Stopped):
                await giver.intake.ingest_evidence(verdict.evidence.encode(), taker.home.device)
            if not isinstance(verdict, Diverged):
                break


def _next(held: LogState, given: LogState) -> int:
    assert given.head is not None
    return held.head.seq + 1 if held.head is not None and held.head.seq < given.head.seq else 1


async def session(folders: Sequence[Path], work: Callable[[list[Hub]], Awaitable[None]]) -> None:
    """Start all hubs, have them do something, and stop them."""
    with ExitStack() as stack:
        async with trio.open_nursery() as nursery:
            hubs = []
            for folder in folders:
                hub = Hub(stack.enter_context(open_home(Paths(folder), lambda: None, writing=True)))
                nursery.start_soon(hub.intake.run)
                hubs.append(hub)
            await work(hubs)
            for hub in hubs:
                await hub.intake.settled()
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_comes_when_all_hubs_hold_the_same_in_the_end(seed: int, tmp_path: Path) -> None:
    story = Story(random.Random(seed))
    folders = [tmp_path / str(number) for number in range(HUBS)]
    for folder in folders:
        folder.mkdir()
        make_home(folder, charter=story.charter, root=story.root).close()

    async def hear(hubs: list[Hub]) -> None:
        for hub in hubs:
            await story.tell(hub)

    async def meet(hubs: list[Hub]) -> None:
        own = {hub.home.device for hub in hubs}  # kept whole at home, whatever becomes of them
        seen: list[object] = []
        for _ in range(ROUNDS):
            pairs = [(one, other) for one in hubs for other in hubs if one is not other]
            story.chance.shuffle(pairs)
            for giver, taker in pairs:
                await hand_over(giver, taker)
            for hub in hubs:
                await hub.intake.settled()
            before, seen = seen, [(hub.held(own), hub.members.roster.digest()) for hub in hubs]
            if before == seen:
                break
        assert seen[0] == seen[1] == seen[2]

    with trio.fail_after(DEADLINE_S):
        await session(folders, hear)
        await session(folders, hear)
        await session(folders, meet)
