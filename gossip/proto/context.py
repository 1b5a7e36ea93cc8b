"""What the engine's machines share: who we are, what we hold, chance, and the schedule."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import NamedTuple

from gossip.proto import limits
from gossip.proto.admission import Admission
from gossip.proto.events import SessionId, Token
from gossip.proto.fields import is_address
from gossip.proto.interest import EVERYTHING, Interest
from gossip.proto.reconcile import never_full
from gossip.proto.schedule import Schedule
from store.frontier import Frontier
from store.ids import AuthorId, NetworkId
from store.log import LogId


@dataclass(frozen=True, slots=True)
class Tuning:
    """This node's own choices; the defaults are for a real mesh, a simulation stretches some."""

    hub: bool = False
    interest: Interest = EVERYTHING
    """With which a node starts; `Context.interest` is the one of now."""
    ids_first: bool = False
    """After each link-up the first session that we open is over `id` logs alone: what is carried follows from
    them, so that in the session after it nothing is sent in vain."""
    target_links: int = limits.TARGET_LINKS
    sync_interval_s: float = limits.SYNC_INTERVAL_S
    presence_s: float = limits.PRESENCE_S
    flush_s: float = limits.FLUSH_S
    explore_s: float = limits.EXPLORE_S

    @property
    def max_links(self) -> int:
        """Neighbours that we accept."""
        return limits.MAX_LINKS_HUB if self.hub else limits.MAX_LINKS_LAPTOP


@dataclass(slots=True)
class Context:
    """Shared by reference between the machines of one engine."""

    device: AuthorId
    network: NetworkId
    admission: Admission
    frontier: Frontier
    random: Random
    """Chance for everything that is no secret: jitter, the choice of peers."""
    secret: Random
    """Chance for session keys: `random.SystemRandom` in a node, seeded in a simulation."""
    tuning: Tuning = field(default_factory=Tuning)
    schedule: Schedule = field(default_factory=Schedule)
    interest: Interest = field(init=False)
    """What we carry. It changes with `InterestChanged` alone."""
    is_full: Callable[[LogId], bool] = never_full
    """Of which logs that we hold we take no more, because of a budget of ours."""
    addresses: tuple[str, ...] = ()
    """Where we are reachable, without /p2p/."""
    entry_bytes: float = 450.0
    """Moving average of an entry's size with body; an estimate for totals."""
    _tokens: "count[int]" = field(default_factory=lambda: count(1))
    _sessions: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        """Begin with the interest of the tuning."""
        self.interest = self.tuning.interest

    def carries(self, log_id: LogId) -> bool:
        """Whether a log is in our interest. How far it is carried then, the admission says."""
        return self.interest.carries(log_id, self.admission.section_ids_of)

    def new_token(self) -> Token:
        """A token that was not used before."""
        return Token(next(self._tokens))

    def new_session(self) -> SessionId:
        """A session number that was not used before."""
        return SessionId(next(self._sessions))

    def own_addresses(self) -> tuple[str, ...]:
        """Where we are reachable, as far as others take it."""
        return tuple(filter(is_address, self.addresses))[: limits.MAX_ADDRESSES]

    def jitter(self, seconds: float) -> float:
        """`seconds` give or take a quarter, so that nodes do not act in step."""
        return seconds * self.random.uniform(0.75, 1.25)


class Terms(NamedTuple):
    """What a sync session knows of the engine that it belongs to."""

    frontier: Frontier
    interests: tuple[Interest, Interest]
    """Ours, and the peer's as far as known."""
    last_carried: Callable[[LogId], int]
    """As `gossip.proto.admission.Admission.last_carried`."""
    unwanted: set[int]
    """Places of logs not to be asked for; the session adds to it."""
    is_news: Callable[[bytes], bool]
    """Whether encoded evidence says what we do not know and want to. Raises: RemoteFault."""
    new_token: Callable[[], Token]
    nonce: bytes
    """16 random bytes."""
    entry_bytes: float
    """Size of an average entry."""
    is_full: Callable[[LogId], bool] = never_full
    """As `Context.is_full`."""
