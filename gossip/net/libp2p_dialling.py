"""How the libp2p host tries the addresses of one peer: a little apart, and one handshake at a time."""

import math
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from gossip.errors import Unreachable
from gossip.net.address import Address
from gossip.net.libp2p_swarm import HungUp
from gossip.net.libp2p_tcp import TcpConnection, connect_tcp

DIAL_STAGGER_S: Final = 0.2
"""Head start of each address over the next: the nearest that answers wins, and few are troubled."""

HANDSHAKE_SLICE_S: Final = 4.0
"""How long a server may keep silent after TCP connected before the next address is tried."""

Secure = Callable[[TcpConnection], Awaitable[object]]
"""Shakes hands over a connection. Raises: Unreachable."""


async def dial_each(secure: Secure, places: list[Address], failures: list[str]) -> bool:
    """Reach for all places and shake hands with those that answer; says in `failures` why one did not.

    True: the right device answered, whether the connection still stands or not. The caller sets the deadline.
    """
    answered = False
    send, receive = trio.open_memory_channel[TcpConnection | Unreachable](len(places))
    try:
        async with trio.open_nursery() as nursery:
            for number, place in enumerate(places):
                nursery.start_soon(_reach, place, number * DIAL_STAGGER_S, send)
            for left in reversed(range(len(places))):
                reached = await receive.receive()
                failure = await _shake(reached, secure, HANDSHAKE_SLICE_S if left else math.inf)
                if failure is None or isinstance(failure, HungUp):
                    answered = True
                if failure is None:
                    break
                failures.append(str(failure))
            nursery.cancel_scope.cancel()
    finally:
        for _ in range(receive.statistics().current_buffer_used):
            unused = receive.receive_nowait()
            if isinstance(unused, TcpConnection):
                unused.close_now()
    return answered


async def _reach(
    place: Address, wait_s: float, send: trio.MemorySendChannel[TcpConnection | Unreachable]
) -> None:
    await trio.sleep(wait_s)
    try:
        send.send_nowait(await connect_tcp(place))
    except Unreachable as error:
        send.send_nowait(error)


async def _shake(reached: TcpConnection | Unreachable, secure: Secure, limit_s: float) -> Unreachable | None:
    """Shake hands with what was reached; None if that worked, else why not."""
    if isinstance(reached, Unreachable):
        return reached
    try:
        with trio.fail_after(limit_s):
            await secure(reached)
    except Unreachable as error:
        return error
    except trio.TooSlowError:
        return Unreachable(f"{reached.remote_text}: connected, but silent")
    return None
