"""What every message has in common: a canonical msgpack list that begins with its number.

Whatever breaks a rule is a `RemoteFault`.
"""

from typing import Any, Final

from gossip.errors import RemoteFault, Severity
from gossip.proto import limits
from store.codec import decode_shaped
from store.errors import InvalidEntry
from store.ids import LOG_ID, MAX_LOGS_PER_AUTHOR

PROTOCOL_VERSION: Final = 1
"""Of the push and sync protocols and of announcements. A peer of another version is let go, and told why."""

ALL_LOGS: Final = 2**MAX_LOGS_PER_AUTHOR - 1
"""An interest in every log: bit n stands for log number n."""

ID_LOGS: Final = 1 << LOG_ID
"""An interest in `id` logs alone."""

HASH_BYTES: Final = 32


def values_of(data: bytes) -> tuple[Any, ...]:
    """The values of a message, its number first; their types are the caller's to check.

    Raises:
        RemoteFault: no canonical list within the bounds of a frame.
    """
    try:
        values = decode_shaped(data, limits.MAX_FRAME_BYTES, limits.MAX_FRAME_ITEMS)
    except InvalidEntry as error:
        raise RemoteFault(f"no message: {error}") from error
    if type(values) is not tuple or not values or type(values[0]) is not int:
        raise RemoteFault("a message is a list that begins with its number")
    return values


def require(condition: bool, what: str) -> None:
    """Raises: RemoteFault: the condition does not hold; `what` names the part that is wrong."""
    if not condition:
        raise RemoteFault(f"a malformed message: {what}")


def expect(condition: bool, what: str) -> None:
    """Raises: RemoteFault: a message came that has no place now; `what` says which."""
    if not condition:
        raise RemoteFault(what)


def is_bytes(value: object, size: int) -> bool:
    """Whether `value` is a byte string of `size` bytes."""
    return type(value) is bytes and len(value) == size


def require_addresses(value: Any) -> None:  # noqa: ANN401 (a value from outside)
    """Raises: RemoteFault: no list of at most `limits.MAX_ADDRESSES` addresses in printable ASCII."""
    require(type(value) is tuple and len(value) <= limits.MAX_ADDRESSES, "addresses")
    require(all(type(address) is str and is_address(address) for address in value), "addresses")


def is_address(text: str) -> bool:
    """Whether a text may travel as an address: 1 to `limits.MAX_ADDRESS_CHARS` printable ASCII characters.

    Whether it can be dialled, the transport says.
    """
    return 1 <= len(text) <= limits.MAX_ADDRESS_CHARS and text.isascii() and text.isprintable()


def require_version(value: object) -> None:
    """Raises: RemoteFault: another version than ours."""
    require(type(value) is int, "version")
    if value != PROTOCOL_VERSION:
        raise RemoteFault(f"the peer speaks version {value} of the protocol", Severity.SLIGHT)


def printable(text: str) -> str:
    """Text of another program as it may be shown to people and sent on: no controls, no surrogates."""
    return "".join(char if char.isprintable() else "?" for char in text)
