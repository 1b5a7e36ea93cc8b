"""mDNS: silent unless asked for; two that ask find each other. On the loopback interface."""

import os
import sys

import pytest
import trio

from gossip.net.address import parse_address, peer_id_text
from gossip.net.discovery import Discovery
from store.ids import AuthorId

SOON_S = 60.0
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts sockets in /proc")


def udp_sockets() -> int:
    """Sockets of this process in the kernel's tables of UDP."""
    tables = ""
    for name in ("udp", "udp6"):
        with open(f"/proc/self/net/{name}", encoding="ascii") as table:
            tables += table.read()
    inodes = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            link = os.readlink(f"/proc/self/fd/{fd}")
        except FileNotFoundError:
            continue
        if link.startswith("socket:["):
            inodes.add(link[8:-1])
    return sum(line.split()[9] in inodes for line in tables.splitlines() if line.split()[9:])


async def test_a_host_that_was_not_asked_opens_no_way_to_announce_anything(hosts) -> None:
    before = udp_sockets()
    await hosts.start(1)
    assert udp_sockets() == before


async def test_two_that_ask_find_each_other(nursery) -> None:
    alice, bob = AuthorId(b"\x01" * 32), AuthorId(b"\x02" * 32)
    found = {alice: trio.Event(), bob: trio.Event()}
    places: dict[AuthorId, tuple[str, ...]] = {}
    before = udp_sockets()

    def finder(own: AuthorId):
        def note(device: AuthorId, addresses: tuple[str, ...]) -> None:
            if device in found and device != own:
                places[device] = addresses
                found[device].set()

        return note

    async with trio.open_nursery() as inner:
        for number, device in enumerate((alice, bob)):
            addresses = (
                f"/ip4/127.0.0.1/tcp/{4_000 + number}/p2p/{peer_id_text(device)}",
                f"/ip6/::1/tcp/{4_000 + number}/p2p/{peer_id_text(device)}",
            )
            inner.start_soon(
                Discovery(device, lambda told=addresses: told, finder(device), ["127.0.0.1"]).run
            )
        with trio.fail_after(SOON_S):
            await found[alice].wait()
            await found[bob].wait()
        inner.cancel_scope.cancel()
    assert set(places[bob]) == {"/ip4/127.0.0.1/tcp/4001", "/ip6/::1/tcp/4001"}
    assert all(parse_address(text).peer is None for text in places[alice])
    assert udp_sockets() == before
