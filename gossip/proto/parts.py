"""What one turn of a range reconciliation consists of, and its bytes. `gossip.proto.reconcile` uses it.

    Split      [0, depth, prefix, bits, fingerprints]
    Listed     [1, depth, prefix, fingerprints]
    Positions  [2, positions]
    Wanted     [3, fingerprints]

A range is named by the first `depth` (0 to 64) bits of its places, as the number `prefix`.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from gossip.errors import RemoteFault
from gossip.proto import limits
from gossip.proto.fields import require

POSITION_BYTES: Final = 24
"""A packed position, see `gossip.proto.reconcile`."""


class Split(NamedTuple):
    """Fingerprints of the 2**bits equal parts of the range (depth, prefix)."""

    depth: int
    prefix: int
    bits: int
    fingerprints: bytes


class Listed(NamedTuple):
    """Fingerprints of all items in the range (depth, prefix), in the order of their places."""

    depth: int
    prefix: int
    fingerprints: bytes


class Positions(NamedTuple):
    """Where the sender is in logs that differ; packed, 24 bytes each, see `gossip.proto.reconcile`."""

    packed: bytes


class Wanted(NamedTuple):
    """Item fingerprints that the sender does not have: tell your positions there."""

    fingerprints: bytes


Part: TypeAlias = Split | Listed | Positions | Wanted


_NUMBERS: Final = {Split: 0, Listed: 1, Positions: 2, Wanted: 3}


def part_values(part: Part) -> list[Any]:
    """The values of a part, its number first."""
    return [_NUMBERS[type(part)], *part]


def parse_parts(parts: Sequence[Any]) -> tuple[Part, ...]:
    """The parts of a turn. Raises: RemoteFault."""
    require(1 <= len(parts) <= limits.MAX_TURN_PARTS, "number of parts in a turn")
    return tuple(map(_parse_part, parts))


def _parse_part(values: tuple[Any, ...]) -> Part:
    require(type(values) is tuple and len(values) >= 2 and type(values[0]) is int, "a part")
    require(type(values[-1]) is bytes, "a part ends with bytes")
    match values:
        case (0, depth, prefix, bits, packed):
            _check_range(depth, prefix)
            require(
                type(bits) is int and 1 <= bits <= limits.MAX_SPLIT_BITS and depth + bits <= 64, "a split"
            )
            require(len(packed) == limits.FINGERPRINT_BYTES << bits, "a split")
            return Split(depth, prefix, bits, packed)
        case (1, depth, prefix, packed):
            _check_range(depth, prefix)
            require(len(packed) % limits.FINGERPRINT_BYTES == 0, "a list")
            return Listed(depth, prefix, packed)
        case (2, packed):
            require(len(packed) > 0 and len(packed) % POSITION_BYTES == 0, "positions")
            return Positions(packed)
        case (3, packed):
            require(len(packed) > 0 and len(packed) % limits.FINGERPRINT_BYTES == 0, "wanted")
            return Wanted(packed)
        case _:
            raise RemoteFault("an unknown part of a turn")


def _check_range(depth: Any, prefix: Any) -> None:  # noqa: ANN401 (values from outside)
    require(
        type(depth) is int and type(prefix) is int and 0 <= depth <= 64 and 0 <= prefix < 1 << depth,
        "a range",
    )
