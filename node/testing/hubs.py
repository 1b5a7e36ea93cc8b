"""A hub in a thread of its own, over real libp2p on 127.0.0.1: newcomers in this process find it there."""

import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import trio

from node.config import Config
from node.federation.bare import invite_key
from node.federation.code import Contact, Invite, encode, place_of
from node.federation.names import StateId
from node.federation.statements import FOR_MEMBERS, Grant, compose_grant, compose_settlement
from node.home import Home
from node.running import Keeping, Meshed, join, keep, now_ms
from node.signing import Intent
from store.entry import SALT_BYTES, Entry
from store.ids import LOG_ID, EntryId

LISTEN: Final = "/ip4/127.0.0.1/tcp/0"
DEADLINE_S: Final = 60.0
HOUR_MS: Final = 3_600_000

T = TypeVar("T")


class Hub:
    """A running node of a steward, and what its owner does there."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.keeping: Keeping
        self.meshed: Meshed
        self._ready = threading.Event()
        self._stop = trio.Event()
        self._token: trio.lowlevel.TrioToken
        self._thread = threading.Thread(target=trio.run, args=(self._run,), daemon=True)

    async def _run(self) -> None:
        config = Config(listen=(LISTEN,), hub=True)
        async with keep(self.home) as self.keeping, join(self.home, self.keeping, config) as self.meshed:
            self._token = trio.lowlevel.current_trio_token()
            self._ready.set()
            await self._stop.wait()

    def start(self) -> None:
        """Run it until `stop`."""
        self._thread.start()
        assert self._ready.wait(DEADLINE_S), "the hub did not start"

    def stop(self) -> None:
        """End it in good order."""
        if self._thread.is_alive():
            self._token.run_sync_soon(self._stop.set)
            self._thread.join(DEADLINE_S)

    def do(self, work: Callable[..., Awaitable[T]], *args: object) -> T:
        """Do something in the hub's thread."""
        return trio.from_thread.run(work, *args, trio_token=self._token)

    def say(self, body: bytes) -> Entry:
        """Write a statement in the name of the hub's device."""
        [entry] = self.do(self.keeping.author.write, LOG_ID, [Intent(body)])
        return entry

    @property
    def address(self) -> str:
        """Where it is, with /p2p/…"""
        return self.meshed.mesh.addresses[0]

    @property
    def state(self) -> StateId:
        """The latest state of the section of which its owner is a steward."""
        membership = self.home.membership
        assert membership is not None
        member = membership.roster.member_of(self.home.device)
        assert member is not None
        return membership.roster.stewarded(member)[0].state

    def grant(
        self, uses: int = 1, valid_ms: int = HOUR_MS, purpose: int = FOR_MEMBERS
    ) -> tuple[EntryId, str]:
        """Make an invite: the entry of its grant, and the code."""
        secret = os.urandom(16)
        terms = Grant(self.state, invite_key(secret).author, uses, now_ms() + valid_ms, purpose)
        entry = self.say(compose_grant(os.urandom(SALT_BYTES), terms))
        code = Invite(self.home.network[:16], secret, self.home.device, place_of(self.address))
        return entry.id, encode(code)

    def settle(self, grant: EntryId) -> None:
        """Close an invite that nobody used: it is revoked."""
        self.say(compose_settlement(os.urandom(SALT_BYTES), self.state, grant, []))

    def contact(self) -> str:
        """The code for a member's further device."""
        return encode(Contact(self.home.network[:16], self.home.device, place_of(self.address)))


@contextmanager
def running_hub(home: Home) -> Iterator[Hub]:
    """A hub over a home that is open for writing; it has ended when this is left."""
    hub = Hub(home)
    hub.start()
    try:
        yield hub
    finally:
        hub.stop()
