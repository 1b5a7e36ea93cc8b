"""What a step of the messenger works with: its tables, the world around it, time and chance.

A step is a function over a desk. It reads and changes the tables of `0005_messenger.sql` and says what is to
be written; all of that is one transaction of the writer (`node.composing`). Nothing here waits, and nothing
goes out before it is committed.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from node.apps.messenger.membership import Membership
from node.apps.messenger.ratchets import Ratchets
from node.secrecy.bundles import Bundle
from node.signing import Draft, Intent
from store.entry import SALT_BYTES, Entry
from store.ids import AuthorId, LogNo, NetworkId
from store.sqlite.views import Views

if TYPE_CHECKING:
    from node.apps.messenger.messages import Added
    from node.apps.messenger.sessions import Outgoing

DAY_MS: Final = 86_400_000


class World(Protocol):
    """What a step may ask of the rest of the node. Who belongs to whom is the roster's to say, not ours."""

    @property
    def network(self) -> NetworkId:
        """32 bytes."""
        ...

    @property
    def device(self) -> AuthorId:
        """This device, 32 bytes."""
        ...

    @property
    def who(self) -> bytes:
        """The person whose home this is, 32 bytes."""
        ...

    @property
    def caught_up_ms(self) -> int:
        """When this node was last in step with another one, Unix ms; 0: never."""
        ...

    def devices(self, who: bytes) -> Sequence[AuthorId]:
        """The live devices of a person, ascending."""
        ...

    def who_of(self, device: AuthorId) -> bytes | None:
        """The person to whom a device belongs or belonged; None: unknown."""
        ...

    def is_live(self, device: AuthorId) -> bool:
        """Does a device count now: certified, admitted, not revoked?"""
        ...

    def root(self, who: bytes) -> bytes:
        """The root key that speaks for a person now, 32 bytes; himself where nothing else is known."""
        ...

    def bundle(self, device: AuthorId) -> Bundle | None:
        """The newest keys that a device has published, if they are well formed."""
        ...

    def last_sealed(self, device: AuthorId) -> int:
        """Last seq of the `sealed` log of a device that is held; 0: none."""
        ...

    def entries(self, keys: Sequence[int]) -> list[Entry | None]:
        """Entries by their keys, with bodies where those are here; as they were before this step."""
        ...

    def is_blocked(self, who: bytes) -> bool:
        """Did the owner block this person?"""
        ...

    def is_known(self, who: bytes) -> bool:
        """Is this person no stranger: followed, or called by a name of the owner's?"""
        ...


class Desk:
    """One step's view of everything. Not to be kept beyond the step."""

    __slots__ = (
        "added",
        "chance",
        "drafts",
        "groups",
        "now_ms",
        "outgoing",
        "places",
        "ratchets",
        "recipients",
        "views",
        "world",
    )

    def __init__(
        self,
        views: Views,
        world: World,
        pickle_key: bytes,
        now_ms: int,
        chance: Callable[[int], bytes],
    ) -> None:
        """`pickle_key`: 32 bytes, seals ratchets in their tables. `chance`: so many random bytes."""
        self.views = views
        self.world = world
        self.now_ms = now_ms
        """Unix time in ms."""
        self.chance = chance
        self.ratchets = Ratchets(views, pickle_key, now_ms)
        self.groups: dict[bytes, Membership] = {}
        """Groups that were folded in this step, by their 16 bytes."""
        self.recipients: dict[bytes, list[AuthorId]] = {}
        """Devices of conversations as they were found in this step, by their 16 bytes."""
        self.outgoing: dict[bytes, Outgoing] = {}
        """How conversations are written to in this step."""
        self.added: list[Added] = []
        """Messages that are to become rows at the end of the step, or before somebody looks at them."""
        self.places: dict[AuthorId, list[tuple[bytes, int]]] = {}
        """Messages (tag, index) whose coming is to be told to their devices."""
        self.drafts: list[Draft] = []
        """What is to be written, in order."""

    def write(
        self, log: LogNo, compose: Callable[[bytes], bytes], then: Callable[[int, Entry], None] | None = None
    ) -> None:
        """Have an entry written: `compose` makes the body from 16 bytes of salt."""
        self.drafts.append(Draft(log, Intent(compose(self.chance(SALT_BYTES))), then))

    def regroup(self) -> None:
        """Who takes part in conversations has changed in this step: what was found of it is forgotten."""
        self.recipients.clear()
        self.outgoing.clear()
