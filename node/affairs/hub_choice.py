"""Which hub a code names, and at which address: the best of those that are known. Pure.

A newcomer dials what stands in the code, so a hub that we are connected to goes before one that we only
know of, one of our own section before another's, and an address that everybody can dial before one of the
local network or of this machine.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from node.errors import BadData, Missing
from node.federation.code import BadCode, Place, place_of
from store.ids import AuthorId


class Node(NamedTuple):
    """A node that may serve newcomers."""

    device: AuthorId
    addresses: tuple[str, ...]
    """Multiaddrs, those that are likely to work first; with or without ``/p2p/…``."""
    is_own: bool = False
    is_hub: bool = False
    is_connected: bool = False
    is_near: bool = False
    """Of a member of the section for which the code is made."""


class Hub(NamedTuple):
    """The node that a code names."""

    device: AuthorId
    place: Place
    is_own: bool
    is_hub: bool


def choose_hub(nodes: Iterable[Node]) -> Hub:
    """The best node: this one if it is a hub, else a hub, one that is connected first, else this one.

    Raises:
        Missing: none of them has an address that fits a code.
    """
    for node in sorted(nodes, key=_rank):
        if node.is_hub or node.is_own:
            place = best_place(node.addresses)
            if place is not None:
                return Hub(node.device, place, node.is_own, node.is_hub)
    raise Missing(
        "No hub is known, and nobody could dial this node.",
        "Let this node listen at an address that others can dial: listen in config.toml.",
    )


def choose_of(named: Sequence[Node], text: str) -> Hub:
    """The best of nodes that were named, hubs first. Raises: BadData: none has an address for a code."""
    for node in sorted(named, key=lambda node: (not node.is_hub, *_rank(node))):
        place = best_place(node.addresses)
        if place is not None:
            return Hub(node.device, place, node.is_own, node.is_hub)
    raise BadData(
        f"No address of {text} is known that fits a code.",
        "Tell one: aster peer add ADDRESS, with its /p2p/…",
    )


def best_place(addresses: Iterable[str]) -> Place | None:
    """The first of the most widely reachable places; None where no address fits a code."""
    places = []
    for address in addresses:
        try:
            places.append(place_of(address))
        except BadCode:
            continue
    return min(places, key=_reach, default=None)


def _rank(node: Node) -> tuple[bool, bool, bool, bool]:
    return (not (node.is_own and node.is_hub), not node.is_hub, not node.is_connected, not node.is_near)


def _reach(place: Place) -> int:
    """How far a place can be reached from: 0 from everywhere."""
    try:
        address = ipaddress.ip_address(place.host)
    except ValueError:
        return 3 if place.host == "localhost" else 0
    if address.is_loopback or address.is_unspecified:
        return 3
    return 0 if address.is_global else 2 if address.is_link_local else 1
