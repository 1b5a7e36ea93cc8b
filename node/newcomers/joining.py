"""The guest's side, as a process that has no daemon: looks for a hub, asks to be let in, keeps what it gets.

The shell around `node.federation.visiting`. `look` only asks whether a code is good and which network it
leads to; `arrive` brings the first entries of a home that is made already, and takes in what a newcomer
needs to judge others. libp2p is imported late. Each reason for failing is told in words of its own.
"""

import os
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import trio

from gossip.errors import LocalFault, NotConnected, RemoteFault
from node.errors import BadData, Fault, Missing, NodeError, Refused, Unavailable, WrongNetwork
from node.federation import guest_effects as effects
from node.federation import guest_messages as messages
from node.federation.bare import invite_key
from node.federation.code import Contact, Invite
from node.federation.guest_effects import Chartered
from node.federation.names import RootId
from node.federation.statements import Certificate, compose_claim, read
from node.federation.visiting import Joining, Returning, make_claim
from node.home import Home
from node.newcomers.guest_stream import GuestStream
from node.running import Keeping, keep, load_transport, now_ms, run_to_end
from node.signing import Intent
from store.crypto import SEED_BYTES, SigningKey
from store.entry import MAX_ID_SEQ, SALT_BYTES, Entry
from store.ids import LOG_ID
from store.log import LogId
from store.sqlite.home import Peer

if TYPE_CHECKING:
    from gossip.net.host import Libp2pHost

VISIT_S: Final = 30.0
"""How long a visit may take in all; hubs cut guests off after as long."""

REACH_S: Final = 12.0
"""How long to look for the hub: a connection over a bad line, and a secured handshake."""

SETTLE_S: Final = 10.0
"""How long writing down what the hub brought may take."""

_TOPIC: Final = "/asterism/guest"
"""A guest takes no part in gossip; the transport wants a name all the same."""

_MAX_OWN_BYTES: Final = 65_536

T = TypeVar("T")


class Way(NamedTuple):
    """How a device gets in: with an invite, or as a further one of a member."""

    code: Invite | Contact
    root: SigningKey | None
    """Of the member who returns; None: a newcomer, and the code is an invite."""


class Arrived(NamedTuple):
    """We are in."""

    pending: bool
    """As a candidate: the section waits for endorsements."""


def look(way: Way) -> Chartered:
    """Ask the hub which network the code leads to, and whether it would let us in. Changes nothing anywhere.

    Raises:
        Refused, Missing, WrongNetwork, BadData, Unavailable: why it would not.
    """
    return run_to_end(_look, way)


def arrive(home: Home, way: Way, on_sent: Callable[[], None]) -> Arrived:
    """Bring the first entries of a home to the hub, and keep what it answers. The home is open for writing.

    `on_sent` is called before they are sent: from then on the hub may count them, whatever becomes of us.

    Raises:
        Refused, Missing, WrongNetwork, BadData: the hub did not let us in.
        Unavailable: the hub cannot be reached, or went away without a word.
    """
    return run_to_end(_arrive, home, way, on_sent)


def remember_hub(home: Home, code: Invite | Contact) -> None:
    """Have the daemon look for the hub from now on. Raises: StorageFull."""
    home.tables.put_peer(Peer(code.hub, "", (code.place.text(),), "", now_ms()))


async def _look(way: Way) -> Chartered:
    stranger = os.urandom(SEED_BYTES)  # the device that will join is made when it is known for which network

    async def ask(host: GuestStream) -> Chartered:
        visit = _visit(way, SigningKey(stranger))
        wanted = visit.begin()
        while True:
            for effect in wanted:
                match effect:
                    case effects.Send(message):
                        await host.send(message)
                    case effects.TurnedAway(code, text):
                        raise why_refused(code, text, way)
                    case Chartered():
                        return effect
            wanted = visit.handle(await _next(host))

    return await _meet(way, stranger, ask)


async def _arrive(home: Home, way: Way, on_sent: Callable[[], None]) -> Arrived:
    async with keep(home) as keeping:
        talk = _Talk(home, keeping, way, on_sent)
        try:
            arrived = await _meet(way, home.device_seed, talk.run)
        except Unavailable:
            if talk.arrived is None:
                raise
            arrived = talk.arrived  # what is missing yet comes with the first sync
        await talk.settle()
        return arrived


async def _meet(way: Way, seed: bytes, talk: Callable[[GuestStream], Awaitable[T]]) -> T:
    """Talk to the hub as a guest with the device of this seed. Raises: NodeError."""
    make = await load_transport()
    transport = make(
        seed, (), topic=_TOPIC, admit=lambda device: False, validate=lambda origin, payload: False
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(transport.run)
        outcome = await _call(transport, way, talk)
        nursery.cancel_scope.cancel()
    if isinstance(outcome, NodeError):
        raise outcome
    return outcome


async def _call(
    transport: "Libp2pHost", way: Way, talk: Callable[[GuestStream], Awaitable[T]]
) -> T | NodeError:
    """What comes of a talk with the hub; an error is given, since raised here it would come in a group."""
    place = way.code.place.text()
    try:
        stream = await transport.visit(way.code.hub, (place,), messages.PROTOCOL, REACH_S)
    except LocalFault as fault:
        return Unavailable(
            f"The hub at {place} cannot be reached: {str(fault).rpartition(': ')[2]}.",
            "It may be off, or this machine offline. Try again, or ask for a code of another hub.",
        )
    try:
        with trio.fail_after(VISIT_S):
            return await talk(GuestStream(stream))
    except NodeError as error:
        return error
    except (NotConnected, trio.TooSlowError):
        return Unavailable(
            f"The hub at {place} went away without an answer.",
            "Try again, or ask for a code of another hub.",
        )
    except RemoteFault as fault:
        return Unavailable(
            f"The hub at {place} answers what it should not: {fault}.",
            "Ask for a code of another hub, or install the newest version.",
        )
    finally:
        await stream.close()


class _Talk:
    """One visit at which our entries are brought."""

    def __init__(self, home: Home, keeping: Keeping, way: Way, on_sent: Callable[[], None]) -> None:
        self._home = home
        self._keeping = keeping
        self._way = way
        self._on_sent = on_sent
        self.arrived: Arrived | None = None

    async def run(self, host: GuestStream) -> Arrived:
        """Talk until the hub has let us in and told all. Raises: NodeError, NotConnected, RemoteFault."""
        visit = _visit(self._way, self._home.key)
        waiting = deque(visit.begin())
        while True:
            while waiting:
                match waiting.popleft():
                    case effects.Send(message):
                        await host.send(message)
                    case Chartered() as chartered:
                        entries = await self._own_entries(chartered)
                        self._on_sent()
                        waiting += visit.answer(entries)
                    case effects.TakeIn(runs):
                        await self._keeping.intake.ingest(runs, host.peer, each_signature=True)
                    case effects.TurnedAway(code, text):
                        raise why_refused(code, text, self._way)
                    case effects.Welcomed(pending):
                        self.arrived = Arrived(pending)
                    case effects.End() if self.arrived is not None:
                        return self.arrived
                    case effect:
                        raise Fault(f"A guest does not do this: {type(effect).__name__}.")
            waiting += visit.handle(await _next(host))

    async def settle(self) -> None:
        """Wait until what the hub brought is written, as far as it is carried: the hub's own log above all,
        without which the daemon would not know it."""
        with trio.move_on_after(SETTLE_S):
            await self._keeping.intake.settled()

    async def _own_entries(self, chartered: Chartered) -> list[Entry]:
        """The whole `id` log of our device, with a claim for this very meeting where we need one."""
        if chartered.network != self._home.network:
            raise WrongNetwork(
                "The hub has changed its network since it was first asked.", "Ask for another code."
            )
        log_id = LogId(self._home.device, LOG_ID)
        entries = await self._keeping.intake.read_run(log_id, 1, MAX_ID_SEQ, _MAX_OWN_BYTES)
        if isinstance(self._way.code, Invite) and self._way.root is None:
            root, code = root_in(entries, self._home), self._way.code
            claim = make_claim(code.secret, chartered, root, self._home.device, code.hub)
            body = compose_claim(os.urandom(SALT_BYTES), claim)
            return [*entries, *await self._keeping.author.write(LOG_ID, [Intent(body)])]
        return list(entries)


def root_in(entries: tuple[Entry, ...] | list[Entry], home: Home) -> RootId:
    """The root to whom the `id` log of a home's own device says that it belongs.

    Raises:
        Fault: it does not say so.
    """
    said = read(entries[0], home.network) if entries else None
    if said is None or not isinstance(said.statement, Certificate):
        raise Fault("The device of this home has no certificate.")
    return said.statement.root


def _visit(way: Way, device: SigningKey) -> Joining | Returning:
    if way.root is not None:
        return Returning(way.code.network, way.code.hub, device.author, way.root)
    if not isinstance(way.code, Invite):
        raise BadData("This code is the address of a hub, and no invite.", "Ask for an invite.")
    return Joining(way.code.network, invite_key(way.code.secret).author)


async def _next(host: GuestStream) -> messages.Message:
    message = await host.receive()
    if message is None:
        raise NotConnected("the hub has ended the talk")
    return message


_ASK_ANEW: Final = "Ask a steward for a new invite."

_REFUSALS: Final[dict[int, Callable[[], NodeError]]] = {
    messages.EXPIRED: partial(Refused, "This invite has expired.", _ASK_ANEW),
    messages.USED_UP: partial(Refused, "This invite was used as often as it may be.", _ASK_ANEW),
    messages.WRONG_NETWORK: partial(
        WrongNetwork,
        "This code is foreign to the hub that it names: the hub belongs to another network now.",
        "Ask for a code of another hub.",
    ),
    messages.NOT_ENDORSED: partial(
        Refused,
        "The section behind this is not endorsed yet.",
        "Wait until enough sections have endorsed it; its stewards see it with: aster section list",
    ),
    messages.TOO_MANY_GUESTS: partial(
        Unavailable, "The hub has too many guests at the moment.", "Try again in a minute."
    ),
    messages.NO_SUCH_MEMBER: partial(
        Missing,
        "These words belong to no member of this federation, as far as this hub knows.",
        "Check that they are the words of this federation. Somebody new joins with an invite: aster join",
    ),
    messages.TOO_MANY_DEVICES: partial(
        Refused,
        "This member has as many devices as one may have.",
        "Revoke one that is not used any more: aster device list, aster device revoke NAME",
    ),
}


def why_refused(code: int, text: str, way: Way) -> NodeError:
    """What a hub's refusal is called. `text` is the hub's own, foreign."""
    if code in _REFUSALS:
        return _REFUSALS[code]()
    if code == messages.REVOKED and way.root is None:
        return Refused("This invite was revoked.", _ASK_ANEW)
    if code == messages.REVOKED:
        return Refused(
            "The membership behind these words was ended, or has other words now.",
            "Ask the stewards of your section.",
        )
    if code == messages.UNKNOWN and way.root is None:
        return Missing(
            "The hub does not know this invite.",
            "It may not have reached that hub yet, or its section is not endorsed yet: try again later.",
        )
    return Refused(f"The hub does not let this device in: {text}", "Ask a steward of the section.")
