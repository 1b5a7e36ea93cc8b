"""What the blob of a long version or translation holds: its units. Pure.

canonical msgpack [1, units], the units as in a body of kind 33 or 35, at most 65,536 of them
"""

from collections.abc import Sequence
from typing import Final

from node.apps.documents.bodies import MAX_CONTENTS_BYTES, Rendered, read_rendered, read_units
from node.apps.documents.units import MAX_UNITS, Unit
from store.codec import decode, encode
from store.errors import NotCanonical

_VERSION: Final = 1


def pack(units: Sequence[Unit] | Sequence[Rendered]) -> bytes:
    """The content of the blob with these units."""
    return encode((_VERSION, [tuple(unit) for unit in units]))


def unpack_units(data: bytes) -> tuple[Unit, ...] | None:
    """The units of a long version, or None where the blob breaks a rule. Never raises."""
    return read_units(_list_in(data))


def unpack_rendered(data: bytes) -> tuple[Rendered, ...] | None:
    """The units of a long translation, or None where the blob breaks a rule. Never raises."""
    return read_rendered(_list_in(data))


def _list_in(data: bytes) -> object:
    try:
        value = decode(data, MAX_CONTENTS_BYTES, MAX_UNITS)
    except NotCanonical:
        return None
    match value:
        case (version, units) if type(version) is int and version == _VERSION:
            return units
    return None
