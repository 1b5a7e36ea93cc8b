"""How far the mesh has taken own messages: to how many peers they went, and whether a hub has them.

A message *went to* a peer if it was connected when that was written, or has completed a sync since. A hub
*has* it once a sync that began afterwards has ended well: both sides hold the same then. Both only count of
who said that he takes it (`node.messaging.covering`). Hubs are asked so only while something waits for it.
What is found is kept in `chat_progress`; counts only grow.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Final, NamedTuple

import trio

from gossip.net.sync_streams import SyncReport
from gossip.proto.interest import Interest
from node.apps.messenger.desk import Desk
from node.desk import Room
from node.messaging.courier import Courier
from node.messaging.covering import Keys, Share, takes
from store.ids import AuthorId
from store.sqlite.views import ReadViews

LOOK_S: Final = 0.5
"""Between two looks while something is on its way."""

MAX_LOOK_S: Final = 10.0
"""While nothing comes of it: nobody is connected, or no hub."""

REST_S: Final = 5.0
"""At least so long passes between two syncs with one hub; it doubles while nothing comes of it."""

MAX_REST_S: Final = 300.0

KEEP_MS: Final = 30 * 86_400_000
"""What is older lies on no hub any more."""

MAX_WAITING: Final = 1_000
"""Messages that are looked after at a time, the newest."""


class Waiting(NamedTuple):
    """An own message that no hub is known to have."""

    n: int
    written_ms: int
    keys: Keys
    """Of its session."""
    place: int
    """Its index in that."""


class Dispatch:
    """Watches over what was sent, for the trio thread."""

    def __init__(self, room: Room, courier: Courier) -> None:
        self._room = room
        self._courier = courier
        self._links: dict[AuthorId, int] = {}
        """Since when each peer has been connected, Unix ms."""
        self._peers: dict[int, set[AuthorId]] = {}
        """To whom each message that waits went."""
        self._next_s: dict[AuthorId, tuple[float, float]] = {}
        """When each hub may be asked again, and how long we rest then; on trio's clock."""

    async def run(self) -> None:
        """Watch, until cancelled."""
        rest_s = LOOK_S
        latest = 0
        while True:
            news = self._courier.news
            waiting = await self._room.ask(self._waiting)
            self._note_links()
            found = self._gone_to(waiting)
            if found:
                await self._keep(found)
            for hub in self._hubs() if waiting else ():
                taken = self._taken_by(hub, waiting)
                if taken:
                    await self._confirm(hub, taken)
            self._peers = {each.n: self._peers[each.n] for each in waiting if each.n in self._peers}
            is_new = bool(found) or (waiting and waiting[0].n > latest)
            latest = waiting[0].n if waiting else latest
            rest_s = LOOK_S if is_new else min(2 * rest_s, MAX_LOOK_S)
            if not waiting:
                await news.wait()
            elif is_new:
                await trio.sleep(LOOK_S)
            else:
                with trio.move_on_after(rest_s):
                    await news.wait()

    def _waiting(self) -> list[Waiting]:
        with self._room.home.entries.views() as views:
            rows = views.execute(
                "SELECT m.n, m.arrived_ms, m.s, m.idx FROM chat_messages AS m"
                " LEFT JOIN chat_progress AS p ON p.n = m.n"
                " WHERE m.s IN (SELECT s FROM chat_senders) AND m.arrived_ms > ? AND coalesce(p.hubs, 0) = 0"
                " ORDER BY m.n DESC LIMIT ?",
                (self._room.now_ms() - KEEP_MS, MAX_WAITING),
            )
            keys = {s: _keys_of(views, s) for s in {row[2] for row in rows}}
        return [Waiting(n, written_ms, keys[s], place) for n, written_ms, s, place in rows]

    def _note_links(self) -> None:
        connected, now_ms = set(self._room.mesh.connected()), self._room.now_ms()
        self._links = {device: self._links.get(device, now_ms) for device in connected}

    def _gone_to(self, waiting: Sequence[Waiting]) -> dict[int, int]:
        """Messages that went to more peers than were known, with how many these are."""
        synced, found = self._room.mesh.synced_ms(), dict[int, int]()
        interests = self._room.mesh.interests()
        for each in waiting:
            peers = self._peers.setdefault(each.n, set())
            before = len(peers)
            peers |= {
                device
                for device, since_ms in self._links.items()
                if (since_ms <= each.written_ms or synced.get(device, 0) >= max(since_ms, each.written_ms))
                and self._is_taken(device, each, interests)
            }
            if len(peers) > before:
                found[each.n] = len(peers)
        return found

    def _is_taken(self, device: AuthorId, message: Waiting, interests: Mapping[AuthorId, Interest]) -> bool:
        """Does that peer take the message, by what it last said that it carries?"""
        home, logs = self._room.home, message.keys.logs_for(device, message.place)
        sections_of = home.allowed.section_ids_of
        return takes(interests.get(device), home.device, logs, message.written_ms, sections_of)

    def _taken_by(self, hub: AuthorId, waiting: Sequence[Waiting]) -> list[Waiting]:
        interests = self._room.mesh.interests()
        return [each for each in waiting if self._is_taken(hub, each, interests)]

    def _hubs(self) -> list[AuthorId]:
        now_s, mesh = trio.current_time(), self._room.mesh
        return [
            device
            for device in self._links
            if mesh.state_of(device).hub and self._next_s.get(device, (-math.inf, 0))[0] <= now_s
        ]

    async def _confirm(self, hub: AuthorId, waiting: Sequence[Waiting]) -> None:
        """Sync with a hub that takes these messages; if that goes well it has them."""
        is_good = False
        async with aclosing(self._room.mesh.sync([hub])) as session:
            async for news in session:
                if isinstance(news, SyncReport):
                    is_good = news.ended.ok
        _, rest_s = self._next_s.get(hub, (0.0, REST_S))
        rest_s = REST_S if is_good else min(2 * rest_s, MAX_REST_S)
        self._next_s[hub] = (trio.current_time() + (LOOK_S if is_good else rest_s), rest_s)
        if is_good:
            for each in waiting:
                self._peers.setdefault(each.n, set()).add(hub)
            await self._keep({each.n: len(self._peers[each.n]) for each in waiting}, hubs=1)

    async def _keep(self, peers: dict[int, int], hubs: int = 0) -> None:
        now_ms = self._room.now_ms()

        def keep(desk: Desk) -> None:
            for n, count in peers.items():
                desk.views.execute(
                    "INSERT INTO chat_progress VALUES (?, ?, ?, ?) ON CONFLICT (n) DO UPDATE SET"
                    " peers = max(peers, excluded.peers), hubs = max(hubs, excluded.hubs)",
                    (n, count, hubs, now_ms),
                )

        await self._courier.change(keep)


def _keys_of(views: ReadViews, session: int) -> Keys:
    rows = views.execute("SELECT device, from_index, got_ms FROM chat_shares WHERE s = ?", (session,))
    return Keys(Share(AuthorId(device), from_index, got_ms > 0) for device, from_index, got_ms in rows)
