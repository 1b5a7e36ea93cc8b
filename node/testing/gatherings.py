"""Gatherings: running nodes of members of a federation, in one process, for tests of what they do together.

Whom they let in is not asked for here: `meet` hands everything to everybody. How newcomers are let in and how
entries travel is for tests of these.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import trio

from gossip.net.memory import MemoryNet
from node.federation import bare
from node.federation import code as codes
from node.federation.bare import invite_key
from node.federation.code import Invite
from node.federation.statements import Claim, compose_claim, compose_inception
from node.founding import create_home
from node.home import Home
from node.paths import Paths
from node.signing import Intent
from node.testing.citizens import Citizen
from node.testing.nodes import Node, running
from store.charter import Charter
from store.ids import LOG_ID, EntryId, from_text

DEADLINE_S: Final = 60
"""No test of a gathering takes longer, on any machine."""

_MAX_ENTRIES: Final = 10_000
_MAX_BYTES: Final = 10**8


@contextmanager
def homes(charter: Charter, people: Sequence[Citizen], device: str = "laptop") -> Iterator[list[Home]]:
    """A home for each of these people, that vanishes afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="asterism-")))
        made = []
        for number, each in enumerate(people):
            paths = Paths(folder / str(number))
            home = create_home(paths, each.name, charter, None, root=each.key, device_name=device)
            made.append(stack.enter_context(home))
        yield made


async def meet(*nodes: Node) -> None:
    """Every node gets what all of them hold, `id` logs first."""
    for is_id in (True, False):
        for one in nodes:
            for other in nodes:
                pieces = [
                    tuple(one.home.entries.range(log_id, 1, _MAX_ENTRIES, _MAX_BYTES))
                    for log_id, state in one.home.entries.logs().items()
                    if state.head is not None and (log_id.log == LOG_ID) is is_id
                ]
                if one is not other:
                    await other.intake.ingest(pieces, one.home.device, each_signature=True)


@asynccontextmanager
async def gathering(charter: Charter, *people: Citizen, hubs: int = 0) -> AsyncIterator[list[Node]]:
    """Running nodes of these people, in one network in memory, who have not met. The first are hubs."""
    with trio.fail_after(DEADLINE_S), homes(charter, people) as made:
        async with trio.open_nursery() as nursery, together(made, MemoryNet(nursery), hubs) as nodes:
            yield nodes
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def together(made: Sequence[Home], net: MemoryNet, hubs: int = 0) -> AsyncIterator[list[Node]]:
    """Running nodes over these homes. The first `hubs` of them are hubs."""
    if not made:
        yield []
        return
    async with running(made[0], net, hub=hubs > 0) as first, together(made[1:], net, hubs - 1) as others:
        yield [first, *others]


async def join(steward: Node, newcomer: Node, person: Citizen, signed: bytes | None = None) -> None:
    """What `aster join` and `aster section join` do: use an invite, and be known to who made it."""
    federation = steward.api.federation
    made = await (federation.invite_create() if signed is None else federation.section_invite())
    invite = codes.parse(made["code"])
    if not isinstance(invite, Invite):
        raise ValueError("a contact is no invite")
    grant, device, nonce = EntryId(from_text(made["id"])), newcomer.home.device, bytes(16)
    message = bare.claim_message(steward.home.network, grant, person.root, device, invite.hub, nonce)
    claim = Claim(grant, person.root, invite.hub, nonce, invite_key(invite.secret).sign(message))
    begun = [] if signed is None else [compose_inception(bytes(16), signed)]
    bodies = [*begun, compose_claim(bytes(16), claim)]
    await newcomer.author.write(LOG_ID, [Intent(body) for body in bodies])
    await meet(steward, newcomer)
