"""Safety numbers: the same for both members, another one for everybody else."""

import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from node.federation.names import RootId
from node.federation.safety import member_number, safety_number
from store.ids import NetworkId

NETWORKS = st.binary(min_size=32, max_size=32).map(NetworkId)
ROOTS = st.binary(min_size=32, max_size=32).map(RootId)


@given(NETWORKS, ROOTS, ROOTS)
def test_both_members_see_the_same_number(network: NetworkId, one: RootId, other: RootId) -> None:
    number = safety_number(network, one, other)
    assert number == safety_number(network, other, one)
    assert re.fullmatch(r"[0-9]{5}( [0-9]{5}){11}", number)
    halves = sorted([member_number(network, one), member_number(network, other)])
    assert number == " ".join(halves)


@given(NETWORKS, ROOTS, ROOTS, ROOTS)
def test_with_somebody_else_the_number_is_another(
    network: NetworkId, one: RootId, other: RootId, third: RootId
) -> None:
    same = safety_number(network, one, other) == safety_number(network, one, third)
    assert same == (other == third)


@given(NETWORKS, NETWORKS, ROOTS)
def test_in_another_network_a_member_has_another_number(
    network: NetworkId, second: NetworkId, root: RootId
) -> None:
    assert (member_number(network, root) == member_number(second, root)) == (network == second)


def test_a_number_follows_from_the_words_of_the_specification() -> None:
    network, root = NetworkId(bytes(32)), RootId(bytes([1] * 32))
    hashed = hashlib.blake2b(b"asterism/safety/1\0" + network + root, digest_size=32).digest()
    groups = [int.from_bytes(hashed[at : at + 5], "big") % 100_000 for at in (0, 5, 10, 15, 20, 25)]
    assert member_number(network, root) == " ".join(f"{group:05}" for group in groups)
