"""Safety numbers: what two members read to each other to be sure that they see the same keys. Pure.

docs/protocol/federation.md, "Safety numbers".
"""

from typing import Final

from node.federation.names import RootId
from store.crypto import digest
from store.ids import NetworkId

GROUPS: Final = 6
"""Of one member: 30 digits, 99 bits."""

DIGITS: Final = 5
_GROUP_BYTES: Final = 5
_DOMAIN: Final = b"asterism/safety/1\x00"


def member_number(network: NetworkId, root: RootId) -> str:
    """The number of one member: six groups of five digits with spaces between them."""
    hashed = digest(_DOMAIN + network + root)
    return " ".join(
        f"{int.from_bytes(hashed[at : at + _GROUP_BYTES], 'big') % 10**DIGITS:0{DIGITS}}"
        for at in range(0, GROUPS * _GROUP_BYTES, _GROUP_BYTES)
    )


def safety_number(network: NetworkId, one: RootId, other: RootId) -> str:
    """The number of two members, the same for both: twelve groups of five digits."""
    return " ".join(sorted((member_number(network, one), member_number(network, other))))
