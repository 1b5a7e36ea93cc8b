"""The courier: does the steps of the messenger in the writer's thread, and what is due by itself.

What members ask for is gathered: all steps that wait go into one transaction, and if one of them is refused
each is done alone. What has arrived is looked at as it comes; after each look the writer is left alone for as
long as it took, so that whoever floods us with packets slows down nothing but the messenger.
"""

import logging
import os
import time
from collections.abc import Callable
from typing import Final, TypeVar

import trio

from node.apps.messenger import receiving, steps, upkeep
from node.apps.messenger.bodies import box_of
from node.apps.messenger.desk import Desk
from node.desk import Room
from node.errors import Fault, NodeError
from node.messaging.world import BundleShelf, HomeWorld
from node.signing import Draft
from store.crypto import keyed_digest
from store.sqlite.views import Views

_log = logging.getLogger(__name__)

ATTEMPTS: Final = 100
"""Packets that are opened in one step: some 30 ms of the writer's thread."""

MAX_STEPS: Final = 100
"""Steps of one transaction: who sends a thousand messages at once leaves others their turn."""

IDLE_S: Final = 60.0
"""At the latest after so long it is looked whether something is due."""

MIN_WAIT_S: Final = 0.02
"""Clocks may differ by some ms."""

AGAIN_MS: Final = 10_000
"""Until what is due and could not be done is tried again."""

RETRY_S: Final = 30.0
"""After a step of our own has failed, for example because the disk is full."""

_PICKLE_DOMAIN: Final = b"asterism/pickle/1"
_KEY_BYTES: Final = 32

Step = Callable[[Desk], None]

T = TypeVar("T")


class _Wish:
    """A step that somebody waits for."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.is_done = False
        self.error: NodeError | None = None


class Courier:
    """Steps of the messenger of a running node. For the trio thread."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._shelf = BundleShelf(room.home)
        self._pickle_key = keyed_digest(room.home.home_key, _PICKLE_DOMAIN, _KEY_BYTES)
        self._lock = trio.Lock()
        self._wishes: list[_Wish] = []
        self._changed = trio.Event()
        self._wanted = trio.Event()
        self._is_behind = False

    # --- steps ----------------------------------------------------------------------------------------

    async def compose(self, step: Step) -> None:
        """Do a step that writes; returns once all is durable. Raises: NodeError: nothing was changed."""
        wish = _Wish(step)
        self._wishes.append(wish)
        try:
            async with self._lock:
                while not wish.is_done:
                    wishes, self._wishes = self._wishes[:MAX_STEPS], self._wishes[MAX_STEPS:]
                    with trio.CancelScope(shield=True):
                        await self._fulfil(wishes)
        finally:
            if wish in self._wishes:
                self._wishes.remove(wish)
        self._tell()
        if wish.error is not None:
            raise wish.error

    async def _fulfil(self, wishes: list[_Wish]) -> None:
        """Do some steps in one transaction; where one is refused, each in its own."""

        def together(desk: Desk) -> None:
            for wish in wishes:
                wish.step(desk)

        try:
            await self._composed(together)
        except NodeError as error:
            if len(wishes) > 1:
                for wish in wishes:
                    await self._fulfil([wish])
                return
            wishes[0].error = error
        except BaseException:
            for wish in wishes:
                wish.error = Fault()  # nobody waits for ever for what ends the daemon
            raise
        finally:
            for wish in wishes:
                wish.is_done = True

    async def _composed(self, step: Step) -> None:
        make = self._desk_maker()

        def composed(views: Views) -> list[Draft]:
            return steps.run(make(views), step)

        await self._room.compose(composed)

    async def change(self, step: Callable[[Desk], T]) -> T:
        """Do a step that writes no entry; with the next sync to the disk it is durable. Raises: NodeError."""
        make = self._desk_maker()
        found: list[T] = []

        def kept(desk: Desk) -> None:
            found.append(step(desk))

        def changed(views: Views) -> None:
            drafts = steps.run(make(views), kept)
            assert not drafts

        await self._room.change(changed)
        self._tell()
        return found[0]

    def _desk_maker(self) -> Callable[[Views], Desk]:
        """Makes the desk of a step, in the writer's thread."""
        self._room.names.refresh()
        census, now_ms = self._room.names.census(), self._room.now_ms()
        caught_up_ms = self._room.mesh.last_synced_ms(box_of(self._room.home.device))

        def make(views: Views) -> Desk:
            world = HomeWorld(self._room.home, census, self._shelf, caught_up_ms)
            return Desk(views, world, self._pickle_key, now_ms, os.urandom)

        return make

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
        self._wanted.set()

    @property
    def news(self) -> trio.Event:
        """Set with the next step that is done: take it before looking, and wait for it afterwards."""
        return self._changed

    # --- what is done by itself -----------------------------------------------------------------------

    async def run(self) -> None:
        """Take in what arrives and do what is due, until cancelled."""
        self._is_behind = True  # packets may wait from before
        while True:
            try:
                await self._take_in()
                due_ms = await self._keep_up()
                self._wanted = trio.Event()
                seen = self._room.intake.commits
                if not await self._room.ask(self._has_arrived):
                    await self._wait(seen, due_ms)
            except NodeError as error:  # the disk is full, or this home must not sign: it may again later
                _log.warning("the messenger waits: %s", error.message)
                await trio.sleep(RETRY_S)

    async def _take_in(self) -> None:
        """Look at everything that has arrived."""
        while self._is_behind or await self._room.ask(self._has_arrived):
            begun_s = time.monotonic()
            self._is_behind = await self.change(lambda desk: receiving.take(desk, ATTEMPTS))
            if self._is_behind:
                await trio.sleep(time.monotonic() - begun_s)

    async def _keep_up(self) -> int | None:
        """Do what is due; when something is next, Unix ms."""
        due_ms = await self._room.ask(self._next_due)
        if due_ms is not None and due_ms <= self._room.now_ms() and not self._room.home.why_not:
            await self.compose(upkeep.keep_up)
            due_ms = await self._room.ask(self._next_due)
        if due_ms is not None and due_ms <= self._room.now_ms():
            due_ms = self._room.now_ms() + AGAIN_MS  # it waits for something else, such as a peer
        return due_ms

    def _has_arrived(self) -> bool:
        with self._room.home.entries.views() as views:
            return bool(views.execute("SELECT 1 FROM chat_arrived LIMIT 1"))

    def _next_due(self) -> int | None:
        with self._room.home.entries.views() as views:
            return upkeep.next_due(views)

    async def _wait(self, seen: int, due_ms: int | None) -> None:
        """Wait until something was committed, was asked for, or is due."""
        wait_s = IDLE_S
        if due_ms is not None:
            wait_s = min(IDLE_S, max(MIN_WAIT_S, (due_ms - self._room.now_ms()) / 1_000))
        with trio.move_on_after(wait_s):
            async with trio.open_nursery() as nursery:

                async def committed() -> None:
                    await self._room.intake.changed(seen)
                    nursery.cancel_scope.cancel()

                nursery.start_soon(committed)
                await self._wanted.wait()
                nursery.cancel_scope.cancel()
