"""Guests of the libp2p host: devices that Noise has proven and that are not admitted.

A guest's connection stands beside the swarm's book: no event tells of it, gossip does not see it, and
of all protocols only those are served that were registered for guests, over few streams and for a
short time. A visit is the same from the other side: we dial somebody as a guest, for one stream.
"""

import functools
from collections.abc import Callable

import trio
from libp2p.custom_types import TProtocol
from libp2p.protocol_muxer.exceptions import MultiselectError
from libp2p.protocol_muxer.multiselect import Multiselect
from libp2p.stream_muxer.exceptions import MuxedConnUnavailable

from gossip.net.guest_places import GuestPlaces, TooManyGuests
from gossip.net.libp2p_negotiation import BoundedCommunicator, ask_for
from gossip.net.libp2p_service import NEGOTIATE_S, serve_alone
from gossip.net.libp2p_stream import MuxedStream
from gossip.net.libp2p_tcp import origin_of
from gossip.net.libp2p_yamux import Muxer
from gossip.net.transport import GuestHandler
from gossip.net.visit import Visit
from gossip.proto import limits
from store.ids import AuthorId


class Guests:
    """Those who are here now."""

    def __init__(self, admit: Callable[[AuthorId], bool], guests: Callable[[AuthorId], bool]) -> None:
        """`admit`, `guests`: may this device connect as a peer; and if not, as a guest?"""
        self._admit = admit
        self._guests = guests
        self._handlers: dict[str, GuestHandler] = {}
        self._here: dict[Muxer, int] = {}
        """Each connection, with how many of its streams are being served."""
        self._leaving: set[Muxer] = set()
        self._places = GuestPlaces()
        self._select = Multiselect()

    def __len__(self) -> int:
        return len(self._here)

    def handle(self, protocol: str, handler: GuestHandler) -> None:
        """Serve guests' streams of `protocol`."""
        self._handlers[protocol] = handler
        self._select.add_handler(TProtocol(protocol), None)

    async def serve(self, muxer: Muxer) -> None:
        """Serve one guest until it goes, is sent away, or its time is over. Never raises."""
        try:
            with self._places.place(origin_of(muxer.session.conn.remote_ip)):
                self._here[muxer] = 0
                self._look(muxer)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._accept, muxer, nursery)
                    await muxer.start()
                    nursery.cancel_scope.cancel()
        except TooManyGuests as fault:
            muxer.break_off(str(fault))
        finally:
            muxer.break_off("the time of a guest is over")
            self._here.pop(muxer, None)
            self._leaving.discard(muxer)

    def recheck(self) -> None:
        """Send away who may not be a guest any more. Who is admitted now finishes what it is doing, and
        then dials again."""
        for muxer in list(self._here):
            self._look(muxer)

    def _look(self, muxer: Muxer) -> None:
        if self._admit(muxer.author):
            self._leaving.add(muxer)
            if not self._here[muxer]:
                muxer.break_off("it is no guest any more")
        elif not self._guests(muxer.author):
            muxer.break_off("not admitted, not even as a guest")

    async def _accept(self, muxer: Muxer, nursery: trio.Nursery) -> None:
        while True:
            try:
                stream = await muxer.accept_stream()
            except MuxedConnUnavailable:
                return
            nursery.start_soon(self._serve_stream, muxer, stream)

    async def _serve_stream(self, muxer: Muxer, stream: MuxedStream) -> None:
        self._here[muxer] += 1
        try:
            await serve_alone(stream, functools.partial(self._negotiate, stream))
            if muxer in self._leaving and self._here[muxer] == 1:
                await trio.sleep(limits.LAST_WORDS_S)
        finally:
            self._here[muxer] -= 1
        if muxer in self._leaving and not self._here[muxer]:
            muxer.break_off("it is no guest any more")

    async def _negotiate(self, stream: MuxedStream) -> None:
        protocol, _ = await self._select.negotiate(BoundedCommunicator(stream), NEGOTIATE_S)
        if protocol is None:
            raise MultiselectError("no protocol was agreed on")
        await self._handlers[protocol](stream, stream.conn.session.conn.remote_ip)


async def open_visit(muxer: Muxer, protocol: str) -> Visit:
    """Open the one stream of a connection that we dialled as a guest and that runs already.

    Raises:
        NotConnected: the peer does not speak `protocol`, or hung up.
    """
    stream = await muxer.open_stream()
    await ask_for(stream, protocol)
    return Visit(stream, muxer.close)
