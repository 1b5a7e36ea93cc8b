"""The guest's side of the guest protocol: a newcomer, a member who returns, one who shows a passport. Pure.

`Joining` and `Returning` learn the charter first (`Chartered`); the shell then writes the first entries of
the device's `id` log and hands them to `answer`. `Presenting` needs nothing but what it was made with. What a
host may say, and when, is checked here: whether the entries that it sends are well signed, the intake checks,
and whether they show that we belong, the roster.
docs/protocol/federation.md, "The guest protocol".
"""

from collections.abc import Sequence
from enum import Enum, auto

from gossip.errors import RemoteFault, Severity
from node.federation.bare import claim_message, device_message, invite_key, return_message, root_of
from node.federation.guest_effects import (
    Chartered,
    Effect,
    End,
    Ration,
    Send,
    SendLogs,
    TakeIn,
    TurnedAway,
    Welcomed,
    runs_of,
)
from node.federation.guest_messages import (
    MAX_FROM_HOST,
    UNKNOWN,
    Challenge,
    CharterSent,
    Done,
    Entries,
    Knock,
    Message,
    Present,
    Proof,
    Refused,
    Return,
    Welcome,
    pack,
)
from node.federation.names import RootId
from node.federation.statements import FOR_MEMBERS, Claim
from store import charter as charters
from store.charter import InvalidCharter
from store.crypto import SigningKey
from store.entry import Entry
from store.ids import AuthorId, EntryId, NetworkId


class _Await(Enum):
    NOTHING = auto()
    CHALLENGE = auto()
    CHARTER = auto()
    ANSWER = auto()
    """Our own: the host has to wait for it."""
    VERDICT = auto()
    ENTRIES = auto()


class _Visit:
    """What all three have in common."""

    def __init__(self) -> None:
        self._await = _Await.NOTHING
        self._ration = Ration(MAX_FROM_HOST)

    def _take_turn(self) -> None:
        self._ration.take()
        if self._await in (_Await.NOTHING, _Await.ANSWER):
            raise RemoteFault("a host speaks out of turn")

    def _take(self, message: Message) -> list[Effect] | None:
        """What follows from a message that may always come; None: it is none of these."""
        self._take_turn()
        if isinstance(message, Refused) and self._await is not _Await.ENTRIES:
            self._await = _Await.NOTHING
            return [TurnedAway(message.code, message.text), End()]
        return None


class _Arrival(_Visit):
    """What a newcomer and a member who returns have in common: they know only a part of the network's id."""

    def __init__(self, network: bytes) -> None:
        super().__init__()
        self._network = network

    def answer(self, entries: Sequence[Entry]) -> list[Effect]:
        """The device's own `id` log, from its certificate on; at most `MAX_OWN_ENTRIES` entries.

        Raises:
            ValueError: nobody asked.
        """
        if self._await is not _Await.ANSWER:
            raise ValueError("entries are sent once, after the charter came")
        self._await = _Await.VERDICT
        return [*map(Send, pack(entries)), Send(Done())]

    def _chartered(self, data: bytes, nonce: bytes, grant: EntryId | None, purpose: int) -> list[Effect]:
        try:
            charter = charters.parse(data)
        except InvalidCharter as error:
            raise RemoteFault("the host has sent no charter") from error
        network = charter.network_id()
        if network[: len(self._network)] != self._network or not charter.inceptions:
            raise RemoteFault("the host has sent the charter of another network", Severity.HOSTILE)
        self._await = _Await.ANSWER
        return [Chartered(charter, network, nonce, grant, purpose)]

    def _judged(self, message: Message) -> list[Effect]:
        """After our entries: the verdict, then what we need to judge others."""
        if self._await is _Await.VERDICT and isinstance(message, Welcome):
            self._await = _Await.ENTRIES
            return [Welcomed(message.pending)]
        if self._await is _Await.ENTRIES and isinstance(message, Entries):
            return [TakeIn(runs_of(message.entries))]
        if self._await is _Await.ENTRIES and isinstance(message, Done):
            self._await = _Await.NOTHING
            return [End()]
        raise RemoteFault("the host says something else than is its turn")


class Joining(_Arrival):
    """A newcomer with an invite."""

    def __init__(self, network: bytes, invite: AuthorId) -> None:
        """`network`: the first 16 bytes of its id; `invite`: the public key of the invite."""
        super().__init__(network)
        self._invite = invite

    def begin(self) -> list[Effect]:
        """Knock."""
        self._await = _Await.CHALLENGE
        return [Send(Knock(self._network, self._invite))]

    def handle(self, message: Message) -> list[Effect]:
        """What follows from a message of the host. Raises: RemoteFault: give it up."""
        effects = self._take(message)
        if effects is not None:
            return effects
        if self._await is not _Await.CHALLENGE:
            return self._judged(message)
        if not isinstance(message, Challenge) or not message.grant:
            raise RemoteFault("the host has not answered the knock with a challenge")
        return self._chartered(message.charter, message.nonce, EntryId(message.grant), message.purpose)


class Returning(_Arrival):
    """A further device of a member, or a first one whose root is known already."""

    def __init__(self, network: bytes, hub: AuthorId, device: AuthorId, root_key: SigningKey) -> None:
        """`network`: the first 16 bytes of its id; `device`: ours, as the connection proves it."""
        super().__init__(network)
        self._hub = hub
        self._device = device
        self._root_key = root_key
        self._nonce = b""

    def begin(self) -> list[Effect]:
        """Say who we are."""
        self._await = _Await.CHALLENGE
        return [Send(Return(root_of(self._root_key)))]

    def handle(self, message: Message) -> list[Effect]:
        """What follows from a message of the host. Raises: RemoteFault: give it up."""
        effects = self._take(message)
        if effects is not None:
            return effects
        if self._await is _Await.CHALLENGE:
            if not isinstance(message, Challenge) or message.charter or message.grant:
                raise RemoteFault("the host has not answered with a challenge")
            self._nonce = message.nonce
            self._await = _Await.CHARTER
            signed = return_message(self._hub, self._device, message.nonce)
            return [Send(Proof(self._root_key.sign(signed)))]
        if self._await is _Await.CHARTER:
            if not isinstance(message, CharterSent):
                raise RemoteFault("the host has sent no charter")
            return self._chartered(message.charter, self._nonce, None, FOR_MEMBERS)
        return self._judged(message)


class Presenting(_Visit):
    """A device that belongs, before a host whose roster does not know it yet."""

    def __init__(self, passport: bytes, logs: tuple[AuthorId, ...]) -> None:
        """`logs`: as `passport.logs_behind` gives them, for a host that lacks something."""
        super().__init__()
        self._passport = passport
        self._logs = logs

    def begin(self) -> list[Effect]:
        """Show the passport."""
        self._await = _Await.VERDICT
        return [Send(Present(self._passport))]

    def handle(self, message: Message) -> list[Effect]:
        """What follows from a message of the host. Raises: RemoteFault: give it up."""
        if isinstance(message, Refused) and message.code == UNKNOWN and self._logs:
            self._take_turn()
            logs, self._logs = self._logs, ()
            return [SendLogs(logs), Send(Done())]
        effects = self._take(message)
        if effects is not None:
            return effects
        if not isinstance(message, Welcome):
            raise RemoteFault("the host has neither let us in nor refused us")
        self._await = _Await.NOTHING
        return [Welcomed(message.pending), End()]


def certify(root_key: SigningKey, network: NetworkId, device: AuthorId) -> bytes:
    """The root's signature of a device of its own, 64 bytes, for `statements.compose_certificate`."""
    return root_key.sign(device_message(network, device))


def make_claim(
    secret: bytes,
    chartered: Chartered,
    root: RootId,
    device: AuthorId,
    hub: AuthorId,
) -> Claim:
    """The claim that answers a host's challenge, for `statements.compose_claim`.

    `secret`: of the invite, 16 bytes.

    Raises:
        ValueError: the challenge names no grant.
    """
    if chartered.grant is None:
        raise ValueError("who returns claims nothing")
    message = claim_message(chartered.network, chartered.grant, root, device, hub, chartered.nonce)
    return Claim(chartered.grant, root, hub, chartered.nonce, invite_key(secret).sign(message))
