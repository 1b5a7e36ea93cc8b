"""Which hub stands in a code: one that is there, at an address that everybody can dial."""

import pytest

from node.affairs.hub_choice import Node, best_place, choose_hub, choose_of
from node.errors import BadData, Missing
from node.federation.code import Place
from store.ids import AuthorId

OWN, HUB, OTHER = (AuthorId(bytes([number]) * 32) for number in range(3))
HERE = ("/ip4/127.0.0.1/tcp/7000",)
LAN = ("/ip4/192.168.1.7/tcp/7000",)
WIDE = ("/ip4/127.0.0.1/tcp/7000", "/ip4/192.168.1.7/tcp/7000", "/dns/hub.example.org/tcp/4001/p2p/x")


def test_this_node_is_named_where_it_is_a_hub() -> None:
    own = Node(OWN, LAN, is_own=True, is_hub=True)
    assert choose_hub([Node(HUB, LAN, is_hub=True, is_connected=True), own]).device == OWN


def test_else_a_hub_that_is_connected_before_one_that_is_only_known() -> None:
    own = Node(OWN, LAN, is_own=True)
    known, there = Node(OTHER, LAN, is_hub=True), Node(HUB, LAN, is_hub=True, is_connected=True)
    assert choose_hub([own, known, there]).device == HUB
    assert choose_hub([own, known]).device == OTHER


def test_of_two_hubs_that_are_there_the_one_of_our_section_is_named() -> None:
    far = Node(HUB, LAN, is_hub=True, is_connected=True)
    near = Node(OTHER, LAN, is_hub=True, is_connected=True, is_near=True)
    assert choose_hub([far, near]).device == OTHER
    assert choose_hub([far, near._replace(is_connected=False)]).device == HUB


def test_else_this_node_and_never_a_laptop_of_somebody_else() -> None:
    chosen = choose_hub([Node(OTHER, LAN, is_connected=True), Node(OWN, HERE, is_own=True)])
    assert (chosen.device, chosen.is_own, chosen.is_hub) == (OWN, True, False)


def test_a_hub_without_an_address_that_fits_a_code_is_passed_over() -> None:
    long = ("/dns/a-hub-with-a-very-long-name.example.org/tcp/1",)
    chosen = choose_hub([Node(HUB, long, is_hub=True, is_connected=True), Node(OWN, HERE, is_own=True)])
    assert chosen.device == OWN
    with pytest.raises(Missing, match="No hub"):
        choose_hub([Node(HUB, long, is_hub=True), Node(OWN, (), is_own=True)])


def test_a_named_node_need_be_no_hub() -> None:
    laptop, hub = Node(OTHER, LAN, is_connected=True), Node(HUB, LAN, is_hub=True)
    assert choose_of([laptop], "bob").device == OTHER
    assert choose_of([laptop, hub], "bob").device == HUB
    with pytest.raises(BadData, match="bob"):
        choose_of([Node(OTHER, ())], "bob")


@pytest.mark.parametrize(
    ("addresses", "host"),
    [
        (("/dns/hub.example.org/tcp/4001", *LAN), "hub.example.org"),
        ((*HERE, *LAN, "/ip4/8.8.8.8/tcp/1"), "8.8.8.8"),
        ((*HERE, "/ip6/fe80::1/tcp/1", *LAN), "192.168.1.7"),
        ((*HERE, "/ip6/2606:4700::1/tcp/1"), "2606:4700::1"),
        (HERE, "127.0.0.1"),
        (("nonsense", "/ip4/10.0.0.1/tcp/5", "/ip4/10.0.0.2/tcp/5"), "10.0.0.1"),
    ],
)
def test_the_most_widely_reachable_address_is_taken(addresses: tuple[str, ...], host: str) -> None:
    place = best_place(addresses)
    assert place is not None
    assert place.host == host


def test_without_an_address_there_is_no_place() -> None:
    assert best_place(()) is None
    assert best_place(("/ip4/1.2.3.4/udp/1/quic",)) is None
    assert best_place(HERE) == Place("127.0.0.1", 7000)
