"""The address book: where admitted devices are, as the mesh learns it.

What is learned is written in a thread, some time later and together: the mesh tells of each greeting and
each announcement, and a write may have to wait for a large transaction. For the trio thread.
"""

import logging
from collections.abc import Callable
from typing import Final

import trio

from gossip.errors import BadAddress
from gossip.net.address import parse_address
from gossip.proto.events import Learned
from node.home import Home
from store.errors import StoreError
from store.ids import AuthorId

WRITE_WAIT_S: Final = 1.0
"""What is learned within this time is written together."""

LAST_WRITE_S: Final = 2.0
"""How long the last write may take when the daemon ends."""

REFRESH_MS: Final = 600_000
"""The same news of a device are written again after ten minutes: `last_seen_ms` is no more exact."""

MAX_LEARNED: Final = 20_000
"""Devices of which we remember what was written, as many as the book has; forgotten whole beyond that."""

_log = logging.getLogger(__name__)


class AddressBook:
    """Writes down what the mesh learns."""

    def __init__(self, home: Home, now_ms: Callable[[], int]) -> None:
        """`now_ms`: Unix time in ms."""
        self._home = home
        self._now_ms = now_ms
        self._news: dict[AuthorId, Learned] = {}
        self._written: dict[AuthorId, tuple[Learned, int]] = {}
        self._told = trio.Event()

    def learn(self, news: Learned) -> None:
        """Note where a device is, if it is let in and this is news. Never waits."""
        if not self._home.allowed.admits_peer(news.peer) or not self._is_news(news):
            return
        before = self._news.get(news.peer)
        if before is not None and before.met and not news.met:
            return  # where it was reached says more than where it says that it is
        self._news[news.peer] = news
        self._told.set()

    async def run(self) -> None:
        """Write what is learned, until cancelled, and then what waits still: where a hub is may be known for
        a second only. What cannot be written is learned again some day."""
        try:
            while True:
                await self._told.wait()
                await trio.sleep(WRITE_WAIT_S)
                await self._write_news()
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_WRITE_S):
                await self._write_news()

    async def _write_news(self) -> None:
        self._told = trio.Event()
        news, self._news = self._news, {}
        if news:
            await trio.to_thread.run_sync(self._write, list(news.values()))

    def _is_news(self, news: Learned) -> bool:
        written = self._written.get(news.peer)
        return written is None or written[0] != news or self._now_ms() - written[1] > REFRESH_MS

    def _write(self, news: list[Learned]) -> None:
        now_ms = self._now_ms()
        for each in news:
            addresses = [text for text in each.addresses if _is_address(text)]
            try:
                self._home.tables.learn_addresses(each.peer, addresses, now_ms, reached=each.met)
            except StoreError:
                _log.exception("the address book could not be written")
                return
            if len(self._written) >= MAX_LEARNED:
                self._written.clear()
            self._written[each.peer] = (each, now_ms)


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except BadAddress:
        return False
    return True
